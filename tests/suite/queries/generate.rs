use kinto_client::{Value, json};
use kinto_server::Backend;
use kinto_tests::{
    Chance,
    evaluator::{Condition, Key, Stored, Test},
};

/// Fields of any JSON, with names that a server might take for operators.
const FIELDS: [&str; 9] =
    ["v", "min_age", "in_stock", "contains_nuts", "_private", "имя", "größe", "like_", "has_any_в"];
/// Fields that lists are sorted by: what the server's page tokens hold exactly.
const SORTED: [&str; 3] = ["s", "t_от", "o.deep.s"];
/// Names that can only be equal.
const PLAIN: [&str; 3] = ["due-date", "min_due-date", "ünï cödé & +;=#-"];
const TEXTS: [&str; 22] = [
    "",
    "a",
    "A",
    "b",
    "ab",
    "a,b",
    "4",
    "42",
    "true",
    "null",
    "\"",
    "\\",
    "\\u002c",
    ";",
    "&=%2C+",
    "a b",
    "*",
    "é",
    "日",
    "\u{1f95b}",
    "%_",
    "[1]",
];

/// Makes records and queries that every backend answers alike, as far as the documentation says.
pub(crate) struct Generator {
    chance: Chance,
    is_memory: bool,
}

impl Generator {
    pub(crate) fn new(chance: Chance, backend: Backend) -> Self {
        Self { chance, is_memory: matches!(backend, Backend::Memory) }
    }

    pub(crate) fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    pub(crate) fn is_memory(&self) -> bool {
        self.is_memory
    }

    pub(crate) fn record(&mut self) -> Value {
        let mut data = json!({});
        for field in FIELDS.iter().chain(&PLAIN) {
            if !self.chance.one_in(6) {
                data[*field] = self.value();
            }
        }
        for field in ["s", "t_от"] {
            if !self.chance.one_in(6) {
                data[field] = self.sortable();
            }
        }
        match self.chance.place(4) {
            0 => {}
            1 => data["o"] = self.value(),
            2 => data["o"] = json!({"deep": self.value()}),
            _ => data["o"] = json!({"deep": {"s": self.sortable(), "v": self.value()}}),
        }
        data
    }

    pub(crate) fn text(&mut self) -> String {
        if self.chance.one_in(3) {
            return self.chance.pick(&TEXTS).to_owned() + self.chance.pick(&TEXTS);
        }
        self.chance.pick(&TEXTS).to_owned()
    }

    fn number(&mut self) -> Value {
        const EDGES: [i64; 8] =
            [i64::MIN, i64::MIN + 1, -9_007_199_254_740_993, -1, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX, 100];
        match self.chance.place(8) {
            0 => self.chance.pick(&EDGES).into(),
            1 => json!(u64::MAX),
            2 => self.chance.pick(&[0.1, -0.25, 2.5, 1e-7, 1e300, -1e300, 5e-324]).into(),
            _ => (i64::try_from(self.chance.place(9)).expect("a small number") - 3).into(),
        }
    }

    /// Text, small numbers, booleans and null.
    fn sortable(&mut self) -> Value {
        match self.chance.place(6) {
            0 | 1 => self.text().into(),
            2 | 3 => (i64::try_from(self.chance.place(9)).expect("a small number") - 3).into(),
            4 => self.chance.one_in(2).into(),
            _ => Value::Null,
        }
    }

    fn scalar(&mut self) -> Value {
        match self.chance.place(9) {
            0..=2 => self.text().into(),
            3..=5 => self.number(),
            6 | 7 => self.chance.one_in(2).into(),
            _ => Value::Null,
        }
    }

    /// What a list or object holds. The memory backend takes booleans for 0 and 1 there.
    fn inner(&mut self) -> Value {
        loop {
            let value = self.scalar();
            if !self.is_memory || !is_ambiguous(&value) {
                return value;
            }
        }
    }

    fn list(&mut self) -> Value {
        let items: Vec<Value> = (0..self.chance.place(4)).map(|_| self.inner()).collect();
        items.into()
    }

    fn value(&mut self) -> Value {
        match self.chance.place(12) {
            0..=7 => self.scalar(),
            8 | 9 => self.list(),
            10 => json!({"xx": self.inner(), "yy": self.list()}),
            _ => json!([self.list(), {"xx": self.inner()}]),
        }
    }

    pub(crate) fn sort(&mut self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for _ in 0..self.chance.place(3) {
            let field = self.chance.pick(&SORTED);
            if keys.iter().all(|key| key.field != field) {
                keys.push(Key { field: field.to_owned(), descending: self.chance.one_in(2) });
            }
        }
        keys
    }

    /// Up to three conditions, whose values are stored more often than not.
    pub(crate) fn filter(&mut self, stored: &[Stored]) -> Vec<Condition> {
        loop {
            let first = self.condition(stored);
            let mut filter = vec![first];
            for _ in 0..self.chance.pick(&[0, 0, 1, 1, 1, 2]) {
                let mut next = self.condition(stored);
                // Often of the same field.
                let is_free = |field: &str| !field.contains('-') && field != "id";
                if self.chance.one_in(2) && is_free(&next.field) && is_free(&filter[0].field) {
                    next.field.clone_from(&filter[0].field);
                }
                filter.push(next);
            }
            if !(self.is_memory && differs_in_memory(&filter)) {
                return filter;
            }
        }
    }

