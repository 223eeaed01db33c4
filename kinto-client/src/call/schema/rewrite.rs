use http::Method;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    JsonObject,
    call::{Subject, sealed::Operation},
    error::{Error, Result},
    wire::{
        encode, kind, merge,
        object::{Data, Record, STAMP},
        path::{Check, List},
        permissions::RecordPermissions,
        request::{Precondition, Request, Write},
        response::Response,
        schema::Schema,
        timestamp::Timestamp,
    },
};

/// One record in its new form, to be written if nobody has changed it since it was read.
pub(super) struct Rewrite {
    list: List<kind::Record>,
    pub(super) id: String,
    last_modified: Timestamp,
    data: Box<RawValue>,
}

impl Rewrite {
    /// What the old type knew and the new one does not write is taken away; what neither knows is kept.
    pub(super) fn new<Old: Data, New: Data>(
        list: &List<kind::Record>,
        record: &Record<JsonObject>,
        change: impl FnOnce(Old) -> New,
    ) -> Result<Self> {
        let old = record.parse::<Old>()?.data;
        let raw: &RawValue = serde_json::from_str(record.received_json())
            .map_err(|error| Error::not_kinto(&error, record.received_json().as_bytes()))?;
        let mut before = encode::object(&old)?;
        let mut after = encode::object(&change(old))?;
        for stamp in STAMP {
            before.remove(stamp);
            after.remove(stamp);
        }
        only_received(&mut before, &record.data);
        let data = merge::apply(raw, &before, &after, &STAMP)
            .and_then(|merged| serde_json::from_slice(&merged))
            .map_err(|error| Error::invalid(error.to_string()))?;
        Ok(Self { list: list.clone(), id: record.id.to_string(), last_modified: record.last_modified, data })
    }

    /// Checks the new form as the server would.
    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        Check::check(schema, Some(&self.id), self.data.get().as_bytes())
    }
}

/// Leaves out what was not in the JSON, and the old type filled in: the new type may want it written.
fn only_received(known: &mut Map<String, Value>, received: &Map<String, Value>) {
    known.retain(|key, _| received.contains_key(key));
    for (key, known) in known {
        match (known, received.get(key)) {
            (Value::Object(known), Some(Value::Object(received))) => only_received(known, received),
            (Value::Array(known), Some(Value::Array(received))) => {
                for (known, received) in known.iter_mut().zip(received) {
                    if let (Value::Object(known), Value::Object(received)) = (known, received) {
                        only_received(known, received);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Operation for Rewrite {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::new("migrate record", &self.list.at(self.id.as_str()))
    }

    fn request(&self) -> Result<Option<Request>> {
        let place = self.list.at(self.id.as_str());
        Request::new(Method::PUT, place.checked()?)
            .provided(Precondition::Unchanged(self.last_modified))
            .repeatable()
            .json(&Write { data: Some(&*self.data), permissions: None::<RecordPermissions> })
            .map(Some)
    }

    fn response(self, response: Response) -> Result<()> {
        response.success().map(drop)
    }
}
