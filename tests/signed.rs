use std::sync::{Mutex, OnceLock};

use kinto_client::{Client, Collection};
use kinto_server::{Backend, Server, unique};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{RawClient, TestUser};

fn place(backend: Backend) -> usize {
    usize::from(backend == Backend::PostgreSql)
}

fn start(backend: Backend) -> Server {
    let builder = Server::builder().backend(backend).signer([
        "/buckets/workspace -> /buckets/preview -> /buckets/published",
        "/buckets/drafts -> /buckets/drafts-published",
        "/buckets/plain -> /buckets/plain-published",
        "/buckets/solo/collections/plan -> /buckets/solo-published/collections/plan",
        "/buckets/nowhere/collections/none -> /buckets/nowhere-published/collections/none",
        "/buckets/lost -> /buckets/lost-published",
    ]);
    let settings = [
        ("to_review_enabled", "true"),
        ("group_check_enabled", "true"),
        ("editors_group", "{collection_id}-editors"),
        ("reviewers_group", "{collection_id}-reviewers"),
        ("plain.to_review_enabled", "false"),
        ("plain.group_check_enabled", "false"),
        ("solo.plan.editors_group", "planners"),
        ("solo.plan.reviewers_group", "bosses-of-{bucket_id}"),
    ];
    // Pages of a few records, so that lists of more are read page by page.
    let builder = settings
        .into_iter()
        .fold(builder.paginate_by(7), |builder, (name, value)| builder.setting(format!("kinto.signer.{name}"), value));
    builder.shared().expect("a server with a signer")
}

/// The editor, the reviewer and the outsider of all tests: digests of passwords take longer than most of them.
async fn users(backend: Backend, url: &str) -> &'static [String; 3] {
    static USERS: [OnceCell<[String; 3]>; 2] = [const { OnceCell::const_new() }; 2];
    let make = async || {
        let (editor, reviewer, outsider) =
            tokio::join!(TestUser::new(url, "editor"), TestUser::new(url, "reviewer"), TestUser::new(url, "outsider"),);
        [editor.id, reviewer.id, outsider.id]
    };
    USERS[place(backend)].get_or_init(make).await
}

/// A collection of a signer, with an editor, a reviewer, and somebody who is neither and may write it, too.
///
/// The server and the people are shared; the collection is the test's own, and so are its groups.
#[derive(Debug)]
pub struct Signed {
    /// The collection's id, which is that of its preview and of the published one.
    pub id: String,
    /// The path of the collection that is edited.
    pub path: String,
    /// The path of the published collection.
    pub published: String,
    /// A member of the editors' group.
    pub editor: TestUser,
    /// A member of the reviewers' group.
    pub reviewer: TestUser,
    /// A member of neither, who may write the bucket.
    pub outsider: TestUser,
    /// The administrator, who owns the buckets, through a client of another make.
    pub admin: RawClient,
    bucket: String,
    url: String,
}

impl Signed {
    /// The server of these tests: reviews with a preview in `workspace`, without one in `drafts`; neither reviews nor groups
    /// in `plain`; groups of other names for one collection, `solo/plan`; one that nobody creates, `nowhere/none`;
    /// and `lost`, of which a test deletes what is published.
    ///
    /// It is kept until the tests end.
    #[must_use]
    pub fn server(backend: Backend) -> &'static Server {
        static SERVERS: [OnceLock<Server>; 2] = [const { OnceLock::new() }; 2];
        static STARTING: Mutex<()> = Mutex::new(());
        let server = &SERVERS[place(backend)];
        let _one_at_a_time = STARTING.lock().unwrap();
        server.get_or_init(|| start(backend))
    }

    /// A new collection in `workspace`.
    pub async fn new(backend: Backend) -> Self {
        Self::within(backend, "workspace").await
    }

    /// A new collection in one of the buckets.
    pub async fn within(backend: Backend, bucket: &str) -> Self {
        let url = Self::server(backend).url();
        let admin = RawClient::new(url, "admin", "admin");
        let [editor, reviewer, outsider] = users(backend, url).await.clone().map(|id| TestUser::known(url, id));
        let (id, bucket) = (unique("c"), bucket.to_owned());
        let path = format!("/buckets/{bucket}/collections/{id}");
        admin.put(&format!("/buckets/{bucket}"), &json!({"permissions": {"read": ["system.Authenticated"]}})).await;
        let writers = json!({"permissions": {"write": [outsider.principal()]}});
        admin.put(&path, &writers).await;
        for (group, member) in [("editors", &editor), ("reviewers", &reviewer)] {
            let data = json!({"data": {"members": [member.principal()]}});
            admin.put(&format!("/buckets/{bucket}/groups/{id}-{group}"), &data).await;
        }
        let published = if bucket == "workspace" { "published".to_owned() } else { format!("{bucket}-published") };
        let published = format!("/buckets/{published}/collections/{id}");
        Self { id, path, published, editor, reviewer, outsider, admin, bucket, url: url.to_owned() }
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The collection as somebody reaches it.
    #[must_use]
    pub fn of(&self, client: &Client) -> Collection {
        client.bucket(&*self.bucket).collection(&*self.id)
    }

    /// Puts a record into the collection, as the editor.
    pub async fn put(&self, id: &str, data: &Value) {
        self.editor.plain.put_data(&format!("{}/records/{id}", self.path), data).await;
    }

    /// The attributes of the collection as they are stored.
    pub async fn held(&self) -> Value {
        self.admin.object(&self.path).await
    }

    /// The status of the collection as it is stored.
    pub async fn status(&self) -> String {
        self.held().await["status"].as_str().expect("a status").to_owned()
    }

    /// Changes attributes without any check of ours; gives the status of the response, and its message.
    pub async fn raw(&self, user: &TestUser, attributes: &Value) -> (u16, String) {
        let body = json!({"data": attributes});
        let answer = user.plain.send(http::Method::PATCH, &self.path, Some(&body)).await;
        (answer.status.as_u16(), answer.json()["message"].as_str().unwrap_or_default().to_owned())
    }

    /// The ids of the published records.
    pub async fn published_ids(&self) -> Vec<String> {
        self.admin.ids(&format!("{}/records", self.published)).await
    }
}
