use kinto_client::KintoRecord;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(KintoRecord)]
union Number {
    int: u64,
    float: f64,
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self { int: 0 })
    }
}

fn main() {}
