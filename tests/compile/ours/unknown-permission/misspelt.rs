use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(permissions(reed = ["system.Everyone"], record:create = ["account:alexis"]))]
struct Todo {
    title: String,
}

fn main() {}

// mistakes: 2
