use kinto_client::{KintoRecord, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    done: bool,
}

fn patch(todos: &TypedCollection<Todo>) {
    let _ = todos.edit_record("milk").set(Todo::fields().done, "yes");
}

fn main() {}
