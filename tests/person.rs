use kinto_client::{Client, ClientBuilder, Principal};
use kinto_server::unique;
use serde_json::json;

use crate::{Plain, Recorder, scene::PASSWORD};

/// Somebody with an account on a server, and nothing else there.
#[derive(Debug)]
pub struct Person {
    /// The id of the account.
    pub id: String,
    /// A client of that person, whose requests are recorded.
    pub client: Client,
    /// What [`client`](Self::client) sends. Nothing yet.
    pub sent: Recorder,
    /// The same person through a client of another make.
    pub plain: Plain,
}

impl Person {
    /// Gives somebody an account on the server at that address; its id begins with `name`.
    pub async fn new(url: &str, name: &str) -> Self {
        let (id, sent) = (unique(name), Recorder::default());
        Plain::new(url, "admin", "admin").put_data(&format!("/accounts/{id}"), &json!({"password": PASSWORD})).await;
        let builder = Client::builder(url).auth((&id, PASSWORD));
        let client = builder.transport(sent.clone()).build().expect("a client");
        Self { plain: Plain::new(url, &id, PASSWORD), client, sent, id }
    }

    /// What permissions and groups call this person.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::account(&self.id)
    }

    /// Sets up another client of that person, with the library's own transport, for the server at `url`.
    pub fn client_at(&self, url: &str) -> ClientBuilder {
        Client::builder(url).auth((&self.id, PASSWORD))
    }
}
