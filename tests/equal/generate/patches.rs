//! Patches in their three flavours.

use serde_json::{Map, Value, json};

use super::model::Kind;
use super::values::FIELDS;
use super::{Draft, Effect, Maker};

impl Maker {
    pub(super) fn patch(&mut self) -> Draft {
        let object = self.any_object();
        let who = self.who(&object.path);
        let draft = Draft::new(who, "PATCH", object.path).to(Effect::Write(object.kind));
        let mut draft = match self.chance.place(5) {
            0 | 1 => draft.with(self.changes(object.kind, false)),
            2 => {
                let changes = self.changes(object.kind, true);
                draft.with(changes).header("Content-Type", "application/merge-patch+json")
            }
            _ => {
                let operations = self.operations();
                draft.with(operations).header("Content-Type", "application/json-patch+json")
            }
        };
        if self.chance.one_in(6) {
            // Of these only the last is accepted where there is a history, which knows the ids of all that changes.
            let behavior = self.chance.pick(&["light", "diff", "full", "full", "full"]);
            draft = draft.header("Response-Behavior", behavior);
        }
        if self.chance.percent(12) { self.guarded(draft) } else { draft }
    }

    /// Data and permissions that are laid over those there are.
    fn changes(&mut self, kind: Kind, is_merge: bool) -> Value {
        let mut body = Map::new();
        if !self.chance.one_in(8) {
            let mut data = self.data(kind);
            if self.chance.one_in(3) {
                data.insert(self.chance.pick(&FIELDS).to_owned(), Value::Null);
            }
            if is_merge && self.chance.one_in(3) {
                let inner = if self.chance.one_in(2) { Value::Null } else { self.scalar() };
                data.insert("o".to_owned(), json!({"x": inner, "y": {"z": self.scalar()}}));
            }
            if self.has_forced && kind != Kind::Bucket && self.chance.one_in(6) {
                let forced = self.forced();
                data.insert("last_modified".to_owned(), forced);
            }
            body.insert("data".to_owned(), data.into());
        }
        if self.chance.one_in(4) || body.is_empty() {
            let mut permissions = self.permissions(kind);
            if self.chance.one_in(5) {
                permissions.insert("read".to_owned(), Value::Null);
            }
            body.insert("permissions".to_owned(), permissions.into());
        }
        body.into()
    }

    /// The operations of a JSON patch.
    pub(super) fn operations(&mut self) -> Value {
        let length = self.chance.pick(&[1, 1, 1, 2, 3]);
        (0..length).map(|_| self.operation()).collect()
    }

    fn operation(&mut self) -> Value {
        if self.chance.one_in(5) {
            return self.operation_on_permissions();
        }
        let path = self.pointer();
        match self.chance.place(14) {
            0..=5 => json!({"op": "add", "path": path, "value": self.value()}),
            6 | 7 => json!({"op": "replace", "path": path, "value": self.value()}),
            8 => json!({"op": "remove", "path": path}),
            9 => json!({"op": "move", "from": self.pointer(), "path": path}),
            10 => json!({"op": "copy", "from": self.pointer(), "path": path}),
            11 | 12 => json!({"op": "test", "path": path, "value": self.scalar()}),
            _ => {
                let bad = [
                    json!({"op": "nonsense", "path": path}),
                    json!({"path": path}),
                    json!({"op": "add", "path": path}),
                    json!({"op": "add", "path": "data/a", "value": 1}),
                    json!({"op": "add", "path": "", "value": 1}),
                    json!({"op": "add", "path": "/data", "value": {"a": 1}}),
                    json!({"op": "add", "path": "/data", "value": 1}),
                    json!({"op": "replace", "path": "/permissions", "value": {}}),
                    json!({"op": "remove", "path": "/data"}),
                    json!({"op": "add", "path": path, "value": 1, "extra": 1}),
                    json!({"op": "move", "path": path}),
                    json!({"op": "copy", "from": 5, "path": path}),
                    json!({"op": "add", "path": "/other/a", "value": 1}),
                    json!({"op": "add", "path": "/data/t/5", "value": 1}),
                    json!({"op": "add", "path": "/data/a/~2", "value": 1}),
                    json!({"op": "replace", "path": "/data/id", "value": "r9"}),
                    json!({"op": "remove", "path": "/data/id"}),
                    json!({"op": "remove", "path": "/data/last_modified"}),
                    json!("text"),
                    json!(null),
                ];
                self.chance.pick(&bad)
            }
        }
    }

    fn pointer(&mut self) -> String {
        let pointers = [
            "/data/a",
            "/data/a",
            "/data/n",
            "/data/s",
            "/data/t",
            "/data/t/-",
            "/data/t/0",
            "/data/o",
            "/data/o/x",
            "/data/o/y/z",
            "/data/été",
            "/data/b-c",
            "/data/new",
            "/data/members",
            "/data/a~1b",
        ];
        self.chance.pick(&pointers).to_owned()
    }

    fn operation_on_permissions(&mut self) -> Value {
        let name = self.chance.pick(&["read", "read", "write", "record:create", "nonsense"]);
        let principal = self.principal();
        let path = format!("/permissions/{name}/{}", principal.replace('~', "~0").replace('/', "~1"));
        match self.chance.place(8) {
            0..=3 => json!({"op": "add", "path": path, "value": principal}),
            4 => json!({"op": "add", "path": path}),
            5 => json!({"op": "remove", "path": path}),
            6 => json!({"op": "add", "path": format!("/permissions/{name}"), "value": {"a": "a"}}),
            _ => json!({"op": "replace", "path": format!("/permissions/{name}"), "value": {principal: "x"}}),
        }
    }
}
