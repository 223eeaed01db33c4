//! What a server is to hold, as data.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    encode,
    permissions::{BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet},
    principal::{IntoPrincipals, Principal},
};

mod check;
mod file;
mod nearest;
mod wanted;

pub(crate) use wanted::Wanted;

/// Principals by permission.
pub(crate) type Lists = BTreeMap<String, BTreeSet<Principal>>;

/// What a server is to hold: buckets with their groups and collections, and who may do what with them.
///
/// It is data: [`Client::plan`](crate::Client::plan) compares it with what the server has, and applying that plan makes
/// the server match. What it does not mention is left alone: an attribute, a list of permissions, the members
/// of a group, whole collections. Into a list of permissions or members that it does mention those are put that it names;
/// others in it are shown, and stay, unless the plan is [pruned](crate::Plan::prune).
///
/// It reads and writes itself with serde, as JSON, YAML, or whatever has maps. A key that it does not know is an error,
/// and so is a name that is there twice.
///
/// ```
/// use kinto_client::{Blueprint, BucketSpec, CollectionSpec, GroupSpec, json};
///
/// let editors = GroupSpec::from(["account:alexis", "account:niko"]).permissions(|p| p.read("system.Authenticated"));
/// let posts = CollectionSpec::new().attributes(json!({"sort": "-date"})).permissions(|p| p.write("group:editors"));
/// let blueprint = Blueprint::new().bucket(
///     "blog",
///     BucketSpec::new().permissions(|p| p.read("system.Everyone")).group("editors", editors).collection("posts", posts),
/// );
///
/// let file = r#"
/// {"buckets": {"blog": {
///     "permissions": {"read": ["system.Everyone"]},
///     "groups": {"editors": {
///         "members": ["account:alexis", "account:niko"],
///         "permissions": {"read": ["system.Authenticated"]}
///     }},
///     "collections": {"posts": {
///         "attributes": {"sort": "-date"},
///         "permissions": {"write": ["group:editors"]}
///     }}
/// }}}"#;
/// assert_eq!(blueprint, serde_json::from_str(file).unwrap());
/// ```
///
/// `group:editors` is the group `editors` of the same bucket, which the blueprint must have. A group of
/// another bucket is written as the server does: `/buckets/blog/groups/editors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Blueprint {
    /// The buckets, by their ids. `default` is your own.
    pub buckets: BTreeMap<String, BucketSpec>,
    /// What the builder was given and cannot be; it is said when a plan is made.
    #[serde(skip)]
    problems: Vec<String>,
}

/// What a bucket is to be, for a [`Blueprint`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BucketSpec {
    /// Attributes of the bucket; others that it has are left alone.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Who may do what with the bucket; lists that are not here are left alone.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub permissions: BTreeMap<String, BTreeSet<Principal>>,
    /// The groups, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, GroupSpec>,
    /// The collections, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub collections: BTreeMap<String, CollectionSpec>,
    #[serde(skip)]
    problems: Vec<String>,
}

/// What a group is to be, for a [`Blueprint`]. An array or a vector of principals turns into one that has these members.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupSpec {
    /// The members; `None` leaves those alone that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<BTreeSet<Principal>>,
    /// Attributes of the group; others that it has are left alone.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Who may do what with the group; lists that are not here are left alone.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub permissions: BTreeMap<String, BTreeSet<Principal>>,
    #[serde(skip)]
    problems: Vec<String>,
}

/// What a collection is to be, for a [`Blueprint`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CollectionSpec {
    /// Attributes of the collection, such as `schema` and `sort`; others that it has are left alone.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Who may do what with the collection; lists that are not here are left alone.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub permissions: BTreeMap<String, BTreeSet<Principal>>,
    #[serde(skip)]
    problems: Vec<String>,
}

impl Blueprint {
    /// One without anything in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a bucket. To one that is there already this adds what it lacks; what both have is an error when a plan is
    /// made.
    #[must_use]
    pub fn bucket(mut self, id: impl Into<String>, spec: impl Into<BucketSpec>) -> Self {
        let (id, spec) = (id.into(), spec.into());
        match self.buckets.remove(&id) {
            Some(known) if (known.has_own() && spec.has_own()) => {
                self.problems.push(format!("the bucket {id:?} is declared twice"));
                self.buckets.insert(id, known);
            }
            Some(known) => drop(self.buckets.insert(id, known.and(spec))),
            None => drop(self.buckets.insert(id, spec)),
        }
        self
    }
}

