use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(sort = "-due,title", display_fields = ["title", "title"])]
struct Todo {
    title: String,
    due: u32,
}

fn main() {}

// mistakes: 2
