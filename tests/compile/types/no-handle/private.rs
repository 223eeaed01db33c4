use kinto_client::KintoRecord;
use serde::{Deserialize, Serialize};

mod model {
    use super::*;

    #[derive(Serialize, Deserialize, KintoRecord)]
    pub struct Todo {
        title: String,
        pub done: bool,
    }
}

fn main() {
    let _ = model::Todo::fields().done;
    let _ = model::Todo::fields().title;
}