    fn condition(&mut self, stored: &[Stored]) -> Condition {
        if self.chance.one_in(20) {
            return Condition { field: "id".to_owned(), test: self.ids(stored) };
        }
        let field = match self.chance.place(12) {
            0 => self.chance.pick(&PLAIN),
            1 => "o",
            2 => "o.deep",
            3 => self.chance.pick(&["o.deep.v", "o.xx", "o.yy"]),
            4..=6 => self.chance.pick(&SORTED),
            7 => "v",
            _ => self.chance.pick(&FIELDS),
        };
        let record = self.chance.place(stored.len());
        let value = match value_at(&stored[record], field) {
            Some(value) if !self.chance.one_in(3) => value.clone(),
            _ => self.value(),
        };
        let test = if field.contains('-') { Test::Eq(value) } else { self.test(value, field, stored) };
        Condition { field: field.to_owned(), test }
    }

    /// What some of the records have there, as far as it can be looked for among others.
    fn some_of_all(&mut self, stored: &[Stored], field: &str) -> Vec<Value> {
        let values = stored.iter().filter_map(|record| value_at(record, field));
        let values: Vec<Value> = values.filter(|value| !value.is_array() && !value.is_object()).cloned().collect();
        let is_memory = self.is_memory;
        values.into_iter().filter(|value| !(self.chance.one_in(3) || (is_memory && is_ambiguous(value)))).collect()
    }

    /// Up to half of the ids, and so many that there are not.
    pub(crate) fn ids(&mut self, stored: &[Stored]) -> Test {
        let mut ids: Vec<Value> =
            stored.iter().filter(|_| self.chance.one_in(2)).map(|record| record.id.as_str().into()).collect();
        ids.extend((0..self.chance.place(90)).map(|n| Value::from(format!("{n:08}-6b97-4fb1-a1ff-67b68f4e258d"))));
        if self.chance.one_in(3) { Test::NotIn(ids) } else { Test::IsIn(ids) }
    }

    fn test(&mut self, value: Value, field: &str, stored: &[Stored]) -> Test {
        let is_compound = value.is_array() || value.is_object();
        let bound = if value.is_number() || value.is_string() { value.clone() } else { self.chance.place(5).into() };
        let scalar = if is_compound { self.scalar() } else { value.clone() };
        let items = value.as_array().cloned().unwrap_or_else(|| vec![scalar.clone()]);
        let mut some = vec![scalar];
        some.extend((0..self.chance.place(4)).map(|_| self.scalar()));
        match self.chance.place(15) {
            14 => {
                // More than a URL has room for.
                some.extend((0..self.chance.place(200)).map(|n| Value::from(format!("no record has this text: {n}"))));
                some.extend(self.some_of_all(stored, field));
                if self.chance.one_in(3) && !self.is_memory { Test::NotIn(some) } else { Test::IsIn(some) }
            }
            0 | 1 => Test::Eq(value),
            2 => Test::Ne(value),
            3 => Test::IsIn(some),
            4 => Test::NotIn(some),
            5 => Test::Lt(bound),
            6 => Test::Le(bound),
            7 => Test::Gt(bound),
            8 => Test::Ge(bound),
            9 => Test::Like(self.pattern(&bound)),
            10 => Test::HasKey,
            11 => Test::IsMissing,
            12 => Test::ContainsAll(items),
            _ => Test::ContainsAny(items),
        }
    }

    /// A part of a text, whose letters are ASCII's: the backends know the case of others or do not.
    pub(crate) fn pattern(&mut self, value: &Value) -> String {
        let text = value.as_str().map_or_else(|| "4".to_owned(), str::to_owned);
        let text: String = text.chars().filter(char::is_ascii).collect();
        match self.chance.place(4) {
            0 => text,
            1 => text.to_ascii_uppercase() + "*",
            2 => format!("*{text}"),
            _ => text.chars().take(1).collect(),
        }
    }
}

fn value_at<'a>(record: &'a Stored, field: &str) -> Option<&'a Value> {
    field.split('.').try_fold(&record.data, |value, name| value.as_object()?.get(name))
}

/// Returns true if the documentation says that the memory backend answers otherwise.
pub(crate) fn differs_in_memory(filter: &[Condition]) -> bool {
    let presences = filter.iter().filter(|condition| matches!(condition.test, Test::HasKey | Test::IsMissing)).count();
    let excluded = |values: &[Value]| values.iter().filter(|value| is_ambiguous(value)).count();
    let other_ne = filter.iter().any(|condition| matches!(condition.test, Test::Ne(_)));
    presences > 1
        || filter.iter().any(|condition| match &condition.test {
            Test::NotIn(values) => excluded(values) > usize::from(!other_ne),
            Test::Eq(value) | Test::Ne(value) => is_ambiguous_inside(value),
            Test::IsIn(values) => values.iter().any(is_ambiguous_inside),
            Test::ContainsAll(values) => values.is_empty() || values.iter().any(is_ambiguous),
            Test::ContainsAny(values) => values.iter().any(is_ambiguous),
            _ => false,
        })
}

/// Returns true for a list or object that the memory backend takes for another one.
fn is_ambiguous_inside(value: &Value) -> bool {
    let is_ambiguous = |value: &Value| is_ambiguous(value) || is_ambiguous_inside(value);
    match value {
        Value::Array(items) => items.iter().any(is_ambiguous),
        Value::Object(fields) => fields.values().any(is_ambiguous),
        _ => false,
    }
}

/// Returns true if the memory backend takes it for another value in some places.
fn is_ambiguous(value: &Value) -> bool {
    value.is_boolean() || value.as_f64().is_some_and(|number| number == 0.0 || (number - 1.0).abs() < f64::EPSILON)
}
