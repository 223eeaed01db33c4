//! Schemas: made from types, checked by the server and before, compared, and records migrated from one to the next.

use kinto_client::{
    KintoRecord, json,
    schema::{self, JsonSchema},
};
use kinto_tests::Fixture;
use serde::{Deserialize, Serialize};

mod agreement;
mod aliases;
mod checked;
mod declared;
mod default_bucket;
mod drift;
mod forms;
mod generate;
mod generated;
mod killed;
mod migrate;
mod patterns;
mod properties;
mod refused;

/// A record with one rule of each kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[kinto(collection = "todos")]
#[serde(deny_unknown_fields)]
struct Strict {
    #[schemars(length(min = 2, max = 8), regex(pattern = r"^\w+$"))]
    title: String,
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    percent: u8,
    #[serde(default)]
    #[schemars(length(max = 2))]
    tags: Vec<String>,
    #[serde(default)]
    place: Option<Place>,
    #[serde(default)]
    state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
struct Place {
    city: String,
    #[serde(default)]
    lines: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Open,
    Done,
}

impl Strict {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), percent: 0, tags: Vec::new(), place: None, state: State::Open }
    }
}

/// A fixture whose collection has the schema of a type.
async fn scene_of<T: JsonSchema>() -> Fixture {
    let fixture = Fixture::new().await;
    give_schema::<T>(&fixture).await;
    fixture
}

/// Gives the collection the schema of a type.
async fn give_schema<T: JsonSchema>(fixture: &Fixture) {
    let path = format!("/buckets/{}/collections/todos", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"data": {"schema": schema::of::<T>()}})).await;
}
