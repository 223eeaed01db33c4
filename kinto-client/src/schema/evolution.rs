use std::fmt;

/// The changes from one schema to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evolution {
    /// The changes, each with its field.
    pub changes: Vec<SchemaChange>,
}

/// One change of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaChange {
    /// The path of the field: `address.lines[]`; empty for the record as a whole.
    pub path: String,
    /// The description of the change.
    pub what: String,
    /// `true` if records that fitted before may not fit any more.
    pub breaking: bool,
}

impl Evolution {
    /// Returns `true` if there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns `true` if records that fitted the old schema may not fit the new one.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.changes.iter().any(|change| change.breaking)
    }
}

impl fmt::Display for Evolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{change}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "(the record)" } else { &self.path };
        let breaking = if self.breaking { "BREAKING: " } else { "" };
        write!(f, "{path}: {breaking}{}", self.what)
    }
}
