use kinto_client::{KintoRecord, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Note {
    title: String,
}

fn list(todos: &TypedCollection<Todo>) {
    let _ = todos.get_records().sort(Note::fields().title.asc());
}

fn main() {}
