//! Checks of preconditions.

use serde_json::Value;

use super::{
    answer::{Failure, Outcome, modified_meanwhile, not_modified},
    object::Existing,
    request::{Preconditions, Tag},
};

/// Fails with 304 if the caller has this version.
pub(super) fn unless_unmodified(pre: Preconditions, current: i64) -> Outcome<()> {
    if pre.if_none_match == Some(Tag::Version(current)) { Err(not_modified(current)) } else { Ok(()) }
}

/// Fails with 412 if a precondition does not hold. A list always exists, and has no details.
pub(super) fn check_preconditions(pre: Preconditions, object: Option<&Existing>, list: i64) -> Outcome<()> {
    check(pre, object.is_some(), object, list)
}

pub(super) fn check_list_preconditions(pre: Preconditions, list: i64) -> Outcome<()> {
    check(pre, true, None, list)
}

fn check(pre: Preconditions, exists: bool, object: Option<&Existing>, list: i64) -> Outcome<()> {
    let current = object.map_or(list, |object| object.last_modified);
    let fails = match pre {
        Preconditions { if_none_match: Some(Tag::Any), .. } if exists => true,
        Preconditions { if_match: Some(_), .. } if !exists => true,
        Preconditions { if_match: Some(Tag::Version(version)), .. } => version != current,
        _ => false,
    };
    let failure =
        || -> Failure { modified_meanwhile(object.map(|object| Value::Object(object.data.clone())), current) };
    if fails { Err(failure()) } else { Ok(()) }
}
