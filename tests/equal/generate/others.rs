//! Requests that are not for an object or a list: the root, accounts, histories.

use serde_json::json;

use super::model::Kind;
use super::{Draft, Effect, Maker};
use crate::step::{ACCOUNTS, Who};

impl Maker {
    pub(super) fn other(&mut self) -> Draft {
        let paths = [
            "/",
            "/",
            "/",
            "/__heartbeat__",
            "/__lbheartbeat__",
            "/__version__",
            "/nonsense",
            "",
            "/batch",
            "/buckets/b1/nonsense",
            "/buckets/b1/collections/c1/records/r1/nonsense",
            "/permissions/x",
            "/accounts/x/y",
            "/buckets/b1/history/x",
        ];
        let (who, path) = (self.anybody(), self.chance.pick(&paths));
        let method = self.chance.pick(&["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE"]);
        Draft::new(who, method, path)
    }

    /// The history of a bucket.
    pub(super) fn history(&mut self) -> Draft {
        let bucket = self.any(Kind::Bucket).path;
        let who = self.who(&bucket);
        let list = format!("{bucket}/history");
        if self.chance.one_in(16) {
            let draft = Draft::new(who, "DELETE", list).to(Effect::DeleteAll);
            return match self.chance.place(6) {
                0 | 1 => draft,
                2 => draft.param("resource_name", "record"),
                3 => draft.param("eq_collection_id", "\"c1\"").param("eq_record_id", "\"r1\""),
                4 => draft.param("eq_target.data.a", self.scalar().to_string()),
                _ => draft.param("in_action", "\"create\",\"update\"").param("eq_resource_name", "\"record\""),
            };
        }
        let method = if self.chance.one_in(8) { "HEAD" } else { "GET" };
        let mut draft = Draft::new(who, method, list).to(Effect::List);
        for _ in 0..self.chance.place(3) {
            let me = format!("⟦me {}⟧", self.chance.place(3));
            let value = self.scalar().to_string();
            let (name, value) = self.chance.pick(&[
                ("action", "create"),
                ("action", "\"update\""),
                ("in_action", "delete,update"),
                ("resource_name", "record"),
                ("resource_name", "bucket"),
                ("not_resource_name", "record"),
                ("collection_id", "c1"),
                ("record_id", "r1"),
                ("record_id", "0"),
                ("bucket_id", "b1"),
                ("group_id", "g1"),
                ("user_id", me.as_str()),
                ("like_uri", "*/collections/c1/*"),
                ("has_record_id", "false"),
                ("target.data.a", value.as_str()),
                ("has_target.data.o.x", "true"),
                ("target.data.id", "\"r1\""),
                ("in_record_id", "\"r1\",\"r2\""),
                ("eq_deleted", "true"),
                ("has_target.data.deleted", "false"),
                ("eq_collection_id", "\"c1\""),
                ("_sort", "-target.data.last_modified"),
                ("_sort", "target.data.last_modified"),
                ("_fields", "id"),
                ("_fields", "id,deleted"),
                ("_since", "1"),
                ("_limit", "0"),
                ("_limit", "0"),
                ("_limit", "3"),
                ("_sort", "last_modified"),
                ("_sort", "action,resource_name"),
                ("_sort", "-target.data.n"),
                ("_sort", "nonsense"),
                ("_fields", "uri,action,target.data"),
                ("_fields", "user_id"),
                ("_fields", "timestamp"),
                ("_since", "0"),
                ("nonsense", "1"),
            ]);
            if draft.query.iter().all(|(other, _)| other != name) {
                draft = draft.param(name, value);
            }
        }
        if self.chance.one_in(10) { self.guarded(draft) } else { draft }
    }

    /// A collection as it was.
    pub(super) fn snapshot(&mut self) -> Draft {
        let collection = self.any(Kind::Collection).path;
        let who = self.who(&collection);
        let past = self.model.lists.get(&format!("{collection}/records")).map(|list| list.past.clone());
        let at = match past.filter(|past| !past.is_empty()) {
            Some(past) if !self.chance.one_in(4) => format!("⟦etag {}⟧", self.chance.pick(&past)),
            _ => self.chance.pick(&["0", "⟦time -60000⟧", "⟦time +7200000⟧", "-5", "x", "", "1.5", "%205"]).to_owned(),
        };
        let sign = self.chance.pick(&["@", "@", "@", "%40"]);
        Draft::new(who, "GET", format!("{}{sign}{at}", collection.replace("/collections/", "/snapshot/collections/")))
    }

    /// Accounts, and those who have one.
    pub(super) fn account(&mut self) -> Draft {
        let number = self.chance.place(2);
        let (id, password) = ACCOUNTS[number];
        let path = format!("/accounts/{}", crate::step::encoded(id));
        let own = Who::Account(number);
        let full = json!({"data": {"password": password}});
        match self.chance.place(20) {
            0..=3 => Draft::new(Who::Nobody, "PUT", path).with(full),
            4 => Draft::new(own, "PUT", path).with(json!({"data": {"password": password, "a": self.scalar()}})),
            5 => {
                let who = self.anybody();
                Draft::new(who, "PUT", path).with(full)
            }
            6 => {
                let body = json!({"data": {"id": id, "password": password}});
                let who = if self.chance.one_in(2) { Who::Nobody } else { self.anybody() };
                Draft::new(who, "POST", "/accounts").with(body)
            }
            7 => Draft::new(own, "GET", path),
            8 => {
                let who = self.anybody();
                let draft = Draft::new(who, self.chance.pick(&["GET", "HEAD", "DELETE"]), path);
                if self.chance.one_in(3) { self.guarded(draft) } else { draft }
            }
            9 => Draft::new(own, "PATCH", path).with(json!({"data": {"a": self.value()}})),
            10 => {
                let who = if self.chance.one_in(3) { Who::Nobody } else { self.anybody() };
                Draft::new(who, self.chance.pick(&["GET", "GET", "HEAD", "DELETE"]), "/accounts")
            }
            11 => Draft::new(own, "DELETE", path),
            12 => {
                let bad = [
                    json!({"data": {}}),
                    json!({"data": {"password": 5}}),
                    json!({"data": {"password": ""}}),
                    json!({"data": {"password": null}}),
                    json!({"data": {"password": "x", "id": "other"}}),
                    json!({}),
                    json!({"data": {"id": "-bad", "password": "x"}}),
                ];
                let body = self.chance.pick(&bad);
                let (method, path) =
                    self.chance.pick(&[("PUT", path.as_str()), ("POST", "/accounts"), ("PATCH", &path)]);
                Draft::new(Who::Nobody, method, path).with(body)
            }
            13 => {
                let permissions = json!({"permissions": {"read": [self.principal()]}});
                Draft::new(own, "PATCH", path).with(permissions)
            }
            14 => {
                let body = json!([{"op": "replace", "path": "/data/password", "value": "clear"}]);
                Draft::new(own, "PATCH", path).with(body).header("Content-Type", "application/json-patch+json")
            }
            15 => Draft::new(Who::Pretender(number), "GET", "/"),
            16 => Draft::new(own, "GET", "/"),
            _ => {
                let bucket = self.chance.pick(Kind::Bucket.ids());
                let body = json!({"data": {}, "permissions": {"write": [format!("account:{id}")]}});
                Draft::new(own, "PUT", format!("/buckets/{bucket}")).with(body).to(Effect::Write(Kind::Bucket))
            }
        }
    }
}
