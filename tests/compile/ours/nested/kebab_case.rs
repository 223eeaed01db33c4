use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(rename_all = "kebab-case")]
struct Todo {
    #[kinto(nested)]
    home_address: Address,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
}

fn main() {}
