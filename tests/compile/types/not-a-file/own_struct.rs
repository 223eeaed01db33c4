use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Logo {
    #[kinto(attachment)]
    attachment: Option<File>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct File {
    filename: String,
}

fn main() {}
