//! Requests that write, read or delete one object.

use serde_json::{Map, Value, json};

use super::model::{Kind, Object};
use super::{Draft, Effect, Maker};
use crate::step::Who;

impl Maker {
    pub(super) fn write_bucket(&mut self) -> Draft {
        let who = if self.chance.one_in(4) { Who::Person(self.chance.place(3)) } else { Who::Person(0) };
        self.write(Kind::Bucket, "/buckets", who)
    }

    pub(super) fn write_collection(&mut self) -> Draft {
        self.write_in(Kind::Collection, Kind::Bucket)
    }

    pub(super) fn write_group(&mut self) -> Draft {
        self.write_in(Kind::Group, Kind::Bucket)
    }

    pub(super) fn write_record(&mut self) -> Draft {
        self.write_in(Kind::Record, Kind::Collection)
    }

    fn write_in(&mut self, kind: Kind, above: Kind) -> Draft {
        let above = self.any(above).path;
        let list = format!("{above}/{}", kind.plural());
        let who = self.who(&list);
        self.write(kind, &list, who)
    }

    /// One of the objects of that kind.
    pub(super) fn any(&mut self, kind: Kind) -> Object {
        let objects: Vec<Object> = self.model.of(kind).into_iter().cloned().collect();
        // What came first has most in it.
        let at = if self.chance.one_in(2) { 0 } else { self.chance.place(objects.len()) };
        objects[at].clone()
    }

    /// One of all objects: a record more often than not.
    pub(super) fn any_object(&mut self) -> Object {
        let records = self.model.of(Kind::Record);
        let objects: Vec<Object> = if records.is_empty() || self.chance.one_in(3) {
            self.model.objects.clone()
        } else {
            records.into_iter().cloned().collect()
        };
        self.chance.pick(&objects)
    }

    fn write(&mut self, kind: Kind, list: &str, who: Who) -> Draft {
        let existing: Vec<String> = self
            .model
            .objects
            .iter()
            .filter(|o| super::model::parent(&o.path) == list)
            .map(|o| o.path.clone())
            .collect();
        let path = if existing.is_empty() || !self.chance.one_in(3) {
            format!("{list}/{}", self.chance.pick(kind.ids()))
        } else {
            self.chance.pick(&existing)
        };
        let mut body = Map::new();
        if !self.chance.one_in(10) {
            let mut data = self.data(kind);
            // All buckets are one list to all sequences; and what is far in the future stays there.
            if self.has_forced && kind != Kind::Bucket && self.chance.percent(25) {
                let forced = self.forced();
                data.insert("last_modified".to_owned(), forced);
            }
            body.insert("data".to_owned(), data.into());
        }
        let must_share = !self.world.is_explicit && kind == Kind::Bucket;
        if must_share || self.chance.percent(if self.is_shared { 35 } else { 12 }) {
            let mut permissions = self.permissions(kind);
            if let (Who::Person(number), true) = (who, must_share) {
                permissions.insert("write".to_owned(), json!([format!("⟦me {number}⟧")]));
            }
            body.insert("permissions".to_owned(), permissions.into());
        }
        let body = Value::Object(body);
        let id = path[list.len() + 1..].to_owned();
        let is_plain = !id.contains('⟦');
        let draft = match self.chance.place(10) {
            0 | 1 => Draft::new(who, "POST", list).with(body).to(Effect::Make(kind)),
            2 if is_plain => {
                let mut body = body;
                if !body["data"].is_object() {
                    body["data"] = json!({});
                }
                body["data"]["id"] = id.as_str().into();
                Draft::new(who, "POST", list).with(body).to(Effect::Post(kind, id))
            }
            3 => {
                let mut body = body;
                if body.get("data").is_some() {
                    body["data"]["id"] = id.into();
                }
                Draft::new(who, "PUT", path).with(body).to(Effect::Write(kind))
            }
            4 if body.get("data").is_none() && !must_share => Draft::new(who, "PUT", path).to(Effect::Write(kind)),
            _ => Draft::new(who, "PUT", path).with(body).to(Effect::Write(kind)),
        };
        if self.chance.percent(15) { self.guarded(draft) } else { draft }
    }

