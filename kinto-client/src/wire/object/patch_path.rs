//! Paths of JSON patches.

use std::{borrow::Cow, fmt::Display};

/// A path of a [`JsonPatch`](crate::object::JsonPatch): an array or vector of keys, or of numbers; a tuple where both are in it.
pub trait PatchPath {
    /// The path as a JSON pointer (RFC 6901).
    #[doc(hidden)]
    fn pointer(&self) -> String;
}

/// One step of a path: a key of an object, or a place in a list, from 0.
pub trait PatchKey: sealed::Key {}

mod sealed {
    use super::{Cow, Display};

    pub trait Key: Display {}
    impl Key for str {}
    impl Key for String {}
    impl Key for Cow<'_, str> {}
    impl Key for usize {}
    impl<K: Key + ?Sized> Key for &K {}
}

impl<K: sealed::Key + ?Sized> PatchKey for K {}

fn push(pointer: String, key: &impl PatchKey) -> String {
    pointer + "/" + &key.to_string().replace('~', "~0").replace('/', "~1")
}

impl<K: PatchKey> PatchPath for [K] {
    fn pointer(&self) -> String {
        self.iter().fold(String::new(), push)
    }
}

impl<K: PatchKey, const N: usize> PatchPath for [K; N] {
    fn pointer(&self) -> String {
        self.as_slice().pointer()
    }
}

impl<K: PatchKey> PatchPath for Vec<K> {
    fn pointer(&self) -> String {
        self.as_slice().pointer()
    }
}

impl<P: PatchPath + ?Sized> PatchPath for &P {
    fn pointer(&self) -> String {
        (**self).pointer()
    }
}

/// Tuples of keys and numbers, for each number of them: the language has no other way to say it.
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
