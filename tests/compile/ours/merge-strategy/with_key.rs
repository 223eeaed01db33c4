use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Order {
    #[kinto(key = "id", merge = "remote")]
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: u32,
}

fn main() {}
