use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[kinto(index)]
    id: String,
    #[serde(flatten)]
    #[kinto(index)]
    more: Address,
    #[kinto(index, nested)]
    address: Address,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    #[kinto(index)]
    city: String,
}

fn main() {}
// mistakes: 3
