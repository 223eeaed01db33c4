use std::{fmt, rc::Rc};

use kinto_client::{Filter, Value, json};
use serde::Serialize;

/// The state of a field in a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held<T> {
    Missing,
    Null,
    Is(T),
}

impl<T> Held<T> {
    pub(super) fn is(&self, predicate: impl Fn(&T) -> bool) -> bool {
        matches!(self, Self::Is(value) if predicate(value))
    }
}

impl<T: Serialize> Held<T> {
    /// Adds it to the data of a record.
    pub(super) fn write(&self, data: &mut Value, field: &str) {
        match self {
            Self::Missing => {}
            Self::Null => data[field] = Value::Null,
            Self::Is(value) => data[field] = json!(value),
        }
    }

    /// The data of a record whose only field is this.
    pub(super) fn record(&self) -> Value {
        let mut data = json!({});
        self.write(&mut data, "v");
        data
    }
}

pub(super) type Predicate<H> = Rc<dyn Fn(&H) -> bool>;

/// A filter of records `R`, and the predicate that it ought to be on what they hold, which is an `H`.
pub(super) struct Case<R, H> {
    pub(super) shown: String,
    pub(super) filter: Filter<R>,
    pub(super) matches: Predicate<H>,
    pub(super) is_presence: bool,
}

impl<R, H> Case<R, H> {
    pub(super) fn new(shown: String, filter: Filter<R>, matches: impl Fn(&H) -> bool + 'static) -> Self {
        Self { shown, filter, matches: Rc::new(matches), is_presence: false }
    }

    pub(super) fn presence(self) -> Self {
        Self { is_presence: true, ..self }
    }
}

impl<R, H> Clone for Case<R, H> {
    fn clone(&self) -> Self {
        let Self { shown, filter, matches, is_presence } = self;
        Self { shown: shown.clone(), filter: filter.clone(), matches: Rc::clone(matches), is_presence: *is_presence }
    }
}

impl<R, H> fmt::Debug for Case<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.shown, self.filter)
    }
}
