//! Functions for the SQL of queries, which read fields of records as the server does.

use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    types::ValueRef,
};
use serde_json::Value;

use crate::json::{
    entries::field_at,
    jsonb::{self, is_like, like_pattern},
    sort_key,
};

/// Adds the functions to a connection.
pub(super) fn add(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    // `kinto_key(data, path)`: what a field is compared and sorted by.
    connection.create_scalar_function("kinto_key", 2, flags, |call| {
        let key = text(call, 0)?.zip(text(call, 1)?).map(|(data, path)| sort_key::of_field(data, path));
        Ok(key)
    })?;
    // `kinto_text(data, path)`: a field as text, NULL where it is missing or null.
    connection
        .create_scalar_function("kinto_text", 2, flags, |call| Ok(field(call)?.as_ref().and_then(jsonb::text)))?;
    // `kinto_like(text, pattern)`: without regard to case, `*` for anything.
    connection.create_scalar_function("kinto_like", 2, flags, |call| {
        let found = text(call, 0)?.zip(text(call, 1)?);
        Ok(found.is_some_and(|(text, like)| is_like(text, &like_pattern(like)) == Some(true)))
    })?;
    // `kinto_contains(data, path, list)`: a list has all of these items.
    connection.create_scalar_function("kinto_contains", 3, flags, |call| {
        let (field, wanted) = (field(call)?, wanted(call)?);
        Ok(field.is_some_and(|field| field.is_array() && jsonb::contains(&field, &wanted)))
    })?;
    // `kinto_contains_any(data, path, list)`: a list has one of these items.
    connection.create_scalar_function("kinto_contains_any", 3, flags, |call| {
        let (field, wanted) = (field(call)?.unwrap_or_default(), wanted(call)?);
        let items = || wanted.as_array().into_iter().flatten();
        let mut elements = field.as_array().into_iter().flatten();
        Ok(elements.any(|element| items().any(|item| jsonb::same(element, item))))
    })
}

fn field(call: &Context<'_>) -> rusqlite::Result<Option<Value>> {
    let json = text(call, 0)?.zip(text(call, 1)?).and_then(|(data, path)| field_at(data, path));
    Ok(json.and_then(|json| serde_json::from_str(json).ok()))
}

fn wanted(call: &Context<'_>) -> rusqlite::Result<Value> {
    Ok(text(call, 2)?.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default())
}

fn text<'a>(call: &'a Context<'_>, argument: usize) -> rusqlite::Result<Option<&'a str>> {
    match call.get_raw(argument) {
        ValueRef::Null => Ok(None),
        value => Ok(Some(value.as_str()?)),
    }
}
