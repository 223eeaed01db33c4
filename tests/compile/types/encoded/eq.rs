use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[serde(with = "hex")]
    key: Vec<u8>,
}

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{bytes:x?}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

fn main() {
    let _ = Todo::fields().key.eq(vec![1]);
}
