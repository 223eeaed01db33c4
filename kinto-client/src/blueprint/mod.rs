//! Blueprints: buckets, groups and collections that are declared, compared with a server, and created or changed there.
//!
//! A [`Blueprint`] is data. [`Client::plan`](crate::Client::plan) compares it with the server and returns a [`Plan`], whose
//! text lists each difference; [`Plan::apply`] does exactly that.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let id = kinto_server::unique("doc");
//! use kinto_client::blueprint::{Blueprint, BucketSpec};
//!
//! let blueprint = Blueprint::new().bucket(&id, BucketSpec::new());
//! let plan = client.plan(&blueprint).await?;
//! println!("{plan}");
//! plan.apply().await?;
//! assert!(client.plan(&blueprint).await?.is_empty());
//! # Ok(()) }
//! ```

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    json::encode,
    wire::object::{
        permissions::{BucketPermissions, CollectionPermissions, GroupPermissions, PermissionSet},
        principal::{IntoPrincipals, Principal},
    },
};

mod apply;
mod check;
mod client;
mod deserialize;
mod desired;
mod ensure;
pub(crate) mod observed;
pub(crate) mod plan;
mod suggest;
mod survey;
mod target;
mod write;

pub use {
    apply::{Apply, ApplyReport},
    ensure::{Ensure, EnsureOutcome},
    plan::{
        ComputePlan, Plan,
        difference::Difference,
        step::{Action, Step},
    },
};

/// Principals by permission.
pub(crate) type Lists = BTreeMap<String, BTreeSet<Principal>>;

/// A declaration of buckets with their groups and collections, and of the permissions on them.
///
/// It is data: [`Client::plan`](crate::Client::plan) compares it with the server, and applying that plan makes the
/// server match. Attributes, lists of permissions, members of a group and whole collections that it does not declare
/// are left unchanged. Principals in a declared list are added to those on the server; others in the list are shown
/// and stay, unless the plan is [pruned](crate::blueprint::Plan::prune).
///
/// It implements serde's traits, for JSON, YAML, or any format with maps. An unknown key is an error, and so is
/// a duplicate name.
///
/// ```
/// use kinto_client::{Blueprint, blueprint::{BucketSpec, CollectionSpec, GroupSpec}, json};
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
/// `group:editors` stands for the group `editors` of the same bucket, which the blueprint must declare. A group
/// of another bucket is written as the server does: `/buckets/blog/groups/editors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Blueprint {
    /// The buckets by their ids; `default` is your personal bucket.
    pub buckets: BTreeMap<String, BucketSpec>,
    /// The errors of the builder, which are returned when a plan is computed.
    #[serde(skip)]
    problems: Vec<String>,
}

/// The declaration of a bucket in a [`Blueprint`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BucketSpec {
    /// The attributes to set; others of the bucket are left unchanged.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// The lists of permissions to set; others of the bucket are left unchanged.
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

/// The declaration of a group in a [`Blueprint`].
///
/// An array or a vector of principals converts to a group with these members.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupSpec {
    /// The members, or `None` to leave them unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<BTreeSet<Principal>>,
    /// The attributes to set; others of the group are left unchanged.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// The lists of permissions to set; others of the group are left unchanged.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub permissions: BTreeMap<String, BTreeSet<Principal>>,
    #[serde(skip)]
    problems: Vec<String>,
}

/// The declaration of a collection in a [`Blueprint`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CollectionSpec {
    /// The attributes to set, such as `schema` and `sort`; others of the collection are left unchanged.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// The lists of permissions to set; others of the collection are left unchanged.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub permissions: BTreeMap<String, BTreeSet<Principal>>,
    #[serde(skip)]
    problems: Vec<String>,
}

impl Blueprint {
    /// Creates an empty blueprint.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a bucket, or extends one that is declared already.
    ///
    /// A part that both declare is an error when a plan is computed.
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
    /// Creates the declaration of a bucket without any contents.
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

    /// Adds a collection of locks for [`Client::fenced_by`](crate::Client::fenced_by), with `write` for all programs
    /// that write behind the fence.
    ///
    /// ```
    /// use kinto_client::{Blueprint, blueprint::{BucketSpec, CollectionSpec}};
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

    /// Returns `true` if the blueprint declares anything of the bucket itself.
    pub(crate) fn has_own(&self) -> bool {
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
    /// Creates the declaration of a group whose members are left unchanged; a new group has none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the members. Other members stay, unless the plan is [pruned](crate::blueprint::Plan::prune).
    #[must_use]
    pub fn members(mut self, members: impl IntoPrincipals) -> Self {
        self.members.get_or_insert_default().extend(members.into_principals());
        self
    }
}

impl CollectionSpec {
    /// Creates the declaration of a collection without any contents.
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

/// Gives each declaration the methods that all have. Methods of a trait would have to be imported where they are called.
macro_rules! shared_methods {
    ($($spec:ty: $permissions:ty),+) => {$(
        impl $spec {
            /// Adds attributes to those that were set before.
            #[must_use]
            pub fn attributes(mut self, attributes: impl Serialize) -> Self {
                match encode::object(&attributes) {
                    Ok(attributes) => self.attributes.extend(attributes),
                    Err(error) => self.problems.push(error.to_string()),
                }
                self
            }

            /// Sets the permissions. Other principals in these lists stay, unless the plan is
            /// [pruned](crate::blueprint::Plan::prune).
            #[must_use]
            pub fn permissions(mut self, build: impl FnOnce($permissions) -> $permissions) -> Self {
                for (name, list) in build(<$permissions>::default()).lists() {
                    self.permissions.entry(name.to_owned()).or_default().extend(list.iter().cloned());
                }
                self
            }

            /// Declares an empty list for this permission: principals in it are shown as extra, and removed by a plan
            /// that is [pruned](crate::blueprint::Plan::prune).
            #[must_use]
            pub fn nobody_may(mut self, permission: impl Into<String>) -> Self {
                self.permissions.insert(permission.into(), BTreeSet::new());
                self
            }
        }
    )+};
}

shared_methods!(
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
