use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Todo {
    title: &'static str,
    note: Option<&'static [u8]>,
    #[serde(skip)]
    hint: &'static str,
}

fn main() {}

// mistakes: 2
