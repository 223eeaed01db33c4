use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use kinto_client::{Bucket, Client, ClientBuilder, Collection};
use kinto_server::{Backend, Server, unique};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::{Proxy, RawClient, Recorder};

/// The password of every test's user.
pub(crate) const PASSWORD: &str = "p4ssw0rd";

/// A test's own user, and its own bucket with one empty collection, on a server that others use too.
#[derive(Debug)]
pub struct Fixture {
    /// A client of that user, whose requests are recorded.
    pub client: Client,
    /// The recorder of the requests of [`client`](Self::client), which has sent none yet.
    pub sent: Recorder,
    /// The same user through a client of another make.
    pub plain: RawClient,
    /// The bucket, which exists.
    pub bucket: Bucket,
    /// The collection `todos`, which exists and is empty.
    pub todos: Collection,
    /// The path of its records.
    pub records: String,
    /// The name of the user.
    pub user: String,
    url: String,
}

/// Returns one of the servers that tests share. In memory each is one process with one thread that runs, so that there are two.
fn next_server() -> &'static Server {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    static SECOND: OnceLock<Server> = OnceLock::new();
    let first = Server::shared().expect("a server");
    let is_first = NEXT.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
    if is_first || first.backend() != Backend::Memory {
        return first;
    }
    // Any setting makes it another server.
    SECOND.get_or_init(|| Server::builder().setting("kinto.project_docs", "second").shared().expect("a server"))
}

impl Fixture {
    /// A fixture on a server that tests share.
    pub async fn new() -> Self {
        Self::on(next_server().url()).await
    }

    /// A fixture on the server at that address.
    pub async fn on(url: &str) -> Self {
        let (user, bucket, sent) = (unique("user"), unique("scene"), Recorder::default());
        let plain = RawClient::new(url, &user, PASSWORD);
        plain.put(&format!("/buckets/{bucket}"), &json!({})).await;
        plain.put(&format!("/buckets/{bucket}/collections/todos"), &json!({})).await;
        let builder = Client::builder(url).auth((&user, PASSWORD));
        let client = builder.transport(sent.clone()).build().expect("a client");
        let bucket = client.bucket(bucket);
        Self {
            todos: bucket.collection("todos"),
            records: format!("/buckets/{}/collections/todos/records", bucket.id()),
            client,
            sent,
            plain,
            bucket,
            user,
            url: url.to_owned(),
        }
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of a record.
    #[must_use]
    pub fn record(&self, id: &str) -> String {
        format!("{}/{id}", self.records)
    }

    /// Puts records there, many at a time: each its id and its data.
    pub async fn fill(&self, records: impl IntoIterator<Item = (String, Value)>) {
        // What the server takes at once, unless it was set up otherwise.
        const BATCH: usize = 25;
        let put = |(id, data): (String, Value)| json!({"path": self.record(&id), "body": {"data": data}});
        let requests: Vec<Value> = records.into_iter().map(put).collect();
        for requests in requests.chunks(BATCH) {
            let answer = self.plain.post("/batch", &json!({"defaults": {"method": "PUT"}, "requests": requests})).await;
            for response in answer["responses"].as_array().expect("responses") {
                assert!(response["status"] == 201 || response["status"] == 200, "{response}");
            }
        }
    }

    /// Sets up another client of the user, with the library's own transport, for the server at `url`.
    pub fn client_at(&self, url: &str) -> ClientBuilder {
        Client::builder(url).auth((&self.user, PASSWORD))
    }

    /// The collection as it is reached through a proxy.
    #[must_use]
    pub fn todos_through(&self, proxy: &Proxy) -> Collection {
        self.todos_of(&self.client_at(proxy.url()).build().expect("a client"))
    }

    /// The collection as another client reaches it.
    #[must_use]
    pub fn todos_of(&self, client: &Client) -> Collection {
        client.bucket(self.bucket.id()).collection("todos")
    }
}

/// The address of a server that is away: its port is taken, so that no other process gets it, and refuses connections.
#[must_use]
pub fn nowhere() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
    (format!("http://{}/v1", socket.local_addr().expect("an address")), socket)
}
