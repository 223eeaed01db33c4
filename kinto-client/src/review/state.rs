use serde_json::Value;

use super::{
    ReviewResource, ReviewStatus,
    rules::{self, ReviewAction, Seen},
};
use crate::{
    client::Client,
    error::Result,
    handle::Collection,
    wire::{
        object::{attributes::CollectionObject, principal::Principal},
        server_info::{CurrentUser, ServerInfo},
        timestamp::Timestamp,
    },
};

/// A step of the workflow: who did it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tracked {
    /// The user.
    pub by: Principal,
    /// The time in UTC, in the server's form of ISO 8601: `2026-11-27T01:09:37.119272+00:00`. Later times sort after
    /// earlier ones.
    pub date: String,
}

/// The state of a collection in the workflow of its signer, as it was read.
///
/// Pass it on to [`approve`](super::Review::approve) and its siblings: they apply to this version of the collection and
/// its records, and fail if there is another one meanwhile.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReviewState {
    /// The resource of the signer, with this collection's names in it.
    pub resource: ReviewResource,
    /// The collection with all of its attributes. Its version changes whenever one of its records does.
    pub collection: CollectionObject,
    /// The status, or `None` if the collection is older than the signer, and its records were not changed since.
    pub status: Option<ReviewStatus>,
    /// The last change of a record, or the last rollback.
    pub last_edit: Option<Tracked>,
    /// The last request for a review.
    pub last_review_request: Option<Tracked>,
    /// The last approval; the server does not track who declines.
    pub last_review: Option<Tracked>,
    /// The last signature.
    pub last_signature: Option<Tracked>,
    /// The comment of the editor who has requested the last review; empty if there is none.
    pub editor_comment: String,
    /// The comment of the last reviewer; empty if there is none.
    pub reviewer_comment: String,
    /// `true` if the user who has read this is in the group of editors.
    pub is_editor: bool,
    /// `true` if the user who has read this is in the group of reviewers.
    pub is_reviewer: bool,
    pub(super) user: Option<Principal>,
}

/// The user of a client, with the groups.
#[derive(Clone, Debug, Default)]
pub(super) struct User {
    pub(super) id: Option<Principal>,
    principals: Vec<Principal>,
}

impl User {
    pub(super) fn of(info: &ServerInfo) -> Self {
        let of = |user: &CurrentUser| Self { id: Some(user.id.clone()), principals: user.principals.clone() };
        info.user.as_ref().map(of).unwrap_or_default()
    }

    pub(super) fn is_in(&self, group: &Principal) -> bool {
        self.principals.contains(group)
    }
}

impl ReviewState {
    pub(super) fn new(resource: ReviewResource, collection: CollectionObject, user: &User) -> Self {
        // The comments can be anything: the signer checks the others only.
        let text = |name: &str| collection.data.other.get(name).and_then(Value::as_str).map(str::to_owned);
        let tracked = |by: &str, date: &str| Some(Tracked { by: text(by)?.into(), date: text(date)? });
        let (is_editor, is_reviewer) = (user.is_in(&resource.editors()), user.is_in(&resource.reviewers()));
        Self {
            resource,
            status: text("status").map(ReviewStatus::from),
            last_edit: tracked("last_edit_by", "last_edit_date"),
            last_review_request: tracked("last_review_request_by", "last_review_request_date"),
            last_review: tracked("last_review_by", "last_review_date"),
            last_signature: tracked("last_signature_by", "last_signature_date"),
            editor_comment: text("last_editor_comment").unwrap_or_default(),
            reviewer_comment: text("last_reviewer_comment").unwrap_or_default(),
            collection,
            is_editor,
            is_reviewer,
            user: user.id.clone(),
        }
    }

    /// Returns the version of the collection.
    #[must_use]
    pub fn last_modified(&self) -> Timestamp {
        self.collection.last_modified
    }

    /// Returns an error if the server would refuse that action to the user who has read this, or would do something else
    /// than it says. The calls of [`Review`](super::Review) check the same before they send anything.
    ///
    /// The permission to write the collection is required besides, which cannot be known before.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the status does not fit, and
    /// [`Error::is_forbidden`](crate::Error::is_forbidden) if the user is not in the group that may, or has requested the
    /// review that is to be approved.
    pub fn check(&self, action: ReviewAction) -> Result<()> {
        let roles = rules::Roles { user: self.user.as_ref(), is_editor: self.is_editor, is_reviewer: self.is_reviewer };
        rules::check(action, &Seen::of(self), &roles)
    }

    /// Returns `true` if [`check`](Self::check) finds nothing against that action.
    #[must_use]
    pub fn allows(&self, action: ReviewAction) -> bool {
        self.check(action).is_ok()
    }

    /// Returns the handle of the published collection.
    #[must_use]
    pub fn destination(&self, client: &Client) -> Collection {
        self.named(&self.resource.destination.bucket, self.resource.destination.collection.as_ref(), client)
    }

    /// Returns the handle of the collection that has the changes under review, if there is one.
    #[must_use]
    pub fn preview(&self, client: &Client) -> Option<Collection> {
        let preview = self.resource.preview.as_ref()?;
        Some(self.named(&preview.bucket, preview.collection.as_ref(), client))
    }

    fn named(&self, bucket: &str, collection: Option<&String>, client: &Client) -> Collection {
        client.bucket(bucket).collection(collection.map_or(self.collection.id.as_str(), String::as_str))
    }
}
