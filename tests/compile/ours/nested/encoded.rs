use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[serde(with = "codec")]
    #[kinto(nested)]
    address: Address,
}

mod codec {
    use super::Address;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.city)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer).map(|city| Address { city })
    }
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Address {
    city: String,
}

fn main() {}
