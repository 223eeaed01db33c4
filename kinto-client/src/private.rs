//! What the derive's output names and nobody else should.

use std::fmt;

pub use serde::{Serialize, de::DeserializeOwned};

/// The name of a field, and the struct it is in, if that is a field itself.
#[derive(Debug)]
pub struct Path {
    parent: Option<&'static Path>,
    name: &'static str,
}

impl Path {
    #[must_use]
    pub const fn __new(parent: Option<&'static Path>, name: &'static str) -> Self {
        Self { parent, name }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

/// The path of a nested struct, as a type: what its fields' handles are generic over.
pub trait Prefix: 'static {
    const PATH: &'static Path;
}

/// [`Data`](crate::Data), under a lifetime that stops the compiler from reporting its bounds once more for each impl.
pub trait IsData<'a>: crate::Data {}

impl<T: crate::Data> IsData<'_> for T {}
