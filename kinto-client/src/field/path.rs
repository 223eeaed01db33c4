//! The paths of fields, as the derive names them.

use std::{fmt, slice};

use serde_json::value::RawValue;

/// The path of a field: its name, and the path of the struct that contains it, if that is a field itself.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    pub(crate) parent: Option<&'static Path>,
    /// The name under which the field is serialized.
    pub(crate) name: &'static str,
    /// The names under which the field is deserialized, if they differ from `name`.
    aliases: Option<&'static [&'static str]>,
    /// The value to use if the field is missing, for a field that has fields of its own.
    pub(crate) default: Option<fn() -> serde_json::Result<Box<RawValue>>>,
}

impl Path {
    /// Creates the path of a field.
    #[must_use]
    pub const fn __new(parent: Option<&'static Path>, name: &'static str) -> Self {
        Self { parent, name, aliases: None, default: None }
    }

    /// Sets the names under which the field is deserialized.
    #[must_use]
    pub const fn __read_as(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = Some(names);
        self
    }

    /// Sets the value to use if the field is missing.
    #[must_use]
    pub const fn __or(mut self, default: fn() -> serde_json::Result<Box<RawValue>>) -> Self {
        self.default = Some(default);
        self
    }

    /// Returns the names under which the field is deserialized, in order of precedence; empty if it is not
    /// deserialized.
    pub(crate) fn names(&self) -> &[&'static str] {
        self.aliases.unwrap_or(slice::from_ref(&self.name))
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

/// The path of a nested struct as a type, which the handles of its fields are generic over.
pub trait Prefix: 'static {
    /// The path.
    const PATH: &'static Path;
}
