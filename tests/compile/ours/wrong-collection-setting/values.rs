use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(attachment(required), cache_expires = "60", display_fields = "title")]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 3
