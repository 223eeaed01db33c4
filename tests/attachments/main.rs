//! Files of records, on a server with `kinto-attachment`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "that is how a test fails"
)]

use kinto_client::{KintoRecord, attachment::Attachment};
use kinto_server::{Backend, Builder, Server};
use kinto_tests::Fixture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod cuts;
mod deletes;
mod downloads;
mod folders;
mod hosts;
mod large;
mod previews;
mod records;
mod rooms;
mod stores;
mod traps;
mod uploads;

/// A record whose type has a field for its file.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Note {
    n: u32,
    #[kinto(attachment)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
}

/// A test's own collection on a server with the plugin.
struct Scene {
    fixture: Fixture,
    _server: Server,
}

impl std::ops::Deref for Scene {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.fixture
    }
}

impl Scene {
    async fn new() -> Self {
        Self::of(Server::builder().attachments()).await
    }

    async fn on(backend: Backend) -> Self {
        Self::of(Server::builder().attachments().backend(backend)).await
    }

    async fn of(builder: Builder) -> Self {
        let server = builder.shared().expect("a server");
        let fixture = Fixture::on(server.url()).await;
        Self { fixture, _server: server }
    }

    /// Uploads a file in a request of the test's own, with these headers, and returns the status.
    async fn post(&self, id: &str, filename: &str, content: &str, headers: &[(&str, &str)]) -> u16 {
        let body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"{filename}\"\r\n\r\n{content}\r\n--x--\r\n"
        );
        let mut request = reqwest::Client::new()
            .post(format!("{}{}/attachment", self.url(), self.record(id)))
            .basic_auth(&self.user, Some("p4ssw0rd"))
            .header("content-type", "multipart/form-data; boundary=x")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("a response").status().as_u16()
    }

    /// The description of a record's file, as the server has it.
    async fn held_attachment(&self, id: &str) -> Value {
        self.plain.held(&self.record(id)).await["attachment"].take()
    }

    /// The status and the content of a file at the server.
    async fn file(&self, attachment: &Value) -> (u16, String) {
        let location = attachment["location"].as_str().expect("a location");
        let path = location.strip_prefix("/v1").expect("a path of the server");
        let answer = self.plain.send(http::Method::GET, path, None).await;
        (answer.status.as_u16(), answer.text)
    }

    /// Uploads a file through another client.
    async fn with_file(&self, id: &str, content: &str) -> Attachment {
        assert_eq!(self.post(id, "list.txt", content, &[]).await, 201);
        serde_json::from_value(self.held_attachment(id).await).expect("an attachment")
    }
}

/// The lines of what was sent, without the question for the capabilities.
fn lines(scene: &Scene) -> Vec<String> {
    scene.sent.take_lines().into_iter().filter(|line| line != "GET /").collect()
}
