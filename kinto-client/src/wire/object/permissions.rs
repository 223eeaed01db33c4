use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
    marker::PhantomData,
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

use super::principal::{IntoPrincipals, Principal};
use crate::error::{Error, Result};
use crate::json::key::Key;

/// The permissions of an object, as far as the server shows them.
///
/// The server shows the permissions of an object only to users in its `write` list (by name or through a
/// group). To all others, including the owner of the bucket, it returns an empty object; lists never include
/// permissions. "Not visible" is therefore not the same as "none": such permissions cannot be edited, and
/// saving them changes nothing.
///
/// ```
/// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
/// # let server = kinto_server::Server::shared().expect("a server");
/// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
/// # let bucket = client.bucket(kinto_server::unique("doc"));
/// let mut object = bucket.create().await?;
/// object.permissions.edit()?.read.insert("account:niko".into());
/// bucket.save_permissions(&mut object).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permissions<P> {
    /// All permissions of the object, which can be changed with [`edit`](Self::edit).
    Visible(Arc<P>),
    /// Unknown permissions, which the server did not show.
    #[default]
    NotVisible,
}

impl<P> Permissions<P> {
    /// Returns the permissions if they are visible.
    #[must_use]
    pub fn get(&self) -> Option<&P> {
        match self {
            Self::Visible(permissions) => Some(permissions),
            Self::NotVisible => None,
        }
    }

    /// Returns the permissions to be changed.
    ///
    /// [`save_permissions`](crate::Bucket::save_permissions) or a save of the whole object sends the change.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotVisible`](crate::ErrorKind::NotVisible) if the server did not show them: saving an edit
    /// would erase the unknown ones. `grant` and `revoke` work nevertheless.
    pub fn edit(&mut self) -> Result<&mut P>
    where
        P: Clone,
    {
        match self {
            Self::Visible(permissions) => Ok(Arc::make_mut(permissions)),
            Self::NotVisible => Err(Error::not_visible()),
        }
    }

    /// Returns a shared copy of the permissions, to compare with later.
    pub(crate) fn shared(&self) -> Option<Arc<P>> {
        match self {
            Self::Visible(permissions) => Some(Arc::clone(permissions)),
            Self::NotVisible => None,
        }
    }
}

/// The permissions of a response, in which an empty object means "not visible", not "none": a user to whom they
/// are visible is in the `write` list.
pub(crate) struct Shown<P>(pub(crate) Permissions<P>);

impl<'de, P: PermissionSet> Deserialize<'de> for Shown<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Lists<P>(PhantomData<P>);

        impl<'de, P: PermissionSet> Visitor<'de> for Lists<P> {
            type Value = Shown<P>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("lists of principals")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut lists: A) -> std::result::Result<Shown<P>, A::Error> {
                let mut permissions = None;
                while let Some(Key(name)) = lists.next_key()? {
                    *permissions.get_or_insert_with(P::default).list_mut(&name) = lists.next_value()?;
                }
                Ok(Shown(permissions.map_or(Permissions::NotVisible, |lists| Permissions::Visible(lists.into()))))
            }
        }

        deserializer.deserialize_map(Lists(PhantomData))
    }
}

