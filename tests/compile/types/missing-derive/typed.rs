use kinto_client::{Client, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Todo {
    title: String,
}

fn todos(client: &Client) -> TypedCollection<Todo> {
    client.typed()
}

fn main() {}
