use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[kinto(nested)]
    address: Address,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
}

fn main() {
    let _ = Todo::fields().address.eq(Address { city: "Paris".to_owned() });
}
