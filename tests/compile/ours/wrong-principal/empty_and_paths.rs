use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(permissions(read = [""], write = ["/buckets/app/editors", "/buckets/my app/groups/editors"]))]
#[kinto(collection = "todos")]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 3
