use kinto_client::KintoRecord;
use serde::Deserialize;

#[derive(Deserialize, KintoRecord)]
#[kinto(collection = "todos")]
struct Todo {
    title: String,
}

fn main() {
    let _ = Todo::fields().title;
}
