//! Lists, and what is asked of them.

use serde_json::{Value, json};

use super::model::Kind;
use super::values::PLACES;
use super::{Draft, Effect, Maker};
use crate::step::Who;

const OPERATORS: [&str; 18] = [
    "",
    "",
    "",
    "eq_",
    "not_",
    "lt_",
    "gt_",
    "min_",
    "max_",
    "in_",
    "in_",
    "exclude_",
    "like_",
    "has_",
    "contains_",
    "contains_any_",
    "has_",
    "like_",
];

impl Maker {
    /// One of the lists, records' more often than not.
    pub(super) fn any_list(&mut self) -> String {
        let records: Vec<String> = self.model.lists.keys().filter(|list| list.ends_with("/records")).cloned().collect();
        if !records.is_empty() && !self.chance.one_in(4) {
            let longest = |list: &&String| {
                self.model.objects.iter().filter(|object| super::model::parent(&object.path) == list.as_str()).count()
            };
            let longest = records.iter().max_by_key(longest).cloned().unwrap_or_default();
            return if self.chance.one_in(3) { self.chance.pick(&records) } else { longest };
        }
        let above = if self.chance.one_in(2) && !self.model.of(Kind::Collection).is_empty() {
            return format!("{}/records", self.any(Kind::Collection).path);
        } else {
            self.any(Kind::Bucket).path
        };
        format!("{above}/{}", self.chance.pick(&["collections", "collections", "groups"]))
    }

    pub(super) fn list(&mut self) -> Draft {
        let list = self.any_list();
        let who = self.who(&list);
        let draft = Draft::new(who, "GET", list).to(Effect::List);
        let draft = self.asked(draft, 4);
        if self.chance.percent(12) { self.guarded(draft) } else { draft }
    }

    pub(super) fn count(&mut self) -> Draft {
        let list = self.any_list();
        let who = self.who(&list);
        let draft = Draft::new(who, "HEAD", list).to(Effect::List);
        let draft = self.asked(draft, 2);
        if self.chance.percent(12) { self.guarded(draft) } else { draft }
    }

    pub(super) fn list_buckets(&mut self) -> Draft {
        let who = self.anybody();
        match self.chance.place(10) {
            0 => Draft::new(who, "DELETE", "/buckets").to(Effect::DeleteAll),
            1 => {
                let draft = Draft::new(who, "DELETE", "/buckets");
                self.asked(draft, 2)
            }
            2 => Draft::new(who, "HEAD", "/buckets").to(Effect::List),
            _ => {
                let draft = Draft::new(who, "GET", "/buckets").to(Effect::List);
                self.asked(draft, 2)
            }
        }
    }

    pub(super) fn delete_list(&mut self) -> Draft {
        let list = self.any_list();
        let who = self.who(&list);
        if self.chance.one_in(3) {
            let draft = Draft::new(who, "DELETE", list).to(Effect::DeleteAll);
            return if self.chance.one_in(5) { self.guarded(draft) } else { draft };
        }
        let mut draft = Draft::new(who, "DELETE", list);
        let filters = self.chance.between(0, 1);
        draft = self.filtered(draft, filters);
        if self.chance.one_in(2) {
            draft = draft.param("_limit", self.chance.pick(&["1", "2", "3"]));
        }
        if self.chance.one_in(4) {
            // Where the deletion goes on is the place of one of those that were deleted, of no certain one.
            draft = draft.param("_sort", self.chance.pick(&["a", "-n", "last_modified", "-last_modified", "o.x"]));
        }
        draft
    }

    /// With up to so many filters, and with what else there is.
    fn asked(&mut self, draft: Draft, filters: usize) -> Draft {
        let filters = self.chance.place(filters);
        let mut draft = self.filtered(draft, filters);
        if self.chance.percent(30) {
            let sort = self.sort(&draft.path);
            draft = draft.param("_sort", sort);
        }
        if self.chance.percent(25) {
            let limit = self.chance.pick(&["1", "2", "3", "4", "5", "6", "100", "0"]);
            draft = draft.param("_limit", limit);
        }
        if self.chance.percent(15) {
            let fields = self.fields();
            draft = draft.param("_fields", fields);
        }
        if self.chance.percent(18) {
            draft = self.since(draft);
        }
        draft
    }

    /// Makes a condition on the time, which is one of the same list.
    fn since(&mut self, draft: Draft) -> Draft {
        let past = self.model.lists.get(&draft.path).map(|list| list.past.clone()).unwrap_or_default();
        let (mut since, mut before) = ("0".to_owned(), "⟦time +7200000⟧".to_owned());
        if !past.is_empty() && !self.chance.one_in(6) {
            // One before or after an entity tag there may be another or none.
            since = format!("⟦etag {}{}⟧", self.chance.pick(&past), self.chance.pick(&["", "", "-1"]));
            before = format!("⟦etag {}{}⟧", self.chance.pick(&past), self.chance.pick(&["", "", "+1"]));
        }
        if self.chance.one_in(4) {
            (since, before) = (format!("\"{since}\""), format!("\"{before}\""));
        }
        match self.chance.place(12) {
            0..=4 => draft.param("_since", since),
            5 | 6 => draft.param("_before", before),
            7 => draft.param("_to", before),
            8 => draft.param("gt_last_modified", since),
            9 => draft.param("max_last_modified", since.replace("-1", "")),
            10 => draft.param("last_modified", since.replace("-1", "")),
            _ => draft.param("_since", since).param("_before", before),
        }
    }

