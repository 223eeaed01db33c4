use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested = true)]
struct Address {
    city: String,
}

fn main() {}
