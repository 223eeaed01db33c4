use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested, collection = "addresses")]
struct Address {
    city: String,
}

fn main() {}
