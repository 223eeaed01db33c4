use kinto_client::{KintoRecord, attachment::Attachment};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Logo {
    #[kinto(attachment)]
    logo: Option<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Picture {
    #[kinto(attachment)]
    #[serde(rename(serialize = "picture"))]
    attachment: Option<Attachment>,
}

fn main() {}
// mistakes: 2
