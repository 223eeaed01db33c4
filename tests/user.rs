use kinto_client::{Client, ClientBuilder, Principal};
use kinto_server::unique;
use serde_json::json;

use crate::{RawClient, Recorder, fixture::PASSWORD};

/// Somebody with an account on a server, and nothing else there.
#[derive(Debug)]
pub struct TestUser {
    /// The id of the account.
    pub id: String,
    /// A client of that person, whose requests are recorded.
    pub client: Client,
    /// The recorder of the requests of [`client`](Self::client), which has sent none yet.
    pub sent: Recorder,
    /// The same person through a client of another make.
    pub plain: RawClient,
}

impl TestUser {
    /// Gives somebody an account on the server at that address; its id begins with `name`.
    pub async fn new(url: &str, name: &str) -> Self {
        let id = unique(name);
        RawClient::new(url, "admin", "admin")
            .put_data(&format!("/accounts/{id}"), &json!({"password": PASSWORD}))
            .await;
        Self::known(url, id)
    }

    /// Somebody who has an account already, with [`PASSWORD`].
    pub(crate) fn known(url: &str, id: String) -> Self {
        let sent = Recorder::default();
        let builder = Client::builder(url).auth((&id, PASSWORD));
        let client = builder.transport(sent.clone()).build().expect("a client");
        Self { plain: RawClient::new(url, &id, PASSWORD), client, sent, id }
    }

    /// Returns the principal of this person, for permissions and groups.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::account(&self.id)
    }

    /// Sets up another client of that person, with the library's own transport, for the server at `url`.
    pub fn client_at(&self, url: &str) -> ClientBuilder {
        Client::builder(url).auth((&self.id, PASSWORD))
    }
}
