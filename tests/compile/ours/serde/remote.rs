use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

mod other {
    pub struct Todo {
        pub title: String,
    }
}

#[derive(Serialize, Deserialize)]
struct List {
    #[serde(with = "Todo")]
    first: other::Todo,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[serde(remote = "other::Todo")]
struct Todo {
    title: String,
}

fn main() {}