    fn sort(&mut self, list: &str) -> String {
        let is_random = self.model.is_random(list);
        let length = self.chance.pick(&[1, 1, 1, 2, 3]);
        let mut keys = Vec::new();
        for _ in 0..length {
            let field = match self.chance.place(16) {
                0 => "last_modified",
                1 if !is_random => "id",
                2 => self.chance.pick(&["missing", "b-c", " a", "", "a.b.c", "deleted"]),
                _ => self.chance.pick(&PLACES),
            };
            keys.push(format!("{}{field}", self.chance.pick(&["", "-", "-", "", "+"])));
        }
        keys.join(",")
    }

    pub(super) fn fields(&mut self) -> String {
        let length = self.chance.between(1, 3);
        let mut fields = Vec::new();
        for _ in 0..length {
            let field = match self.chance.place(8) {
                0 => "deleted",
                1 => self.chance.pick(&["id", "last_modified", "", "o.x.y.z", "a.b", "schema", "members"]),
                _ => self.chance.pick(&PLACES),
            };
            fields.push(field);
        }
        fields.join(",")
    }

    fn filtered(&mut self, mut draft: Draft, filters: usize) -> Draft {
        for _ in 0..filters {
            let (name, value) = self.filter(&draft.path);
            if draft.query.iter().all(|(other, _)| *other != name) {
                draft = draft.param(name, value);
            }
        }
        // The database fails at such a pattern, before or after it looks at others, as its planner likes.
        let is_broken = |(name, value): &&(String, String)| {
            name.starts_with("like_") && value.trim_end_matches('"').ends_with('\\')
        };
        if let Some(broken) = draft.query.iter().find(is_broken).cloned() {
            draft.query = vec![broken];
        }
        draft
    }

    fn filter(&mut self, list: &str) -> (String, String) {
        let operator = self.chance.pick(&OPERATORS);
        if self.chance.one_in(10) {
            return self.filter_by_id(list, operator);
        }
        if self.chance.one_in(25) {
            let name = self.chance.pick(&["has_schema", "has_deleted", "deleted", "has_last_modified", "members"]);
            return (name.to_owned(), self.chance.pick(&["true", "false"]).to_owned());
        }
        let field = self.chance.pick(&PLACES);
        (format!("{operator}{field}"), self.filter_value(operator))
    }

    fn filter_value(&mut self, operator: &str) -> String {
        match operator {
            "in_" | "exclude_" => {
                let length = self.chance.place(4);
                let values: Vec<String> = (0..length).map(|_| self.written()).collect();
                values.join(",")
            }
            "has_" => self.chance.pick(&["true", "false", "1", "0", "", "\"x\"", "null", "[]", "yes"]).to_owned(),
            "like_" => {
                let text = self.text();
                match self.chance.place(6) {
                    0 => format!("{text}*"),
                    1 => format!("*{text}"),
                    2 => Value::from(text).to_string(),
                    3 => self.chance.pick(&["a*b", "A", "_", "%", "4", "\"4\"", "true"]).to_owned(),
                    _ => text,
                }
            }
            "contains_" | "contains_any_" if self.chance.one_in(2) => {
                let length = self.chance.place(3);
                let values: Vec<Value> = (0..length).map(|_| self.scalar()).collect();
                Value::from(values).to_string()
            }
            _ => self.written(),
        }
    }

    /// A value as a query has it.
    fn written(&mut self) -> String {
        match self.chance.place(8) {
            0 => self.text(),
            1 => self.value().to_string(),
            _ => self.scalar().to_string(),
        }
    }

    fn filter_by_id(&mut self, list: &str, operator: &str) -> (String, String) {
        let kind = if list.ends_with("/records") { Kind::Record } else { Kind::Collection };
        let id = |maker: &mut Self| json!(maker.chance.pick(kind.ids())).to_string();
        let own = self.model.objects.iter().filter(|object| super::model::parent(&object.path) == list);
        let own: Vec<String> = own.map(|object| object.path[list.len() + 1..].to_owned()).collect();
        let one =
            if own.is_empty() || self.chance.one_in(3) { id(self) } else { format!("\"{}\"", self.chance.pick(&own)) };
        match operator {
            "in_" | "exclude_" => ("in_id".replace("in_", operator), format!("{one},{}", id(self))),
            "" | "eq_" | "not_" => (format!("{operator}id"), one),
            "lt_" | "gt_" | "min_" | "max_" | "like_" if !self.model.is_random(list) => (format!("{operator}id"), one),
            "has_" => ("has_id".to_owned(), self.chance.pick(&["true", "false"]).to_owned()),
            _ => ("id".to_owned(), self.chance.pick(&["1", "r1", "null", "\"r1\"", "[1]"]).to_owned()),
        }
    }

    /// Makes a list of somebody's permissions.
    pub(super) fn list_permissions(&mut self) -> Draft {
        let who = if self.chance.one_in(10) { Who::Nobody } else { self.anybody() };
        let mut draft = Draft::new(who, if self.chance.one_in(8) { "HEAD" } else { "GET" }, "/permissions");
        if self.chance.one_in(2) {
            return draft;
        }
        for _ in 0..self.chance.between(1, 2) {
            let (name, value) = self.chance.pick(&[
                ("resource_name", "bucket"),
                ("resource_name", "\"record\""),
                ("bucket_id", "b1"),
                ("in_resource_name", "collection,group"),
                ("uri", "/buckets/b1"),
                ("like_uri", "*records*"),
                ("has_record_id", "true"),
                ("not_resource_name", "record"),
                ("collection_id", "c1"),
                ("_sort", "resource_name"),
                ("_sort", "-bucket_id"),
                ("_sort", "uri"),
                ("_limit", "0"),
                ("_limit", "2"),
                ("_fields", "uri"),
                ("_fields", "nonsense"),
                ("nonsense", "1"),
                ("id", "b1"),
                ("_since", "0"),
            ]);
            if draft.query.iter().all(|(other, _)| other != name) {
                draft = draft.param(name, value);
            }
        }
        draft
    }
}