/// The permissions of one kind of object, with one set of principals per permission.
pub trait PermissionSet:
    sealed::Sealed + Clone + Default + Debug + PartialEq + Send + Sync + Serialize + 'static
{
    /// The names of the permissions on the server.
    #[doc(hidden)]
    const NAMES: &'static [&'static str];

    #[doc(hidden)]
    fn lists(&self) -> BTreeMap<&str, &BTreeSet<Principal>>;

    #[doc(hidden)]
    fn list_mut(&mut self, name: &str) -> &mut BTreeSet<Principal>;

    /// Checks principals that are to be given these permissions.
    #[doc(hidden)]
    fn check(&self) -> Result<()> {
        self.lists().values().flat_map(|list| list.iter()).try_for_each(Principal::check)
    }

    /// Checks principals that are to lose these permissions.
    #[doc(hidden)]
    fn check_revoked(&self) -> Result<()> {
        self.lists().values().flat_map(|list| list.iter()).try_for_each(Principal::check_text)
    }

    /// Returns the union of these permissions and those of `other`.
    #[doc(hidden)]
    #[must_use]
    fn with(mut self, other: &Self) -> Self {
        for (name, list) in other.lists() {
            self.list_mut(name).extend(list.iter().cloned());
        }
        self
    }

    /// Returns these permissions without those of `other`.
    #[doc(hidden)]
    #[must_use]
    fn without(mut self, other: &Self) -> Self {
        for (name, list) in other.lists() {
            if self.lists().contains_key(name) {
                self.list_mut(name).retain(|principal| !list.contains(principal));
            }
        }
        self
    }

    /// Returns the lists for a PUT, which replaces all lists if there is at least one, and none otherwise.
    #[doc(hidden)]
    fn whole(&self) -> BTreeMap<&str, BTreeSet<Principal>> {
        let lists = self.lists().into_iter().map(|(name, list)| (name, list.clone()));
        let lists: BTreeMap<_, _> = lists.collect();
        if lists.is_empty() { BTreeMap::from([("write", BTreeSet::new())]) } else { lists }
    }

    /// Returns the lists that differ from `before` for a PATCH, which replaces whole lists; one that was emptied
    /// is an empty list.
    #[doc(hidden)]
    fn changed_since<'a>(&'a self, before: &'a Self) -> BTreeMap<&'a str, BTreeSet<Principal>> {
        let (old, new) = (before.lists(), self.lists());
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        names
            .into_iter()
            .filter_map(|name| {
                let (old, new) = (old.get(name), new.get(name));
                (old != new).then(|| (name, new.map(|&list| list.clone()).unwrap_or_default()))
            })
            .collect()
    }
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! permission_set {
    ($(#[$doc:meta])* $set:ident { $($(#[$field_doc:meta])* $field:ident = $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct $set {
            $(
                $(#[$field_doc])*
                #[serde(rename = $wire, default, skip_serializing_if = "BTreeSet::is_empty")]
                pub $field: BTreeSet<Principal>,
            )+
            /// Permissions that this version of the library has no field for, kept as they are.
            #[serde(flatten)]
            pub other: BTreeMap<String, BTreeSet<Principal>>,
        }

        impl $set {
            $(
                $(#[$field_doc])*
                ///
                /// Adds principals and returns the set, for the closures of `.permissions()`, `grant` and
                /// `revoke`.
                #[must_use]
                pub fn $field(mut self, principals: impl IntoPrincipals) -> Self {
                    self.$field.extend(principals.into_principals());
                    self
                }
            )+
        }

        impl sealed::Sealed for $set {}

        impl PermissionSet for $set {
            const NAMES: &'static [&'static str] = &[$($wire),+];

            fn lists(&self) -> BTreeMap<&str, &BTreeSet<Principal>> {
                [$(($wire, &self.$field)),+]
                    .into_iter()
                    .chain(self.other.iter().map(|(name, list)| (name.as_str(), list)))
                    .filter(|(_, list)| !list.is_empty())
                    .collect()
            }

            fn list_mut(&mut self, name: &str) -> &mut BTreeSet<Principal> {
                match name {
                    $($wire => &mut self.$field,)+
                    other => self.other.entry(other.to_owned()).or_default(),
                }
            }
        }
    };
}

permission_set! {
    /// The permissions of a bucket.
    BucketPermissions {
        /// The principals that may read the bucket and everything in it.
        read = "read",
        /// The principals that may read, change and delete the bucket and everything in it.
        write = "write",
        /// The principals that may create collections in the bucket.
        collection_create = "collection:create",
        /// The principals that may create groups in the bucket.
        group_create = "group:create",
    }
}

permission_set! {
    /// The permissions of a collection.
    CollectionPermissions {
        /// The principals that may read the collection and its records.
        read = "read",
        /// The principals that may read, change and delete the collection and its records.
        write = "write",
        /// The principals that may create records in the collection, and read the ones they created.
        record_create = "record:create",
    }
}

permission_set! {
    /// The permissions of a group.
    GroupPermissions {
        /// The principals that may read the group.
        read = "read",
        /// The principals that may read, change and delete the group.
        write = "write",
    }
}

permission_set! {
    /// The permissions of a record.
    RecordPermissions {
        /// The principals that may read the record.
        read = "read",
        /// The principals that may read, change and delete the record.
        write = "write",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_since_returns_only_differing_lists() {
        let before = BucketPermissions::default().write(["a", "b"]).read("c");
        let after = BucketPermissions::default().write(["b", "a"]).group_create("d");
        let changed = after.changed_since(&before);
        assert_eq!(
            changed,
            BTreeMap::from([("group:create", BTreeSet::from(["d".into()])), ("read", BTreeSet::new())])
        );
        assert!(after.changed_since(&after).is_empty());
    }

    #[test]
    fn permissions_keep_unknown_names() {
        let json = r#"{"read":["a"],"share":["b"]}"#;
        let set: RecordPermissions = serde_json::from_str(json).unwrap();
        assert_eq!(set.other["share"], BTreeSet::from(["b".into()]));
        assert_eq!(serde_json::to_string(&set).unwrap(), json);
    }
}
