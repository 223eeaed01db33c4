use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app")]
#[kinto(bucket = "app")]
struct Todo {
    title: String,
}

fn main() {}
