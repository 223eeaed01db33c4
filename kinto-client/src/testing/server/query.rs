//! The parameters of a request's query, as Kinto reads them.

use serde_json::{Number, Value};

use super::{
    answer::{Failure, Invalid, Outcome, invalid},
    database::Kind,
    filter::{Condition, OPERATORS, Operator, Order, is_true},
    parameters::{Sent, native, parameters, split, value_of},
};

const DAY: i64 = 24 * 3600 * 1000;

/// The parameters with their values, each read as JSON where it is JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    values: Vec<(String, Value)>,
    /// The numbers of parameters that take only numbers.
    numbers: Vec<(&'static str, i128)>,
    lists: Vec<(&'static str, Vec<String>)>,
    texts: Vec<(&'static str, String)>,
}

impl Query {
    /// Reads the parameters of a list or an object.
    pub(super) fn read(query: &str, is_list: bool, errors: &mut Vec<Invalid>) -> Self {
        let mut sent: Vec<(String, Sent)> = Vec::new();
        for (name, value) in parameters(query) {
            match sent.iter_mut().find(|(known, _)| *known == name) {
                Some((_, Sent::Often(values))) => values.push(value),
                Some((_, one)) => {
                    let Sent::Once(first) = one.clone() else { continue };
                    *one = Sent::Often(vec![first, value]);
                }
                None => sent.push((name, Sent::Once(value))),
            }
        }
        let mut this = Self {
            values: sent.iter().map(|(name, sent)| (name.clone(), value_of(name, sent))).collect(),
            ..Self::default()
        };
        for (name, sent) in &sent {
            match name.as_str() {
                "_fields" => this.lists.push(("_fields", split(sent))),
                "_sort" if is_list => this.lists.push(("_sort", split(sent))),
                "_limit" | "_since" | "_to" | "_before" | "last_modified" if is_list => {
                    this.read_number(name, sent, errors);
                }
                "_token" | "id" if is_list => this.read_text(name, sent, errors),
                _ => {}
            }
        }
        this
    }

    fn read_number(&mut self, name: &str, sent: &Sent, errors: &mut Vec<Invalid>) {
        let name = NUMBERS.into_iter().find(|known| *known == name).unwrap_or_default();
        let value = match sent {
            Sent::Once(text) => match native(text) {
                Value::Bool(_) => Value::String(text.clone()),
                value => value,
            },
            Sent::Often(texts) => texts.iter().map(|text| Value::from(text.as_str())).collect(),
        };
        let shown = super::python::text(&value);
        let is_zero = value.as_f64() == Some(0.0);
        if !is_zero && !is_true(&value) {
            return;
        }
        match integer(&value) {
            Some(number) if number < 0 => {
                errors.push(Invalid::new("querystring", name, format!("{number} is less than minimum value 0")));
            }
            Some(number) if number > 1 << 63 => {
                let description = format!("{number} is greater than maximum value 9223372036854775808");
                errors.push(Invalid::new("querystring", name, description));
            }
            Some(number) => {
                self.replace(name, Value::Number(i64::try_from(number).map_or(Number::from(u64::MAX), Number::from)));
                self.numbers.push((name, number));
            }
            None => errors.push(Invalid::new("querystring", name, format!("\"{shown}\" is not a number"))),
        }
    }

    fn read_text(&mut self, name: &str, sent: &Sent, errors: &mut Vec<Invalid>) {
        let name = if name == "id" { "id" } else { "_token" };
        let value = match sent {
            Sent::Once(text) => match native(text) {
                Value::Bool(_) => Value::String(text.clone()),
                value => value,
            },
            Sent::Often(texts) => texts.iter().map(|text| Value::from(text.as_str())).collect(),
        };
        match value {
            Value::String(text) if !text.is_empty() => {
                self.replace(name, Value::String(text.clone()));
                self.texts.push((name, text));
            }
            value if !is_true(&value) => {}
            value => errors.push(Invalid::new("querystring", name, super::body::not_a_string(&value, name))),
        }
    }

    fn replace(&mut self, name: &str, value: Value) {
        if let Some((_, old)) = self.values.iter_mut().find(|(known, _)| known == name) {
            *old = value;
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.texts.iter().find(|(name, _)| *name == "_token").map(|(_, text)| text.as_str())
    }

    fn list(&self, name: &str) -> &[String] {
        self.lists.iter().find(|(known, _)| *known == name).map(|(_, list)| list.as_slice()).unwrap_or_default()
    }

    /// Returns the number of objects of one page.
    pub(super) fn limit(&self, paginate_by: Option<usize>, max_fetch_size: usize) -> usize {
        let asked = self.numbers.iter().find(|(name, _)| *name == "_limit");
        let asked = asked.map(|(_, number)| usize::try_from(*number).unwrap_or(usize::MAX));
        let limit = match (asked, self.value("_limit")) {
            (Some(asked), _) => Some(asked),
            // An empty one is no limit, and not that of the settings either.
            (None, Some(_)) => None,
            (None, None) => paginate_by,
        };
        match limit.filter(|limit| *limit > 0) {
            Some(limit) => paginate_by.map_or(limit, |most| limit.min(most)).min(max_fetch_size),
            None => max_fetch_size,
        }
    }

    /// Returns the fields to return, if not all are.
    pub(super) fn fields(&self, kind: Kind) -> Outcome<Option<Vec<String>>> {
        let fields = self.list("_fields");
        if fields.is_empty() {
            return Ok(None);
        }
        let unknown: Vec<&str> =
            fields.iter().map(|field| root_of(field)).filter(|field| !is_known(kind, field)).collect();
        if !unknown.is_empty() {
            let description = format!("Fields {} do not exist", unknown.join(","));
            return Err(invalid("body", Some("Invalid _fields parameter"), description));
        }
        Ok(Some(fields.iter().cloned().chain(["id".to_owned(), "last_modified".to_owned()]).collect()))
    }

    /// Returns the order of a list: what was asked for, and then the newest first.
    pub(super) fn orders(&self, kind: Kind) -> Outcome<Vec<Order>> {
        let asked = self.list("_sort");
        let mut orders = Vec::new();
        for field in asked {
            let field = field.trim();
            let (descending, field) = match field.strip_prefix('-') {
                Some(field) => (true, field),
                None => (false, field.strip_prefix('+').unwrap_or(field)),
            };
            if !is_name(field) {
                continue;
            }
            if !is_known(kind, root_of(field)) {
                return Err(invalid("querystring", None, format!("Unknown sort field '{field}'")));
            }
            orders.push(Order { field: field.to_owned(), descending });
        }
        if kind == Kind::Permissions {
            orders.retain(|order| order.field != "last_modified");
            if !orders.iter().any(|order| order.field == "uri") {
                orders.push(Order { field: "uri".to_owned(), descending: true });
            }
        } else if !asked.iter().any(|field| field == "last_modified") {
            orders.push(Order { field: "last_modified".to_owned(), descending: true });
        }
        Ok(orders)
    }

    /// Returns the conditions, and whether the deprecated `_to` is among the parameters.
    pub(super) fn conditions(&self, kind: Kind, now: i64) -> Outcome<(Vec<Condition>, bool)> {
        let mut conditions = Vec::new();
        let mut is_deprecated = false;
        for (parameter, value) in &self.values {
            let parameter = parameter.trim();
            let refuse = || invalid("querystring", Some(parameter), format!("Invalid value for {parameter}"));
            if matches!(parameter, "_since" | "_to" | "_before") {
                is_deprecated |= parameter == "_to";
                let operator = if parameter == "_since" { Operator::Gt } else { Operator::Lt };
                if !value.is_null() && !is_timestamp(value, now) {
                    return Err(refuse());
                }
                conditions.push(Condition::new("last_modified", operator, Some(value.clone())));
            } else if !parameter.starts_with('_') {
                conditions.push(condition(kind, parameter, value, now, refuse)?);
            }
        }
        if kind == Kind::History {
            conditions.iter_mut().for_each(with_text_ids);
        }
        if kind == Kind::Permissions {
            conditions.retain(|condition| condition.field != "last_modified");
        }
        Ok((conditions, is_deprecated))
    }
}

const NUMBERS: [&str; 5] = ["_limit", "_since", "_to", "_before", "last_modified"];

fn condition(kind: Kind, parameter: &str, value: &Value, now: i64, refuse: impl Fn() -> Failure) -> Outcome<Condition> {
    let named = OPERATORS.into_iter().find_map(|(prefix, operator)| {
        parameter.strip_prefix(prefix).filter(|field| is_name(field)).map(|field| (operator, field))
    });
    let (operator, field) = named.unwrap_or((Operator::Eq, parameter));
    if !is_known(kind, root_of(field)) {
        return Err(invalid("querystring", Some(parameter), format!("Unknown filter field '{parameter}'")));
    }
    let (is_id, is_time) = (field == "id", field == "last_modified");
    let is_list = matches!(operator, Operator::In | Operator::Exclude);
    let all_texts = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    if operator == Operator::Like && !value.is_string() || is_list && (is_id && !all_texts || is_time) {
        return Err(refuse());
    }
    if field.contains('\0') || has_null(value) {
        return Err(invalid("querystring", Some(parameter), "Invalid character 0x00"));
    }
    if is_time && !is_timestamp(value, now) {
        return Err(refuse());
    }
    if (is_id || is_time) && matches!(operator, Operator::Contains | Operator::ContainsAny) {
        return Err(invalid("querystring", Some(parameter), format!("Field '{field}' is not an array")));
    }
    Ok(Condition::new(field, operator, Some(value.clone())))
}

/// Returns the number that Python's `int` makes of a value.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => {
            number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).or_else(|| {
                #[allow(clippy::cast_possible_truncation, reason = "Python cuts the fraction off, too")]
                number.as_f64().map(|float| float.trunc() as i128)
            })
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Makes texts of the ids in conditions on the history. A boolean is a number to Python, so that `false` becomes a text that
/// is true.
fn with_text_ids(condition: &mut Condition) {
    let is_id = matches!(condition.field.as_str(), "record_id" | "collection_id" | "bucket_id");
    if let (true, Some(value)) = (is_id, &mut condition.value)
        && (value.is_boolean() || value.is_i64() || value.is_u64())
    {
        *value = Value::String(super::python::repr(value));
    }
}

/// Returns true for a timestamp that is not more than a day ahead.
pub(super) fn is_timestamp(value: &Value, now: i64) -> bool {
    let number = match value {
        Value::String(text) => {
            let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok()).flatten()
        }
        Value::Number(_) => integer(value),
        _ => None,
    };
    number.is_some_and(|number| (0..i128::from(now + DAY)).contains(&number))
}

pub(super) fn has_null(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_null(value)),
        _ => false,
    }
}

fn is_name(field: &str) -> bool {
    !field.is_empty() && field.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '.'))
}

fn root_of(field: &str) -> &str {
    field.split('.').next().unwrap_or(field)
}

/// Returns true for a field that objects of this kind can have.
fn is_known(kind: Kind, field: &str) -> bool {
    let fields: &[&str] = match kind {
        Kind::History => &[
            "user_id",
            "uri",
            "action",
            "date",
            "resource_name",
            "bucket_id",
            "collection_id",
            "group_id",
            "record_id",
            "target",
        ],
        Kind::Permissions => {
            &["uri", "resource_name", "permissions", "bucket_id", "collection_id", "group_id", "record_id"]
        }
        _ => return true,
    };
    matches!(field, "id" | "last_modified" | "deleted") || fields.contains(&field)
}
