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

fn patch(todos: &TypedCollection<Todo>) {
    let _ = todos.edit_record("milk").set(Note::fields().title, "Milk");
}

fn main() {}
