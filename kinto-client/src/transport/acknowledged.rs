//! The latest writes that were acknowledged to this program. A request that is refused because of one of them is in no
//! doubt: it was another request, of this program, that wrote what is there.

use std::{
    collections::{HashMap, VecDeque},
    sync::{LazyLock, Mutex, PoisonError},
};

use http::Method;
use serde::Deserialize;

use crate::wire::{
    claim::ObjectKey,
    refusal::Refusal,
    request::Request,
    response::{Doubt, Response},
    timestamp::Timestamp,
};

/// How many objects are remembered. Of one that is forgotten there may be doubt where there need be none.
const REMEMBERED: usize = 4096;

/// What an object was left as: of a version, or deleted.
type Left = Option<Timestamp>;

#[derive(Default)]
struct Latest {
    left: HashMap<(u64, ObjectKey), Left>,
    order: VecDeque<(u64, ObjectKey)>,
}

static LATEST: LazyLock<Mutex<Latest>> = LazyLock::new(Mutex::default);

/// Notes the response to a write of one object, before another request of this program can write it.
pub(super) fn note(server: u64, request: &Request, response: &Response) {
    if !response.status.is_success() {
        return;
    }
    let Some(object) = request.object_key() else { return };
    let left = if request.method == Method::DELETE {
        None
    } else {
        let Ok(version) = response.etag() else { return };
        Some(version)
    };
    let key = (server, object);
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    if latest.left.insert(key, left).is_none() {
        latest.order.push_back(key);
        if latest.order.len() > REMEMBERED
            && let Some(oldest) = latest.order.pop_front()
        {
            latest.left.remove(&oldest);
        }
    }
}

/// Returns the response without doubt, if it was another request of this program that left the object as it is.
pub(super) fn judge(server: u64, request: &Request, response: Response) -> Response {
    let left = match response.doubt {
        Some(Doubt::AsSent) => existing_version(&response),
        Some(Doubt::Gone { .. }) => Some(None),
        _ => None,
    };
    let (Some(left), Some(object)) = (left, request.object_key()) else { return response };
    let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = latest.left.get(&(server, object)) == Some(&left);
    Response { doubt: response.doubt.filter(|_| !is_known), ..response }
}

fn existing_version(response: &Response) -> Option<Left> {
    #[derive(Deserialize)]
    struct Version {
        last_modified: u64,
    }
    let existing = Refusal::read(response).existing?;
    let version: Version = serde_json::from_slice(&existing).ok()?;
    Some(Some(Timestamp::from_millis(version.last_modified)))
}
