use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bukket = "app", colection = "todos", crate = 3)]
#[kinto(bucket = "my app")]
struct Todo {
    #[kinto(collection = "titles")]
    title: String,
    #[kinto(id)]
    key: String,
}

fn main() {
    let todo = Todo { title: String::new(), key: String::new() };
    let _ = (Todo::fields().title, todo.key, todo.title);
    let _ = <Todo as KintoRecord>::COLLECTION;
}

// mistakes: 6
