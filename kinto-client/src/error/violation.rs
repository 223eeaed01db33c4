use super::Error;
use crate::wire::violation::Violation;

impl Error {
    /// Data that does not fit its schema, as is known before it is sent.
    #[cfg(feature = "schema")]
    pub(crate) fn violations(violations: &[Violation]) -> Self {
        let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let mut error = Self::invalid(format!("it does not fit the schema: {}", all.join("; ")));
        error.place(violations.first());
        error
    }

    /// Says where a record is against its schema, if it is.
    pub(super) fn place(&mut self, violation: Option<&Violation>) {
        if let Some(Violation { field, rule, .. }) = violation {
            self.0.field.clone_from(field);
            self.0.rule = Some(rule.clone());
        }
    }

    /// The place inside the record that did not decode, or that is against the schema: `address.lines[2]`.
    ///
    /// Of a place that is against the schema the server tells only the last part (`lines`, `[2]`).
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The rule of the schema that the record does not meet: `required`, `type`, `maxLength`, … `anyOf` can also be a `oneOf`.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// Whether a record does not fit the schema of its collection: [`field`](Self::field) and [`rule`](Self::rule) say
    /// where and why. Either the server refused it ([`is_refused`](Self::is_refused)), or it was not sent at all
    /// ([`is_invalid`](Self::is_invalid)).
    #[must_use]
    pub fn is_schema_violation(&self) -> bool {
        self.0.rule.is_some()
    }
}
