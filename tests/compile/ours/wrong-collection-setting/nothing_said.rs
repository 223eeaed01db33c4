use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(attachment, cache_expires = -1, permissions())]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 3
