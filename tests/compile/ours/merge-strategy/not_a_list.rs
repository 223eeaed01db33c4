use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    #[kinto(merge = "set")]
    title: Option<String>,
    #[kinto(merge = "set")]
    place: (f64, f64),
}

fn main() {}
// mistakes: 2
