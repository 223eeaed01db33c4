use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Page {
    #[kinto(merge = "counter")]
    visits: u64,
}

fn main() {}
