//! The scenarios of the other clients' own tests that no other test here covers as they are. The table of all of them is
//! in the documentation (`kinto-client/src/scenarios.md`).

use kinto_client::{Value, json, object::RecordData};
use kinto_tests::Fixture;

mod batches;
mod lists;
mod objects;
mod records;
mod table;

/// Attributes of any kind of object, from JSON.
fn attributes<T: RecordData>(json: Value) -> T {
    serde_json::from_value(json).expect("attributes")
}

/// The principal of the fixture's user.
async fn me(fixture: &Fixture) -> String {
    let client = fixture.client_at(fixture.url()).build().expect("a client");
    client.user().await.expect("the server answers").expect("known").id.to_string()
}

/// The client, bucket and collection of somebody else, with whom the fixture's user shares something.
async fn alice(fixture: &Fixture) -> (kinto_client::Client, kinto_client::Principal) {
    let client = fixture.client.with_auth((kinto_server::unique("alice"), "p4ssw0rd")).expect("credentials");
    let id = client.user().await.expect("the server answers").expect("known").id.clone();
    fixture.sent.forget();
    (client, id)
}

fn number(n: u32) -> Value {
    json!({"n": n})
}
