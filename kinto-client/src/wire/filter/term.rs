use serde_json::{Map, Value};

use super::name::{is_operable, misread_when_bare};
use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) value: Operand,
    /// `true` if objects without the field match too.
    pub(super) or_missing: bool,
    /// The field may hold values of any type.
    pub(super) untyped: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    One(Value),
    Many(Vec<Value>),
}

impl From<bool> for Operand {
    fn from(value: bool) -> Self {
        Self::One(value.into())
    }
}

impl Operand {
    pub(super) fn null() -> Self {
        Self::One(Value::Null)
    }

    /// The value of the parameter that says it.
    pub(super) fn encoded(&self) -> String {
        match self {
            Self::One(value) => value.to_string(),
            // The server splits at every comma before it considers quotes.
            Self::Many(values) => {
                values.iter().map(|value| value.to_string().replace(',', "\\u002c")).collect::<Vec<_>>().join(",")
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operator {
    Eq,
    /// Equality under the bare name of the field, for names that do not allow an operator in front.
    Plain,
    Not,
    Lt,
    Gt,
    Min,
    Max,
    In,
    Exclude,
    Like,
    Has,
    Contains,
    ContainsAny,
}

impl Operator {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            // The prefix is always written, since a field may itself be called `min_age` or `in_stock`.
            Self::Eq => "eq_",
            Self::Plain => "",
            Self::Not => "not_",
            Self::Lt => "lt_",
            Self::Gt => "gt_",
            Self::Min => "min_",
            Self::Max => "max_",
            Self::In => "in_",
            Self::Exclude => "exclude_",
            Self::Like => "like_",
            Self::Has => "has_",
            Self::Contains => "contains_",
            Self::ContainsAny => "contains_any_",
        }
    }

    pub(super) fn is_lower_bound(self) -> bool {
        matches!(self, Self::Gt | Self::Min)
    }

    pub(super) fn is_upper_bound(self) -> bool {
        matches!(self, Self::Lt | Self::Max)
    }

    pub(crate) fn is_bound(self) -> bool {
        self.is_lower_bound() || self.is_upper_bound()
    }

    /// Returns true if it compares the whole field with one value.
    fn is_comparison(self) -> bool {
        self.is_bound() || matches!(self, Self::Eq | Self::Plain | Self::Not)
    }

    /// Returns true if what lacks the field never matches.
    pub(super) fn wants_field(self) -> bool {
        !matches!(self, Self::Not | Self::Exclude | Self::Has | Self::Gt | Self::Min)
    }
}

impl Term {
    pub(super) fn checked(mut self) -> Result<Self> {
        let name = self.field.clone();
        let refuse = |reason: &str| Err(Error::invalid(format!("the field {name:?} cannot be filtered on: {reason}")));
        if name.is_empty() {
            return refuse("its name is empty");
        }
        if self.operator == Operator::Plain && is_operable(&name) {
            self.operator = Operator::Eq;
        }
        if self.operator == Operator::Plain {
            if let Some(reason) = misread_when_bare(&name) {
                return refuse(reason);
            }
        } else if !is_operable(&name) {
            return refuse(
                "only names of letters, digits, `_` and `.` can be; `Filter::plain` can compare it for equality",
            );
        }
        if name == "last_modified" && !self.operator.is_comparison() {
            return refuse("the server supports only comparisons of it");
        }
        if name == "last_modified" && !matches!(&self.value, Operand::One(value) if value.is_u64()) {
            return refuse("it is compared with times, in milliseconds");
        }
        if name == "id" && !self.is_about_text() {
            return refuse("an id is text, and compared with text");
        }
        self.check_values()?;
        Ok(self)
    }

    /// Returns true if what it says could be said of text.
    fn is_about_text(&self) -> bool {
        match (self.operator, &self.value) {
            (Operator::Has, _) => true,
            (Operator::Contains | Operator::ContainsAny, _) => false,
            (_, Operand::One(value)) => value.is_string(),
            (_, Operand::Many(values)) => values.iter().all(Value::is_string),
        }
    }

    fn check_values(&mut self) -> Result<()> {
        let compound = |value: &Value| value.is_array() || value.is_object();
        let refuse =
            |reason: &str| Err(Error::invalid(format!("the field {:?} cannot be filtered on: {reason}", self.field)));
        match (self.operator, &self.value) {
            (Operator::In | Operator::Exclude, Operand::Many(values)) if values.iter().any(compound) => {
                refuse("the server cannot find lists and objects among several values")
            }
            // PostgreSQL searches for the contained value at any depth, and compares a list or object with parts
            // of others.
            (Operator::Contains, Operand::One(Value::Array(values)))
                if values.len() == 1 && (values.iter().any(compound) || self.field.starts_with("any_")) =>
            {
                self.operator = Operator::ContainsAny;
                Ok(())
            }
            (Operator::Contains, Operand::One(Value::Array(values))) if values.iter().any(compound) => {
                refuse("the server cannot find several lists or objects in a list at once")
            }
            (Operator::Contains, _) if self.field.starts_with("any_") => {
                refuse("the server would interpret it as `contains_any` of another field")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn parameter(&self) -> String {
        format!("{}{}", self.operator.prefix(), self.field)
    }

    /// The bounds that hold it to values of one type: those of a range that it does not say itself, and both where the
    /// memory backend would look into values of other types.
    pub(super) fn fences(&self) -> Vec<(Operator, Value)> {
        if matches!(self.field.as_str(), "id" | "last_modified") {
            return Vec::new();
        }
        let Operand::One(value) = &self.value else { return Vec::new() };
        let (least, beyond) = match value {
            Value::Number(_) => (least_number(), Value::Bool(false)),
            Value::String(_) => (Value::String(String::new()), least_number()),
            Value::Array(_) => (Value::Array(Vec::new()), Value::Object(Map::new())),
            _ => return Vec::new(),
        };
        let (least, beyond) = ((Operator::Min, least), (Operator::Lt, beyond));
        match (self.operator, value) {
            (Operator::Gt | Operator::Min, _) if self.or_missing => Vec::new(),
            (Operator::Gt | Operator::Min, _) => vec![beyond],
            (Operator::Lt | Operator::Max, _) => vec![least],
            (Operator::Like, _) => vec![least, beyond],
            // To it text is a list of characters, and an object one of its keys.
            (Operator::Contains | Operator::ContainsAny, Value::Array(items))
                if items.is_empty() || items.iter().any(Value::is_string) =>
            {
                vec![least, beyond]
            }
            _ => Vec::new(),
        }
    }
}

fn least_number() -> Value {
    Value::from(f64::MIN)
}
