//! Paths of JSON patches.

use std::borrow::Cow;

/// A path of a [`JsonPatch`](crate::object::JsonPatch): an array or vector of keys, or of numbers; a tuple where both are in it.
pub trait PatchPath {
    /// The path as a JSON pointer (RFC 6901).
    #[doc(hidden)]
    fn pointer(&self) -> String;
}

/// One step of a path: a key of an object, or a place in a list, from 0.
pub trait PatchKey {
    #[doc(hidden)]
    fn text(&self) -> Cow<'_, str>;
}

fn push(pointer: String, key: &impl PatchKey) -> String {
    pointer + "/" + &key.text().replace('~', "~0").replace('/', "~1")
}

macro_rules! text_keys {
    ($($key:ty),+) => {$(
        impl PatchKey for $key {
            fn text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self.as_ref())
            }
        }
    )+};
}

text_keys!(&str, String, &String, Cow<'_, str>);

impl PatchKey for usize {
    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
}

impl<K: PatchKey> PatchPath for [K] {
    fn pointer(&self) -> String {
        self.iter().fold(String::new(), push)
    }
}

macro_rules! list_paths {
    ($([$($generics:tt)*] $path:ty;)+) => {$(
        impl<$($generics)*> PatchPath for $path {
            fn pointer(&self) -> String {
                self[..].pointer()
            }
        }
    )+};
}

list_paths! {
    [K: PatchKey, const N: usize] [K; N];
    [K: PatchKey] Vec<K>;
    [K: PatchKey] &[K];
    [K: PatchKey] &Vec<K>;
}

macro_rules! tuple_paths {
    ($([$($key:ident $place:tt),+])+) => {$(
        impl<$($key: PatchKey),+> PatchPath for ($($key,)+) {
            fn pointer(&self) -> String {
                let pointer = String::new();
                $(let pointer = push(pointer, &self.$place);)+
                pointer
            }
        }
    )+};
}

tuple_paths! {
    [A 0]
    [A 0, B 1]
    [A 0, B 1, C 2]
    [A 0, B 1, C 2, D 3]
    [A 0, B 1, C 2, D 3, E 4]
    [A 0, B 1, C 2, D 3, E 4, F 5]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7]
}
