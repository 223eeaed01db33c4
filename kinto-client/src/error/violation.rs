use super::Error;
use super::schema_violation::Violation;

impl Error {
    /// Creates an error for data that violates its schema, found before it was sent.
    #[cfg(feature = "schema")]
    pub(crate) fn violations(violations: &[Violation]) -> Self {
        let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let mut error = Self::invalid(format!("it does not fit the schema: {}", all.join("; ")));
        error.place(violations.first());
        error
    }

    /// Adds the place of a violation of the schema, if there is one.
    pub(crate) fn place(&mut self, violation: Option<&Violation>) {
        if let Some(Violation { field, rule, .. }) = violation {
            self.0.field.clone_from(field);
            self.0.rule = Some(rule.clone());
        }
    }

    /// Returns the path inside the record that did not decode or that violates the schema: `address.lines[2]`.
    ///
    /// For a violation of the schema, the server reports only the last part of the path (`lines`, `[2]`).
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// Returns the keyword of the schema that the record violates: `required`, `type`, `maxLength`, …
    ///
    /// `anyOf` can also stand for `oneOf`.
    #[must_use]
    pub fn schema_keyword(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// Returns `true` if a record does not fit the schema of its collection.
    ///
    /// [`field`](Self::field) and [`schema_keyword`](Self::schema_keyword) have the place and the reason. Either the server refused
    /// the record ([`is_refused`](Self::is_refused)), or it was not sent at all
    /// ([`is_invalid`](Self::is_invalid)).
    #[must_use]
    pub fn is_schema_violation(&self) -> bool {
        self.0.rule.is_some()
    }
}
