use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde_json::Value;

use super::query::Query;
use crate::error::{Error, Result};

/// Which objects of a list are meant: those that match every part of it.
///
/// Typed ones come from the fields of a record, `Todo::fields().done.eq(false)`, and filter that record's collection only.
/// [`Filter::field`] names a field of JSON by text.
///
/// Values are sent with their type, so that the text `"42"` matches that text and never the number 42. What the server
/// does with each operator is said there; where its storage backends differ, what PostgreSQL does counts, and the memory
/// backend is for development.
#[must_use = "a filter does nothing until it is given to a call"]
pub struct Filter<R> {
    terms: Vec<Result<Term>>,
    of: PhantomData<fn(R)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    field: String,
    operator: Operator,
    value: Operand,
    /// What lacks the field matches too.
    or_missing: bool,
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
    fn prefix(self) -> &'static str {
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

    fn is_lower_bound(self) -> bool {
        matches!(self, Self::Gt | Self::Min)
    }

    fn is_upper_bound(self) -> bool {
        matches!(self, Self::Lt | Self::Max)
    }
}

impl<R> Filter<R> {
    pub(crate) fn new(field: impl Into<String>, operator: Operator, value: Result<Operand>) -> Self {
        let field = field.into();
        let term = value.and_then(|value| Term { field, operator, value, or_missing: false }.checked());
        Self { terms: vec![term], of: PhantomData }
    }

    /// Both this and the other.
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// Objects that lack the field as well, which `gt` and `at_least` leave out: to the server, what is missing is
    /// greater than everything.
    pub fn or_missing(mut self) -> Self {
        let mut found = false;
        for term in self.terms.iter_mut().flatten().filter(|term| term.operator.is_lower_bound()) {
            term.or_missing = true;
            found = true;
        }
        if !found {
            let message = "`.or_missing()` is for `gt` and `at_least`, and there is neither";
            self.terms.push(Err(Error::invalid(message)));
        }
        self
    }

    /// Whether any part of it is about the time of the last change.
    pub(crate) fn is_by_time(&self) -> bool {
        self.terms.iter().flatten().any(|term| term.field == "last_modified")
    }

    /// Adds the parameters that say this.
    pub(crate) fn write(&self, query: &mut Query) -> Result<()> {
        let terms: Vec<&Term> =
            self.terms.iter().map(|term| term.as_ref().map_err(Clone::clone)).collect::<Result<_>>()?;
        let mut parameters = BTreeMap::new();
        for term in &terms {
            if parameters.insert(term.parameter(), term.encoded()).is_some() {
                return Err(Error::invalid(format!("the filter says `{}` twice", term.parameter())));
            }
        }
        for term in &terms {
            let fenced = |upper: bool| {
                let bounds =
                    |operator: Operator| if upper { operator.is_upper_bound() } else { operator.is_lower_bound() };
                terms.iter().any(|other| other.field == term.field && bounds(other.operator))
            };
            for (operator, fence) in term.fences() {
                if !fenced(operator.is_upper_bound()) {
                    parameters.insert(format!("{}{}", operator.prefix(), term.field), fence.to_owned());
                }
            }
        }
        // The memory backend forgets all that stands before a `has_`, and fails where a `like_` comes to what is no text.
        let place = |parameter: &str| match parameter {
            parameter if parameter.starts_with("has_") => 0,
            parameter if parameter.starts_with("like_") => 2,
            _ => 1,
        };
        let mut ordered: Vec<_> = parameters.iter().collect();
        ordered.sort_by_key(|(parameter, _)| place(parameter));
        for (parameter, value) in ordered {
            query.push(parameter, value);
        }
        Ok(())
    }
}

impl Term {
    fn checked(mut self) -> Result<Self> {
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

    fn parameter(&self) -> String {
        format!("{}{}", self.operator.prefix(), self.field)
    }

    fn encoded(&self) -> String {
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
    fn fences(&self) -> Vec<(Operator, &'static str)> {
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

impl<R> Clone for Filter<R> {
    fn clone(&self) -> Self {
        Self { terms: self.terms.clone(), of: PhantomData }
    }
}

impl<R> fmt::Debug for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = Query::default();
        match self.write(&mut query) {
            Ok(()) => write!(f, "Filter({})", query.as_str()),
            Err(error) => write!(f, "Filter({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(field: &str, operator: Operator, value: Value) -> Filter<()> {
        Filter::new(field, operator, Ok(Operand::One(value)))
    }

    fn query(filter: &Filter<()>) -> String {
        let mut query = Query::default();
        filter.write(&mut query).map_or_else(|error| error.to_string(), |()| query.as_str().to_owned())
    }

    #[test]
    fn values_keep_their_type() {
        for (value, sent) in [
            (json!("42"), "eq_a=%2242%22"),
            (json!(42), "eq_a=42"),
            (json!("true"), "eq_a=%22true%22"),
            (json!(null), "eq_a=null"),
            (json!(""), "eq_a=%22%22"),
            (json!("x;y&\"é"), "eq_a=%22x%3By%26%5C%22%C3%A9%22"),
        ] {
            assert_eq!(query(&filter("a", Operator::Eq, value)), sent);
        }
    }

    #[test]
    fn commas_in_lists_are_no_separators() {
        let values = Ok(Operand::Many(vec![json!("a,b"), json!(1), json!("c")]));
        let sent = query(&Filter::new("a", Operator::In, values));
        assert_eq!(sent, "in_a=%22a%5Cu002cb%22%2C1%2C%22c%22");
    }

    #[test]
    fn ranges_are_of_one_type() {
        let filter = |operator, value| filter("a", operator, value);
        assert_eq!(query(&filter(Operator::Gt, json!(1))), "gt_a=1&lt_a=false");
        assert_eq!(query(&filter(Operator::Max, json!("x"))), "max_a=%22x%22&min_a=%22%22");
        assert_eq!(query(&filter(Operator::Gt, json!(1)).or_missing()), "gt_a=1");
        let both = filter(Operator::Min, json!(1)).and(filter(Operator::Lt, json!(5)));
        assert_eq!(query(&both), "lt_a=5&min_a=1");
        assert!(query(&filter(Operator::Lt, json!(1)).or_missing()).contains("or_missing"));
    }

    #[test]
    fn what_the_server_would_misread_is_refused() {
        let refused = |field: &str, operator| query(&filter(field, operator, json!(1)));
        assert!(refused("", Operator::Eq).contains("empty"));
        assert!(refused("foo-bar", Operator::Min).contains("foo-bar"));
        assert!(refused("_private", Operator::Plain).contains("_private"));
        assert!(refused("last_modified", Operator::Like).contains("last_modified"));
        assert_eq!(refused("_private", Operator::Eq), "eq__private=1");
        assert_eq!(refused("min_age", Operator::Eq), "eq_min_age=1");
        assert_eq!(refused("foo-bar", Operator::Plain), "foo-bar=1");
        assert_eq!(refused("min_age", Operator::Plain), "eq_min_age=1");
        assert!(refused("in_foo-bar", Operator::Plain).contains("in_foo-bar"));
        let twice = filter("a", Operator::Eq, json!(1));
        assert!(query(&twice.clone().and(twice)).contains("`eq_a` twice"));
    }

    #[test]
    fn presence_comes_first() {
        let filter = filter("a", Operator::Eq, json!(1)).and(filter("z", Operator::Has, json!(true)));
        assert_eq!(query(&filter), "has_z=true&eq_a=1");
    }
}
