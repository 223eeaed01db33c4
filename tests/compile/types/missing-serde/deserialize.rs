use kinto_client::KintoRecord;
use serde::Serialize;

#[derive(Serialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Todo {
    title: String,
}

fn main() {
    let _ = Todo::fields().title;
}
