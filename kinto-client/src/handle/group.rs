use super::Group;
use crate::{
    operation::{Call, update::Update},
    wire::object::{attributes::GroupAttributes, kind, principal::Principal},
};

/// The type of the changes that [`Group::add_members`] and [`Group::remove_members`] make to a group.
pub type ChangeMembers = Box<dyn FnMut(&mut GroupAttributes) + Send>;

/// The members of a group.
impl Group {
    /// Adds members and keeps the others. If another client changed the group in between, this is repeated.
    ///
    /// Principals that are members already are ignored.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// let editors = bucket.group("editors");
    /// editors.create().await?;
    /// let group = editors.add_members(["account:niko", "account:remy"]).await?;
    /// assert!(group.contains("account:niko"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such group;
    /// [`Error::is_invalid`](crate::Error::is_invalid) for a group, `system.Everyone`, or what matches no user, such as `niko`
    /// without its `account:`.
    pub fn add_members<P: Into<Principal>>(
        &self,
        members: impl IntoIterator<Item = P>,
    ) -> Call<'static, Update<kind::Group, GroupAttributes, ChangeMembers>> {
        let members: Vec<Principal> = members.into_iter().map(Into::into).collect();
        let add: ChangeMembers = Box::new(move |group| {
            for member in &members {
                group.add(member);
            }
        });
        Call::new(&self.client, Update::idempotent(self.place.clone(), add))
    }

    /// Removes members and keeps the others, as [`add_members`](Self::add_members) does.
    pub fn remove_members<P: Into<Principal>>(
        &self,
        members: impl IntoIterator<Item = P>,
    ) -> Call<'static, Update<kind::Group, GroupAttributes, ChangeMembers>> {
        let members: Vec<Principal> = members.into_iter().map(Into::into).collect();
        let remove: ChangeMembers = Box::new(move |group| {
            for member in &members {
                group.remove(member);
            }
        });
        Call::new(&self.client, Update::idempotent(self.place.clone(), remove))
    }
}

impl From<&Group> for Principal {
    fn from(group: &Group) -> Self {
        Self::group(group.place.list.bucket().unwrap_or_default(), &*group.place.id)
    }
}

impl From<Group> for Principal {
    fn from(group: Group) -> Self {
        Self::from(&group)
    }
}
