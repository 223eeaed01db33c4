use std::fmt;

use kinto_client::{KintoRecord, Record};
use serde::{Deserialize, Serialize};

/// The data of one record of the list.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "todo")]
pub(crate) struct Todo {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) done: bool,
}

impl Todo {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), done: false }
    }
}

impl fmt::Display for Todo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.done { "[x]" } else { "[ ]" };
        write!(f, "{mark} {}", self.title)
    }
}

/// One line of the list.
pub(crate) fn line(record: &Record<Todo>) -> String {
    format!("{}  {}", record.id, record.data)
}
