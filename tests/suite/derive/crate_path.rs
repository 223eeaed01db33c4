//! The derive finds the library wherever it is, and nothing that the module calls the same.

mod vendored {
    pub(super) use kinto_client as kinto;
}

/// Names of the user's module that the output of the derive must not depend on.
mod shadowed {
    #![allow(dead_code, non_camel_case_types)]

    use super::vendored::kinto::KintoRecord as Derive;

    mod core {}
    mod std {}
    struct Option;
    struct Some;
    struct Result;
    struct Clone;
    struct Copy;
    struct Field;

    #[derive(::serde::Serialize, ::serde::Deserialize, Derive)]
    #[kinto(crate = "crate::derive::crate_path::vendored::kinto", bucket = "app", collection = "todos")]
    pub(super) struct Todo {
        pub title: ::std::string::String,
        #[kinto(nested)]
        pub place: Place,
    }

    #[derive(::serde::Serialize, ::serde::Deserialize, Derive)]
    #[kinto(crate = "super::vendored::kinto", nested)]
    pub(super) struct Place {
        pub city: ::std::string::String,
    }
}

macro_rules! record {
    ($vis:vis $name:ident, $collection:literal, $($field:ident: $ty:ty),*) => {
        #[derive(serde::Serialize, serde::Deserialize, kinto_client::KintoRecord)]
        #[kinto(collection = $collection)]
        $vis struct $name { $($field: $ty),* }
    };
}

record!(pub(super) Note, "notes", text: String, tags: Vec<String>);

#[test]
fn derive_uses_path_of_crate_attribute() {
    use kinto_client::KintoRecord;

    #[derive(serde::Serialize, serde::Deserialize, KintoRecord)]
    struct Local {
        text: String,
    }

    let _ = shadowed::Todo::fields().place.city;
    let _ = Note::fields().tags;
    assert_eq!(Note::COLLECTION, "notes");

    let _ = Local::fields().text;
    assert_eq!((Local::BUCKET, shadowed::Todo::BUCKET), ("default", "app"));
}