impl BucketSpec {
    /// A bucket with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a group: `["account:alexis"]` for its members, or a [`GroupSpec`].
    #[must_use]
    pub fn group(mut self, id: impl Into<String>, spec: impl Into<GroupSpec>) -> Self {
        insert(&mut self.groups, "group", id.into(), spec.into(), &mut self.problems);
        self
    }

    /// Adds a collection of locks, for [`Client::fenced_by`](crate::Client::fenced_by): with `write` for all who write
    /// behind the fence.
    ///
    /// ```
    /// use kinto_client::{Blueprint, BucketSpec, CollectionSpec};
    ///
    /// let bucket = BucketSpec::new()
    ///     .group("writers", ["account:alexis", "account:niko"])
    ///     .collection("votes", CollectionSpec::new().permissions(|p| p.write("group:writers")))
    ///     .locks("locks", "group:writers");
    /// # drop(Blueprint::new().bucket("app", bucket));
    /// ```
    #[must_use]
    pub fn locks(self, id: impl Into<String>, writers: impl IntoPrincipals) -> Self {
        self.collection(id, CollectionSpec::new().permissions(|p| p.write(writers)))
    }

    /// Adds a collection.
    #[must_use]
    pub fn collection(mut self, id: impl Into<String>, spec: impl Into<CollectionSpec>) -> Self {
        insert(&mut self.collections, "collection", id.into(), spec.into(), &mut self.problems);
        self
    }

    /// Whether anything is said of the bucket itself.
    pub(super) fn has_own(&self) -> bool {
        !(self.attributes.is_empty() && self.permissions.is_empty())
    }

    fn and(mut self, other: Self) -> Self {
        self.attributes.extend(other.attributes);
        self.permissions.extend(other.permissions);
        self.problems.extend(other.problems);
        let all = other.groups.into_iter().fold(self, |all, (id, group)| all.group(id, group));
        other.collections.into_iter().fold(all, |all, (id, collection)| all.collection(id, collection))
    }
}

impl GroupSpec {
    /// A group whose members are left alone; a new one has none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its members. Others that it has stay, unless the plan is [pruned](crate::Plan::prune).
    #[must_use]
    pub fn members(mut self, members: impl IntoPrincipals) -> Self {
        self.members.get_or_insert_default().extend(members.into_principals());
        self
    }
}

impl CollectionSpec {
    /// A collection with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

fn insert<S>(specs: &mut BTreeMap<String, S>, kind: &str, id: String, spec: S, problems: &mut Vec<String>) {
    match specs.entry(id) {
        Entry::Vacant(free) => drop(free.insert(spec)),
        Entry::Occupied(known) => problems.push(format!("the {kind} {:?} is declared twice", known.key())),
    }
}

macro_rules! what_all_have {
    ($($spec:ty: $permissions:ty),+) => {$(
        impl $spec {
            /// Sets attributes: these, and others that were set before.
            #[must_use]
            pub fn attributes(mut self, attributes: impl Serialize) -> Self {
                match encode::object(&attributes) {
                    Ok(attributes) => self.attributes.extend(attributes),
                    Err(error) => self.problems.push(error.to_string()),
                }
                self
            }

            /// Who may do what. Others in these lists stay, unless the plan is [pruned](crate::Plan::prune).
            #[must_use]
            pub fn permissions(mut self, build: impl FnOnce($permissions) -> $permissions) -> Self {
                self.grant(&build(<$permissions>::default()));
                self
            }

            /// Declares that the list of this permission is to be empty: whoever is in it is shown as extra, and taken out
            /// by a plan that is [pruned](crate::Plan::prune).
            #[must_use]
            pub fn nobody_may(mut self, permission: impl Into<String>) -> Self {
                self.permissions.insert(permission.into(), BTreeSet::new());
                self
            }

            fn grant(&mut self, permissions: &$permissions) {
                for (name, list) in permissions.lists() {
                    self.permissions.entry(name.to_owned()).or_default().extend(list.iter().cloned());
                }
            }
        }
    )+};
}

what_all_have!(
    BucketSpec: BucketPermissions,
    GroupSpec: GroupPermissions,
    CollectionSpec: CollectionPermissions
);

impl<P: Into<Principal>, const N: usize> From<[P; N]> for GroupSpec {
    fn from(members: [P; N]) -> Self {
        Self::new().members(members)
    }
}

impl<P: Into<Principal>> From<Vec<P>> for GroupSpec {
    fn from(members: Vec<P>) -> Self {
        Self::new().members(members)
    }
}
