//! The schemas of this library's own types, where they are fields of records.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::wire::{
    object::{id::Id, principal::Principal},
    timestamp::Timestamp,
};

macro_rules! inlined {
    ($name:literal, $schema:expr) => {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            $name.into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            $schema
        }
    };
}

impl<K, T> JsonSchema for Id<K, T> {
    inlined!("Id", json_schema!({ "type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_-]*$" }));
}

impl JsonSchema for Timestamp {
    inlined!("Timestamp", json_schema!({ "type": "integer", "minimum": 0 }));
}

impl JsonSchema for Principal {
    inlined!("Principal", json_schema!({ "type": "string", "minLength": 1 }));
}
