use kinto_client::{KintoRecord, attachment::Attachment};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
struct Logo {
    #[kinto(attachment(enabled))]
    attachment: Option<Attachment>,
    #[serde(skip)]
    #[kinto(attachment)]
    other: Option<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(nested)]
struct Part {
    #[kinto(attachment)]
    attachment: Option<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Twice {
    #[kinto(attachment)]
    attachment: Option<Attachment>,
    #[kinto(attachment)]
    more: Option<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Indexed {
    #[kinto(attachment, index)]
    attachment: Option<Attachment>,
}

#[derive(Serialize, Deserialize, KintoRecord)]
struct Nested {
    #[kinto(attachment, nested)]
    attachment: Option<Attachment>,
}

fn main() {}
// mistakes: 6