    /// With a precondition, mostly one that holds.
    pub(super) fn guarded(&mut self, draft: Draft) -> Draft {
        let object = self.model.objects.iter().find(|object| object.path == draft.path);
        let seen = match object {
            Some(object) => object.seen.clone(),
            None => self.model.lists.get(&draft.path).and_then(|list| list.seen.clone()),
        };
        let is_read = matches!(draft.method, "GET" | "HEAD");
        match (seen, self.chance.place(12)) {
            (Some(seen), 0..=5) if !is_read => draft.header("If-Match", format!("\"⟦etag {seen}⟧\"")),
            (Some(seen), 0..=2 | 8) => draft.header("If-None-Match", format!("\"⟦etag {seen}⟧\"")),
            (Some(seen), 3..=5) => draft.header("If-Match", format!("\"⟦etag {seen}⟧\"")),
            // So long before that no other object has it.
            (Some(seen), 6) => draft.header("If-Match", format!("\"⟦etag {seen}-1000000⟧\"")),
            (Some(seen), 7) => draft.header("If-None-Match", format!("\"⟦etag {seen}-1000000⟧\"")),
            (None, 0..=6) | (_, 9) => draft.header("If-None-Match", "*"),
            (_, 10) => draft.header("If-Match", "*"),
            _ => draft.header("If-Match", "\"12345\""),
        }
    }

    pub(super) fn read(&mut self) -> Draft {
        let object = self.any_object();
        let who = self.who(&object.path);
        let method = if self.chance.one_in(8) { "HEAD" } else { "GET" };
        let mut draft = Draft::new(who, method, object.path);
        if self.chance.one_in(5) {
            let fields = self.fields();
            draft = draft.param("_fields", fields);
        }
        if self.chance.one_in(5) { self.guarded(draft) } else { draft }
    }

    /// Without credentials, where the answer may be kept for a while.
    pub(super) fn read_anonymously(&mut self) -> Draft {
        let record = self.any(Kind::Record);
        let list = super::model::parent(&record.path).to_owned();
        let path = if self.chance.one_in(2) { record.path } else { list };
        Draft::new(Who::Nobody, "GET", path)
    }

    pub(super) fn delete(&mut self) -> Draft {
        let object = self.any_object();
        if object.kind == Kind::Bucket && !self.chance.one_in(3) {
            return self.read();
        }
        let who = self.who(&object.path);
        let mut draft = Draft::new(who, "DELETE", object.path).to(Effect::Delete);
        if self.has_forced && object.kind != Kind::Bucket && self.chance.one_in(3) {
            let at = self.chance.pick(&["⟦time +7200000⟧", "⟦time -7200000⟧", "1", "0", "-5", "⟦time +7201000⟧"]);
            draft = draft.param("last_modified", at);
        }
        if self.chance.percent(15) { self.guarded(draft) } else { draft }
    }

    /// Changes nothing but permissions.
    pub(super) fn share(&mut self) -> Draft {
        let object = self.any_object();
        let who = self.who(&object.path);
        let permissions = self.permissions(object.kind);
        let method = if self.chance.one_in(3) { "PUT" } else { "PATCH" };
        Draft::new(who, method, object.path).with(json!({"permissions": permissions})).to(Effect::Write(object.kind))
    }

    /// Makes the preflight request of a browser.
    pub(super) fn options(&mut self) -> Draft {
        let object = self.any_object();
        let path = match self.chance.place(6) {
            0 => self.chance.pick(&["/", "/__heartbeat__", "/__lbheartbeat__", "/__version__", "/batch"]).to_owned(),
            1 | 2 => object.path,
            _ => super::model::parent(&object.path).to_owned(),
        };
        let draft = Draft::new(Who::Nobody, "OPTIONS", path);
        if self.chance.one_in(2) {
            return draft;
        }
        let method = self.chance.pick(&["GET", "PUT", "POST", "PURGE"]);
        draft.header("Origin", "https://example.org").header("Access-Control-Request-Method", method)
    }

    /// In the bucket of somebody's own, where what is missing is made.
    pub(super) fn default_bucket(&mut self) -> Draft {
        let number = if self.chance.one_in(3) { self.chance.place(3) } else { 0 };
        let who = Who::Person(number);
        let bucket = format!("/buckets/⟦bucket {number}⟧");
        let collection = format!("{bucket}/collections/{}", self.chance.pick(Kind::Collection.ids()));
        let records = format!("{collection}/records");
        match self.chance.place(12) {
            0 => Draft::new(who, "GET", bucket).to(Effect::Write(Kind::Bucket)),
            1 => Draft::new(who, "GET", collection).to(Effect::Write(Kind::Collection)),
            2 => Draft::new(who, "GET", records).to(Effect::List),
            3 => self.write(Kind::Collection, &format!("{bucket}/collections"), who),
            4 => self.write(Kind::Group, &format!("{bucket}/groups"), who),
            5 => Draft::new(who, "GET", format!("{bucket}/collections")).to(Effect::List),
            6 => {
                let data = self.data(Kind::Bucket);
                let draft = Draft::new(who, "PUT", bucket);
                draft.with(json!({"data": data})).to(Effect::Write(Kind::Bucket))
            }
            7 => Draft::new(who, "DELETE", bucket).to(Effect::Delete),
            8 => Draft::new(who, "HEAD", records).to(Effect::List),
            _ => self.write(Kind::Record, &records, who),
        }
    }
}
