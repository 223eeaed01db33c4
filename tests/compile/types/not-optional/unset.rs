use kinto_client::{KintoRecord, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
}

fn patch(todos: &TypedCollection<Todo>) {
    let _ = todos.edit_record("milk").unset(Todo::fields().title);
}

fn main() {}
