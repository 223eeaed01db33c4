use kinto_client::{KintoRecord, RecordId, TypedCollection};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Note {
    title: String,
}

fn read(todos: &TypedCollection<Todo>, note: &RecordId<Note>) {
    let _ = todos.get_record(note);
}

fn main() {}
