use http::Method;
use serde_json::value::RawValue;

use super::schema::Schema;
use crate::json::JsonObject;
use crate::{
    error::{Error, Result},
    json::{
        encode,
        merge::{Merge, keys::ListKeys},
    },
    operation::{CallContext, sealed::Operation},
    wire::{
        object::{Record, RecordData, diff::recode, kind, permissions::RecordPermissions},
        path::{Check, List},
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

/// One record in its new form, to be written only if no other client has changed it since it was read.
pub(super) struct Rewrite {
    list: List<kind::Record>,
    pub(super) id: String,
    last_modified: Timestamp,
    data: Box<RawValue>,
}

impl Rewrite {
    /// Builds the new form: fields that only the old type knows are removed, and fields that neither type knows
    /// are kept.
    pub(super) fn new<Old: RecordData, New: RecordData>(
        list: &List<kind::Record>,
        record: &Record<JsonObject>,
        change: impl FnOnce(Old) -> New,
    ) -> Result<Self> {
        let old = record.parse::<Old>()?.data;
        let (base, before) = (record.raw_json(), encode::unchecked(&old)?);
        let after = encode::json(&change(old), &before)?;
        let merge = Merge {
            base,
            before: &before,
            after: &after,
            recode_before: &recode::<Old>,
            recode_after: &recode::<New>,
            keys: ListKeys(New::LIST_KEYS),
            is_migration: true,
        };
        let data = merge.run()?.ok_or_else(|| Error::invalid("there is no data"))?;
        Ok(Self { list: list.clone(), id: record.id.to_string(), last_modified: record.last_modified, data })
    }

    /// Checks the new form as the server would.
    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        Check::check(schema, Some(&self.id), self.data.get().as_bytes())
    }
}

impl Operation for Rewrite {
    const NAME: &'static str = "Rewrite";

    type Output = ();

    fn context(&self) -> CallContext {
        CallContext::new("migrate record", &self.list.at(self.id.as_str()))
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
