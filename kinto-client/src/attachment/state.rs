//! A record as it is before and after a write of its file, which the server does not guard.

use serde_json::{Map, Value};

use super::{
    check::Presence,
    object::{Attachment, FIELD},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{attempt, get::Get},
    transport::{retry::RetryAction, tries::Tries},
    wire::{
        object::{Record, kind},
        path::Place,
        request::Request,
        request_path::RequestPath,
        response::Response,
        timestamp::Timestamp,
    },
};

/// A record that exists: its version and its file.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) last_modified: Timestamp,
    pub(super) attachment: Option<Attachment>,
    /// True if the field `attachment` is something else than the description of a file.
    pub(super) is_foreign: bool,
}

/// Reads the record; `None` if there is none.
pub(super) async fn read(client: &Client, place: &Place<kind::Record>) -> Result<Option<Found>> {
    let record: Record<Map<String, Value>> = match attempt(client, Get::new(place.clone())).await {
        Ok(record) => record,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let attachment = record.attachment();
    let is_foreign = attachment.is_err();
    Ok(Some(Found { last_modified: record.last_modified, attachment: attachment.unwrap_or_default(), is_foreign }))
}

/// Returns the path of the file of a record.
pub(super) fn path(place: &Place<kind::Record>) -> Result<RequestPath> {
    Ok(format!("{}/{FIELD}", place.checked()?.as_str()).into())
}

/// Compares the version of the record with the one that the caller has.
pub(super) fn check_version(if_match: Option<Timestamp>, found: Option<&Found>) -> Result<()> {
    let Some(expected) = if_match else { return Ok(()) };
    match found {
        Some(found) if found.last_modified == expected => Ok(()),
        Some(found) => Err(Error::new(
            ErrorKind::Conflict,
            format!("the record has the version {}, not {expected}, so nothing was sent", found.last_modified),
        )),
        None => Err(Error::new(ErrorKind::Conflict, "there is no such record any more, so nothing was sent")),
    }
}

/// The end of a write whose response can get lost.
pub(super) enum Ended {
    /// The response, of any status.
    With(Response),
    /// The record afterwards, which proves that the write was carried out although there is no response.
    As(Found),
}

/// Sends a write, and again where that is safe: after a lost response only if the record is as it was `before`.
pub(super) async fn send(
    client: &Client,
    request: &Request,
    place: &Place<kind::Record>,
    before: Option<&Option<Found>>,
    is_done: impl Fn(&Found) -> bool,
) -> Result<Ended> {
    let mut doubt = false;
    let mut tries = Tries::first();
    loop {
        // A write behind a lock is sent by the client, which applies its policy to it.
        let fenced = client.is_fenced();
        let outcome = if fenced { client.send(request).await } else { client.send_once(request, tries.number()).await };
        if let Some(failure) = request.streamed.as_ref().and_then(|streamed| streamed.state.take_failure()) {
            return Err(if doubt { failure.maybe_applied() } else { failure });
        }
        let again = RetryAction::of(&outcome);
        if again == RetryAction::MaybeApplied {
            doubt = true;
            let Some(before) = before else { return ended(outcome, true) };
            match read(client, place).await {
                Ok(Some(now)) if has_changed(before.as_ref(), &now) && is_done(&now) => return Ok(Ended::As(now)),
                Ok(now) if is_same(before.as_ref(), now.as_ref()) => {}
                _ => return ended(outcome, true),
            }
        }
        if fenced || !tries.wait(client.retry_policy(), again, &outcome).await {
            return ended(outcome, doubt);
        }
    }
}

fn ended(outcome: Result<Response>, doubt: bool) -> Result<Ended> {
    let error = match outcome {
        Ok(response) if response.status.is_success() => return Ok(Ended::With(response)),
        Ok(response) if response.status.is_server_error() => response.to_error().maybe_applied(),
        Ok(response) => response.to_error(),
        Err(error) => error,
    };
    Err(if doubt { error.maybe_applied() } else { error })
}

fn has_changed(before: Option<&Found>, now: &Found) -> bool {
    before.is_none_or(|before| before.last_modified != now.last_modified)
}

fn is_same(before: Option<&Found>, now: Option<&Found>) -> bool {
    before.map(|found| found.last_modified) == now.map(|found| found.last_modified)
}

/// Adds to the error of a write what has become of the file that the record had before: the server deletes it first.
pub(super) async fn with_fate_of(client: &Client, old: Option<&Attachment>, error: Error) -> Error {
    let Some(old) = old else { return error };
    // What was refused before the plugin saw it has touched nothing.
    let untouched = matches!(
        error.kind(),
        ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::Invalid | ErrorKind::Authentication
    );
    if untouched && !error.may_have_been_applied() {
        return error;
    }
    let fate = match Presence::of(client, old).await {
        Presence::Missing => {
            "the file that the record had before is gone from the server, and the record still names it: upload one, or \
             call `delete_attachment`"
        }
        // The server may still be at work on the upload.
        Presence::Present | Presence::Different if error.may_have_been_applied() => {
            "the file that the record had before was still there when it was asked for afterwards, but the server may delete \
             it yet: download it to see"
        }
        Presence::Present | Presence::Different => "the file that the record had before is still there",
        Presence::Unknown => {
            "the server deletes the file of before first, so that the record may name one that is gone: \
             download it to see, and upload one, or call `delete_attachment`"
        }
    };
    error.noting(fate.to_owned())
}
