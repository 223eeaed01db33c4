//! The data of objects.

use serde_json::{Map, Value, json};

use super::Maker;
use super::model::Kind;

/// The fields of records.
pub(super) const FIELDS: [&str; 10] = ["a", "n", "s", "t", "o", "été", "b-c", "like_x", "flag", "_p"];
/// The fields that queries look at, and patches write.
pub(super) const PLACES: [&str; 16] =
    ["a", "a", "n", "n", "s", "s", "t", "o", "o.x", "o.y.z", "été", "b-c", "like_x", "flag", "_p", "missing"];
const TEXTS: [&str; 18] =
    ["", "a", "A", "b", "ab", "B1", "a,b", "42", "true", "null", "é", "日本", "🥛", "%", "a_c", "\"", "\\", "x y"];

impl Maker {
    pub(super) fn text(&mut self) -> String {
        self.chance.pick(&TEXTS).to_owned()
    }

    pub(super) fn number(&mut self) -> Value {
        match self.chance.place(10) {
            0 => json!(9_007_199_254_740_992_i64),
            1 => json!(-9_007_199_254_740_991_i64),
            2 | 3 => self.chance.pick(&[json!(0.5), json!(-1.25), json!(1.0), json!(2.5), json!(1e3)]),
            _ => json!(i64::try_from(self.chance.place(6)).expect("a small number") - 1),
        }
    }

    pub(super) fn scalar(&mut self) -> Value {
        match self.chance.place(9) {
            0..=3 => self.text().into(),
            4..=6 => self.number(),
            7 => self.chance.one_in(2).into(),
            _ => Value::Null,
        }
    }

    pub(super) fn value(&mut self) -> Value {
        match self.chance.place(10) {
            0..=6 => self.scalar(),
            7 => self.items(),
            8 => json!({"x": self.scalar()}),
            _ => json!([self.items(), {"x": self.scalar()}]),
        }
    }

    fn items(&mut self) -> Value {
        let length = self.chance.place(4);
        (0..length).map(|_| self.scalar()).collect()
    }

    fn field(&mut self, name: &str) -> Value {
        match (name, self.chance.place(5)) {
            (_, 0) => self.value(),
            ("n", _) => self.number(),
            ("s" | "été" | "like_x", _) => self.text().into(),
            ("t", _) => self.items(),
            ("flag", _) => self.chance.one_in(2).into(),
            ("o", 1) => json!({"x": self.scalar(), "y": {"z": self.scalar()}}),
            ("o", 2) => json!({"y": {"z": self.value()}, "w": self.value()}),
            ("o", _) => json!({"x": self.value()}),
            _ => self.scalar(),
        }
    }

    /// The data of an object of that kind, that is valid.
    pub(super) fn data(&mut self, kind: Kind) -> Map<String, Value> {
        let mut data = Map::new();
        let fields = if kind == Kind::Record { self.chance.between(0, 6) } else { self.chance.place(3) };
        for _ in 0..fields {
            let name = self.chance.pick(&FIELDS);
            let value = self.field(name);
            data.insert(name.to_owned(), value);
        }
        match kind {
            Kind::Group if self.chance.one_in(6) => {}
            Kind::Group => _ = data.insert("members".to_owned(), self.members()),
            Kind::Collection => {
                if self.has_schemas && self.chance.percent(45) {
                    let schema = self.schema();
                    data.insert("schema".to_owned(), schema);
                }
                if self.chance.one_in(8) {
                    let expires = self.chance.pick(&[json!(60), json!("60"), json!(0), json!(3600), json!(1.5)]);
                    data.insert("cache_expires".to_owned(), expires);
                }
            }
            Kind::Bucket if self.has_schemas && self.chance.percent(40) => {
                let name = self.chance.pick(&["record:schema", "collection:schema", "group:schema"]);
                let schema = self.schema();
                data.insert(name.to_owned(), schema);
            }
            _ => {}
        }
        data
    }

    fn members(&mut self) -> Value {
        let length = self.chance.place(4);
        (0..length).map(|_| Value::from(self.member())).collect()
    }

    fn member(&mut self) -> String {
        match self.chance.place(8) {
            0 => "system.Authenticated".to_owned(),
            1 => "account:max".to_owned(),
            2 => self.chance.pick(&["somebody", "é:1", "basicauth:0"]).to_owned(),
            _ => format!("⟦me {}⟧", self.chance.place(3)),
        }
    }

    /// A JSON Schema for what records have.
    pub(super) fn schema(&mut self) -> Value {
        match self.chance.place(16) {
            0 => json!({}),
            1 => json!({"type": "object"}),
            2 => json!({"type": "object", "required": ["s"], "properties": {"s": {"type": "string"}}}),
            3 => json!({"properties": {"n": {"type": "number", "minimum": 0, "maximum": 3}}}),
            4 => json!({"properties": {"s": {"type": "string", "minLength": 1, "maxLength": 2}}}),
            5 => json!({"properties": {"a": {"enum": ["a", 1, null, true]}}}),
            6 => json!({"properties": {"s": {}, "a": {}, "n": {}}, "additionalProperties": false}),
            7 => json!({"properties": {"o": {"type": "object", "properties": {"x": {"type": "string"}}}}}),
            8 => json!({"properties": {"t": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}}),
            9 => json!({"required": ["id", "a"], "properties": {"id": {"pattern": "^r[1-5]$"}}}),
            10 => json!({"anyOf": [{"required": ["a"]}, {"required": ["n"]}]}),
            11 => json!({"$ref": "#/definitions/r", "definitions": {"r": {"properties": {"n": {"type": "integer"}}}}}),
            12 => json!({
                "$schema": "http://json-schema.org/draft-04/schema#",
                "properties": {"n": {"type": "number", "minimum": 0, "exclusiveMinimum": true}},
            }),
            13 => json!({"properties": {"s": {"pattern": "^[a-z]"}, "flag": {"type": "boolean"}}}),
            14 => json!({"properties": {"a": {"$ref": "#/definitions/missing"}}}),
            _ => json!({"type": "object", "properties": {"n": {"multipleOf": 2}, "t": {"uniqueItems": true}}}),
        }
    }

    /// Makes what is no schema.
    pub(super) fn bad_schema(&mut self) -> Value {
        self.chance.pick(&[
            json!({"type": "nonsense"}),
            json!({"properties": []}),
            json!({"required": "s"}),
            json!({"properties": {"n": {"minimum": "x"}}}),
            json!({"properties": {"n": 5}}),
            json!("text"),
            json!([]),
            json!(5),
            Value::Null,
        ])
    }

    /// A timestamp that a client asks for: none that a server would come to by its clock.
    pub(super) fn forced(&mut self) -> Value {
        const HOUR: usize = 3_600_000;
        let seconds = self.chance.place(12) * 1000;
        match self.chance.place(16) {
            0..=6 => format!("⟦#time -{}⟧", HOUR + seconds).into(),
            7..=9 => format!("⟦#time +{}⟧", HOUR + seconds).into(),
            10 => format!("⟦#time +{}⟧", 25 * HOUR + seconds).into(),
            11 => json!(123_456 + seconds),
            _ => self.chance.pick(&[
                json!(0),
                json!(-5),
                json!(1.5),
                json!("123"),
                json!("abc"),
                Value::Null,
                json!([1]),
                json!({}),
                json!(10_000_000_000_000_i64),
            ]),
        }
    }
}
