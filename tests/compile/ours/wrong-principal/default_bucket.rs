use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(permissions(write = ["/buckets/default/groups/editors"]))]
struct Todo {
    title: String,
}

fn main() {}
