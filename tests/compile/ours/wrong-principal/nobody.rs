use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(permissions(read = ["alexis", "system.everyone"], write = ["group:my editors", "group:group:editors", "group:"]))]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 5
