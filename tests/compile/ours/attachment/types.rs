use kinto_client::{KintoRecord, Value, attachment::Attachment};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Logo {
    #[kinto(attachment)]
    attachment: String,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Pictures {
    #[kinto(attachment)]
    attachment: Vec<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Any {
    #[kinto(attachment)]
    attachment: Option<Value>,
}

fn main() {}
// mistakes: 3
