use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: String,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Note {
    title: String,
}

fn main() {
    let _ = Todo::fields().title.eq("Milk").and(Note::fields().title.eq("Milk"));
}
