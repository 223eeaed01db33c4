//! Many requests in one.

use serde_json::{Map, Value, json};

use super::model::Kind;
use super::{Draft, Effect, Maker};
use crate::step::{Step, Who};

impl Maker {
    /// Sends a batch: of records of one collection, as programs do, or of anything.
    pub(super) fn batch(&mut self) {
        let most = self.world.batch as usize;
        let length = match self.chance.place(12) {
            0 => 0,
            1 => most + self.chance.place(2),
            _ => self.chance.between(1, most.min(10)),
        };
        let records = !self.model.of(Kind::Collection).is_empty() && self.chance.one_in(2);
        let mut drafts: Vec<Draft> = Vec::new();
        while drafts.len() < length {
            let mut draft = if records { self.write_record() } else { self.draft() };
            if self.chance.percent(if records { 5 } else { 20 }) {
                self.spoil(&mut draft);
            }
            let is_forced = draft.body.as_ref().is_some_and(|body| body.to_string().contains("last_modified"));
            // A conflict takes back what was done before it, so that what follows depends on what was not.
            if draft.method != "OPTIONS"
                && (!is_forced || self.chance.one_in(20))
                && !draft.target().contains("last_modified=")
            {
                self.sent(&draft);
                drafts.push(draft);
            }
        }
        let who = drafts.first().map_or(Who::Person(0), |draft| draft.who);
        let parts: Vec<Value> = drafts.iter().map(|draft| self.part(draft, who)).collect();
        let mut body = json!({"requests": parts});
        if self.chance.one_in(6) {
            body["defaults"] = self.defaults();
        }
        let is_spoiled = self.chance.one_in(12);
        if is_spoiled {
            self.spoil_batch(&mut body);
        }
        let number = self.steps.len();
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        if self.chance.one_in(40) {
            let seen = self.model.objects.first().and_then(|object| object.seen.clone()).unwrap_or_default();
            let value = self.chance.pick(&["*".to_owned(), "\"1\"".to_owned(), format!("\"⟦etag {seen}⟧\"")]);
            headers.push((self.chance.pick(&["If-None-Match", "If-Match"]).to_owned(), value));
        }
        if self.chance.one_in(40) {
            self.spoil_media_types(&mut headers);
        }
        let (path, method) = ("/v1/batch".to_owned(), "POST".to_owned());
        self.steps.push(Step { number, who, method, path, headers, body: Some(body.to_string()) });
        if !is_spoiled && length <= most {
            for (part, draft) in drafts.iter().enumerate() {
                self.happened(draft, &format!("{number}.{part}"));
            }
        }
    }

    /// Sends a whole batch with another media type, or asks for one.
    fn spoil_media_types(&mut self, headers: &mut Vec<(String, String)>) {
        let name = self.chance.pick(&["Accept", "Content-Type", "Content-Type"]);
        let types = ["text/html", "application/merge-patch+json", "APPLICATION/JSON", "application/json; a=b", "a", ""];
        headers.retain(|(other, _)| other != name);
        headers.push((name.to_owned(), self.chance.pick(&types).to_owned()));
    }

    fn part(&mut self, draft: &Draft, who: Who) -> Value {
        let draft = &self.bounded(draft);
        let path = self.shown(draft.who, &draft.target());
        // A prefix that is none is one of a path that is wrong.
        let prefix = if draft.prefix == "/v1" && self.chance.one_in(2) { "" } else { draft.prefix };
        let mut part = json!({"path": format!("{prefix}{path}")});
        if draft.method != "GET" || self.chance.one_in(2) {
            part["method"] = draft.method.into();
        }
        let mut headers = Map::new();
        for (name, value) in &draft.headers {
            // One that is about the entity tag of what is read makes a 304, and that the batch a failure.
            let is_risky = *name == "If-None-Match" && value != "*" && !self.chance.one_in(20);
            if !is_risky && (*name != "Content-Type" || self.chance.one_in(2)) {
                headers.insert((*name).to_owned(), value.as_str().into());
            }
        }
        if draft.who != who {
            let value = match draft.who {
                Who::Person(number) => format!("⟦auth {number}⟧"),
                other => other.authorization().unwrap_or_default(),
            };
            headers.insert("Authorization".to_owned(), value.into());
        }
        if !headers.is_empty() {
            part["headers"] = headers.into();
        }
        let raw = draft.raw.as_ref().map(|raw| raw.as_str().into());
        if let Some(body) = raw.or_else(|| draft.body.clone()) {
            // Nothing but an object is let through: the others spoil the batch.
            if body.is_object() || self.chance.one_in(10) {
                part["body"] = body;
            }
        }
        part
    }

    fn defaults(&mut self) -> Value {
        let bucket = self.model.objects.first().map_or_else(|| "/buckets/b1".to_owned(), |object| object.path.clone());
        self.chance.pick(&[
            json!({"method": "GET"}),
            json!({"method": "PUT", "body": {"data": {"flag": true}}}),
            json!({"path": bucket}),
            json!({"headers": {"If-None-Match": "*"}}),
            json!({"headers": {"Authorization": "⟦auth 1⟧"}}),
            json!({"body": {"permissions": {"read": ["system.Everyone"]}}}),
            json!({"body": {"data": {"o": {"y": {"z": 1}}}}}),
            json!({}),
            Value::Null,
        ])
    }

    fn spoil_batch(&mut self, body: &mut Value) {
        let at = body["requests"].as_array().map_or(0, Vec::len);
        let at = if at == 0 { 0 } else { self.chance.place(at) };
        match self.chance.place(16) {
            0 => body["requests"] = json!({}),
            1 => *body = json!({}),
            2 => *body = json!([]),
            3 => body["extra"] = 1.into(),
            4 => body["requests"] = Value::Null,
            5 => body["defaults"] = json!([]),
            6 => body["requests"] = json!([1, "a", null]),
            7 => body["defaults"] = json!({"nonsense": 1}),
            spoiled => {
                let Some(part) = body["requests"].get_mut(at) else { return };
                match spoiled {
                    8 => part["method"] = "get".into(),
                    9 => part["method"] = "OPTIONS".into(),
                    10 => part["path"] = "buckets".into(),
                    11 => part["path"] = "/batch".into(),
                    12 => part["headers"] = json!({"If-Match": 5}),
                    13 => part["body"] = json!([1]),
                    14 => part["extra"] = json!(1),
                    _ => part["path"] = Value::Null,
                }
            }
        }
    }
}

impl Effect {
    /// Tells whether something is written.
    pub(super) fn is_write(&self) -> bool {
        !matches!(self, Self::Nothing | Self::List)
    }
}
