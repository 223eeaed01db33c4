use kinto_client::{Collection, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Todo {
    title: String,
}

fn todos(collection: &Collection) -> TypedCollection<Todo> {
    collection.typed()
}

fn main() {}
