use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
}

fn main() {
    let _ = <Address as KintoRecord>::COLLECTION;
}
