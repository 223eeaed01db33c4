use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested, sort = "city", permissions(read = ["system.Everyone"]))]
struct Address {
    city: String,
}

fn main() {}

// mistakes: 2
