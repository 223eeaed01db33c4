//! Requests that are wrong.

use serde_json::{Value, json};

use super::model::Kind;
use super::{Draft, Effect, Maker};
use crate::step::Who;

/// Ids that are none, or nearly, as a path has them.
const IDS: [&str; 12] = ["-x", "_a", "a.b", "a%20b", "%C3%A9", "a%0A", "a%2Fb", "%22", "a+b", "*", "a@b", "%25"];

impl Maker {
    /// Makes something of a request wrong.
    pub(super) fn spoil(&mut self, draft: &mut Draft) {
        let is_write = draft.effect.is_write();
        draft.effect = match draft.effect {
            Effect::Write(_) | Effect::Make(_) | Effect::Post(..) | Effect::Delete | Effect::DeleteAll => {
                Effect::Nothing
            }
            ref effect => effect.clone(),
        };
        if draft.body.is_some() && self.chance.percent(60) {
            return self.spoil_body(draft);
        }
        match self.chance.place(20) {
            0 | 1 => draft.method = self.chance.pick(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PURGE"]),
            2 => {
                let types = [
                    "text/html",
                    "application/*",
                    "*/*",
                    "a",
                    "",
                    "Application/JSON",
                    "application/json; a=b",
                    "application/json;q=0, */*",
                    "text/html, */*;q=0.1",
                ];
                draft.headers.push(("Accept", self.chance.pick(&types).to_owned()));
            }
            3 | 4 => self.spoil_precondition(draft),
            5 | 6 => {
                let id = self.chance.pick(&IDS);
                draft.path = format!("{}/{id}", super::model::parent(&draft.path));
            }
            7 => draft.path.push('/'),
            8 => draft.prefix = self.chance.pick(&["", "", "/v0", "/v2", "/v1/v1", "/v10"]),
            9 => draft.path.push_str(self.chance.pick(&["/nonsense", "/records", "/collections", "//", "/x/y"])),
            10 => draft.who = self.anybody(),
            11 => draft.who = Who::Garbled(self.chance.place(4)),
            12 => self.spoil_path(draft),
            13 if !is_write => draft.headers.push(("Content-Type", "text/plain".to_owned())),
            14 if draft.method == "PATCH" => {
                let value = self.chance.pick(&["LIGHT", "nonsense", "", "light"]).to_owned();
                draft.headers.push(("Response-Behavior", value));
            }
            _ => self.spoil_query(draft),
        }
    }

    /// In the place of a parent there is nothing.
    fn spoil_path(&mut self, draft: &mut Draft) {
        let mut parts: Vec<&str> = draft.path.split('/').collect();
        if parts.len() < 3 {
            return;
        }
        let at = 2 + 2 * self.chance.place((parts.len() - 1) / 2);
        if let Some(part) = parts.get_mut(at) {
            *part = self.chance.pick(&["nowhere", "nowhere", "a.b", "-x", "*", ""]);
        }
        draft.path = parts.join("/");
    }

    fn spoil_precondition(&mut self, draft: &mut Draft) {
        let values = ["1", "\"abc\"", "W/\"1\"", "\"1\", \"2\"", "*", "\"\"", "", "\"-1\"", "*\"1\"", "\"1.5\"", " * "];
        let name = self.chance.pick(&["If-Match", "If-None-Match"]);
        draft.headers.retain(|(other, _)| *other != name);
        draft.headers.push((name, self.chance.pick(&values).to_owned()));
    }

    fn spoil_query(&mut self, draft: &mut Draft) {
        let (name, value) = self.chance.pick(&[
            ("_limit", "-1"),
            ("_limit", "abc"),
            ("_limit", ""),
            ("_limit", "1.5"),
            ("_limit", "true"),
            ("_limit", "99999999999999999999"),
            ("_since", "abc"),
            ("_since", ""),
            ("_since", "-1"),
            ("_since", "true"),
            ("_since", "⟦time +90000000⟧"),
            ("_before", "1.5"),
            ("_to", "x"),
            ("_since", "null"),
            ("_token", "garbage"),
            ("_token", "e30="),
            ("_token", ""),
            ("_token", "bnVsbA=="),
            ("_token", "eyJsYXN0X29iamVjdCI6e30sIm9mZnNldCI6MCwibm9uY2UiOiJ4In0="),
            ("in_last_modified", "1,2"),
            ("in_id", "1,2"),
            ("exclude_id", ""),
            ("like_a", "5"),
            ("like_id", "5"),
            ("contains_id", "a"),
            ("contains_any_last_modified", "5"),
            ("has_id", "5"),
            ("last_modified", "abc"),
            ("gt_last_modified", "\"5\""),
            ("not_last_modified", "-5"),
            ("like_last_modified", "\"5\""),
            ("min_foo-bar", "1"),
            ("_unknown", "1"),
            ("eq_", "1"),
            ("", "1"),
            ("a", "\u{0}"),
            ("a", "{\"x\":"),
            ("a", "NaN"),
            ("a", "1e400"),
            ("in_a", ""),
            ("a.", "1"),
            (".a", "1"),
            ("a..b", "1"),
            ("contains_a", "{\"x\": 1}"),
            ("_sort", "nonsense;a"),
            ("_fields", ""),
            ("data", "1"),
            ("last_modified", "5"),
            ("last_modified", "\"5\""),
            ("_expected", "5"),
            ("a", "123456789012345678901234567890"),
        ]);
        if self.chance.one_in(12)
            && let Some(page) = self.pages.last()
        {
            let token = format!("⟦token {}⟧", page.step);
            draft.query.push(("_token".to_owned(), token));
            return;
        }
        if self.chance.one_in(40) {
            // What is not UTF-8.
            draft.path.push_str("?a=%FF");
            return;
        }
        // Every third time it is there twice.
        if self.chance.one_in(3) || draft.query.iter().all(|(other, _)| other != name) {
            draft.query.push((name.to_owned(), value.to_owned()));
        }
    }

    fn spoil_body(&mut self, draft: &mut Draft) {
        let other = self.value();
        let body = draft.body.get_or_insert_default();
        match self.chance.place(24) {
            0 | 1 => {
                let text = body.to_string();
                let end = (0..=text.len() / 2).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
                let texts = [&text[..end], "{", "", "{\"data\": NaN}", "{'data': {}}", "{\"data\":{}}{}", "\u{feff}{}"];
                draft.raw = Some(self.chance.pick(&texts).to_owned());
            }
            2 => *body = self.chance.pick(&[json!(5), json!("text"), Value::Null, json!([]), json!(true), json!([{}])]),
            3 if body.is_object() => body["extra"] = other,
            4 | 5 if body.is_object() => {
                body["data"] =
                    self.chance.pick(&[Value::Null, json!([]), json!("a"), json!(5), json!(true), json!([[]])]);
            }
            6..=8 if body.is_object() => body["permissions"] = self.bad_permissions(),
            9 => {
                let types = [
                    "text/plain",
                    "application/x-www-form-urlencoded",
                    "application/json; charset=utf-8",
                    "application/merge-patch+json; charset=utf-8",
                    "application/json-patch+json; charset=utf-8",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/vnd.x+json",
                    "APPLICATION/JSON",
                    "json",
                    "",
                ];
                draft.headers.retain(|(name, _)| *name != "Content-Type");
                draft.headers.push(("Content-Type", self.chance.pick(&types).to_owned()));
            }
            10 => *body = json!({}),
            11 => (draft.body, draft.raw) = (None, None),
            kind => self.spoil_data(draft, kind),
        }
    }

    fn spoil_data(&mut self, draft: &mut Draft, kind: usize) {
        let forced = self.forced();
        let (schema, member) = (
            self.bad_schema(),
            self.chance.pick(&[
                json!("system.Everyone"),
                json!("/buckets/x"),
                json!(5),
                json!(null),
                json!(["a"]),
                json!(""),
            ]),
        );
        let Some(data) = draft.body.as_mut().and_then(|body| body.get_mut("data")?.as_object_mut()) else {
            return self.spoil_query(draft);
        };
        let is_in_bucket = draft.path.ends_with("/buckets") || !draft.path.contains('/');
        let (name, value) = match kind {
            12 => (
                "id",
                self.chance.pick(&[json!("other"), json!(5), Value::Null, json!("a b"), json!(["r1"]), json!("")]),
            ),
            13 => ("members", self.chance.pick(&[json!("a"), json!({"a": 1}), Value::Null, json!(5), json!([member])])),
            14 => ("members", json!([member])),
            15 | 16 => (self.chance.pick(&["schema", "record:schema", "collection:schema"]), schema),
            17 => (
                "cache_expires",
                self.chance.pick(&[
                    json!("abc"),
                    json!(-5),
                    json!([]),
                    Value::Null,
                    json!(true),
                    json!("1.5"),
                    json!(1e3),
                ]),
            ),
            18 => ("__permissions__", json!({"read": ["a"]})),
            19 if self.chance.one_in(4) => ("a", json!("x\u{0}y")),
            20 => ("deleted", json!(true)),
            21 if self.chance.one_in(6) => ("last_modified", json!(true)),
            21 if !is_in_bucket => ("last_modified", forced),
            22 => {
                let deep = (0..30).fold(json!(1), |inner, _| json!({"x": [inner]}));
                ("a", deep)
            }
            _ => ("a", json!({"b.c": 1, "": 2, "日": [[], {}]})),
        };
        // A timestamp that was asked for stays in a list, and of buckets there is one only.
        if name == "last_modified" && Kind::Bucket.plural() == super::model::parent(&draft.path).trim_start_matches('/')
        {
            return;
        }
        data.insert(name.to_owned(), value);
    }
}
