use serde_json::Value;

use crate::error::{Error, Result};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) value: Operand,
    /// What lacks the field matches too.
    pub(super) or_missing: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    One(Value),
    Many(Vec<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operator {
    Eq,
    /// Equality under the field's bare name, for names that no operator can be put before.
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
            // Always said, since a field may itself be called `min_age` or `in_stock`.
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
            // The server passes the first over and would answer with everything, and takes a list from the others.
            let misread = ["_", "in_", "exclude_"].into_iter().any(|start| name.starts_with(start));
            if misread || name.contains('\0') || name.trim() != name {
                return refuse("the server does not take such a name for a field");
            }
        } else if !is_operable(&name) {
            return refuse(
                "only names of letters, digits, `_` and `.` can be; `Filter::plain` can compare it for equality",
            );
        }
        if name == "last_modified"
            && matches!(self.operator, Operator::In | Operator::Exclude | Operator::Has | Operator::Like)
        {
            return refuse("the server knows only comparisons of it");
        }
        self.check_values()?;
        Ok(self)
    }

    fn check_values(&mut self) -> Result<()> {
        let compound = |value: &Value| value.is_array() || value.is_object();
        let refuse =
            |reason: &str| Err(Error::invalid(format!("the field {:?} cannot be filtered on: {reason}", self.field)));
        match (self.operator, &self.value) {
            (Operator::In | Operator::Exclude, Operand::Many(values)) if values.iter().any(compound) => {
                refuse("the server cannot find lists and objects among several values")
            }
            // PostgreSQL looks for what is to be contained at any depth, and for a list or object as a part of another.
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
                refuse("the server would take it for `contains_any` of another field")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn parameter(&self) -> String {
        format!("{}{}", self.operator.prefix(), self.field)
    }

    pub(super) fn encoded(&self) -> String {
        match &self.value {
            Operand::One(value) => value.to_string(),
            // The server splits at every comma before it looks at quotes.
            Operand::Many(values) => {
                values.iter().map(|value| value.to_string().replace(',', "\\u002c")).collect::<Vec<_>>().join(",")
            }
        }
    }

    /// The ends of a range that it does not say itself, so that it holds values of one type only. To the server, null is
    /// less than text, that less than numbers, those less than booleans, lists and objects, and what is missing greater
    /// than all.
    pub(super) fn fences(&self) -> Vec<(Operator, &'static str)> {
        const LEAST_NUMBER: &str = "-1.7976931348623157e308";
        const TEXT: [(Operator, &str); 2] = [(Operator::Min, "\"\""), (Operator::Lt, LEAST_NUMBER)];
        const NUMBER: [(Operator, &str); 2] = [(Operator::Min, LEAST_NUMBER), (Operator::Lt, "false")];
        if matches!(self.field.as_str(), "id" | "last_modified") {
            return Vec::new();
        }
        let Operand::One(value) = &self.value else { return Vec::new() };
        let [least, most] = match value {
            Value::Number(_) => NUMBER,
            Value::String(_) => TEXT,
            _ => return Vec::new(),
        };
        match self.operator {
            Operator::Gt | Operator::Min if self.or_missing => Vec::new(),
            Operator::Gt | Operator::Min => vec![most],
            Operator::Lt | Operator::Max => vec![least],
            Operator::Like => vec![least, most],
            _ => Vec::new(),
        }
    }
}

/// Whether the server knows the name behind an operator: one of what it calls word characters. Of other scripts than
/// these its list differs from Rust's.
pub(crate) fn is_operable(name: &str) -> bool {
    let known = |c: char| matches!(c, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || (known(c) && c.is_alphabetic()))
}
