use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[kinto(nested)]
    addresses: Vec<Address>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
}

fn main() {}
