//! Permissions and people.

use serde_json::{Map, Value, json};

use super::Maker;
use super::model::Kind;
use crate::step::Who;

impl Maker {
    /// Permissions that are valid.
    pub(super) fn permissions(&mut self, kind: Kind) -> Map<String, Value> {
        let mut permissions = Map::new();
        for name in kind.permissions() {
            if self.chance.one_in(2) {
                let length = self.chance.pick(&[0, 1, 1, 1, 2, 3]);
                let principals: Vec<Value> = (0..length).map(|_| self.principal().into()).collect();
                permissions.insert((*name).to_owned(), principals.into());
            }
        }
        permissions
    }

    pub(super) fn principal(&mut self) -> String {
        let groups: Vec<String> = self.model.of(Kind::Group).iter().map(|group| group.path.clone()).collect();
        match self.chance.place(14) {
            0 | 1 => "system.Everyone".to_owned(),
            2 | 3 => "system.Authenticated".to_owned(),
            4..=6 if !groups.is_empty() => self.chance.pick(&groups),
            7 => self.chance.pick(&["account:max", "somebody", "/buckets/b1/groups/g1", "é"]).to_owned(),
            _ => format!("⟦me {}⟧", self.chance.place(3)),
        }
    }

    /// Permissions that are not, or nearly.
    pub(super) fn bad_permissions(&mut self) -> Value {
        self.chance.pick(&[
            json!({"reed": []}),
            json!({"record:create": []}),
            json!({"write": "system.Everyone"}),
            json!({"write": null, "read": null}),
            json!({"write": null, "read": ["a"]}),
            json!({"read": [""]}),
            json!({"read": [1]}),
            json!({"read": [null]}),
            json!({"read": [["a"]]}),
            json!({"read": {"a": "a"}}),
            json!({"read": 5}),
            json!([]),
            json!(["read"]),
            json!("read"),
            json!(5),
            Value::Null,
            json!({}),
        ])
    }

    /// Returns the person who most likely may write there, or sometimes somebody else.
    pub(super) fn who(&mut self, path: &str) -> Who {
        let owner = self.model.owner(path).unwrap_or(Who::Person(0));
        if self.chance.percent(if self.is_shared { 24 } else { 5 }) { self.anybody() } else { owner }
    }

    pub(super) fn anybody(&mut self) -> Who {
        match self.chance.place(20) {
            0..=12 => Who::Person(self.chance.place(3)),
            13 if self.has_accounts => Who::Pretender(self.chance.place(2)),
            13..=15 if self.has_accounts => Who::Account(self.chance.place(2)),
            16 => Who::Garbled(self.chance.place(4)),
            _ => Who::Nobody,
        }
    }

    /// The bucket of somebody's own has the name `default` too, for its owner only.
    pub(super) fn shown(&mut self, who: Who, path: &str) -> String {
        let Who::Person(number) = who else { return path.to_owned() };
        let own = format!("/buckets/⟦bucket {number}⟧");
        let is_new = !self.model.objects.iter().any(|object| object.path == own);
        match path.strip_prefix(&own) {
            Some(rest) if is_new || !self.chance.one_in(3) => format!("/buckets/default{rest}"),
            _ => path.to_owned(),
        }
    }
}
