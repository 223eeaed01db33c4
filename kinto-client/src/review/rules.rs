//! The signer's rules, which are checked before anything is sent: a refused request can take effect all the same on a
//! server without transactions.

use super::{ReviewResource, ReviewState, ReviewStatus, Tracked, state::User};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::{
        object::{kind, principal::Principal},
        path::Place,
        timestamp::Timestamp,
    },
};

/// An action of the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReviewAction {
    /// [`Review::request_review`](super::Review::request_review).
    RequestReview,
    /// [`Review::approve`](super::Review::approve).
    Approve,
    /// [`Review::decline`](super::Review::decline).
    Decline,
    /// [`Review::roll_back`](super::Review::roll_back).
    RollBack,
    /// [`Review::refresh_signature`](super::Review::refresh_signature).
    RefreshSignature,
}

impl ReviewAction {
    /// Returns the status that requests it.
    pub(super) fn status(self) -> ReviewStatus {
        match self {
            Self::RequestReview => ReviewStatus::ToReview,
            Self::Approve => ReviewStatus::ToSign,
            Self::Decline => ReviewStatus::WorkInProgress,
            Self::RollBack => ReviewStatus::ToRollback,
            Self::RefreshSignature => ReviewStatus::ToResign,
        }
    }

    /// Returns the attribute for the comment of whoever does it.
    pub(super) fn comment(self) -> Option<&'static str> {
        match self {
            Self::RequestReview => Some("last_editor_comment"),
            Self::Approve | Self::Decline => Some("last_reviewer_comment"),
            Self::RollBack | Self::RefreshSignature => None,
        }
    }

    /// Returns the words for it in errors.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::RequestReview => "request the review of",
            Self::Approve => "approve the changes of",
            Self::Decline => "decline the changes of",
            Self::RollBack => "roll back the changes of",
            Self::RefreshSignature => "refresh the signature of",
        }
    }

    /// Returns true if it copies or signs what is published, which therefore has to exist.
    pub(super) fn needs_published(self) -> bool {
        matches!(self, Self::RollBack | Self::RefreshSignature)
    }
}

/// The part of a state that the rules are about.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) resource: ReviewResource,
    pub(super) last_modified: Timestamp,
    status: Option<ReviewStatus>,
    requester: Option<Principal>,
}

/// The part of a user that the rules are about.
pub(super) struct Roles<'a> {
    pub(super) user: Option<&'a Principal>,
    pub(super) is_editor: bool,
    pub(super) is_reviewer: bool,
}

impl Seen {
    pub(super) fn of(state: &ReviewState) -> Self {
        let requester = state.last_review_request.as_ref().map(|Tracked { by, .. }| by.clone());
        Self {
            resource: state.resource.clone(),
            last_modified: state.last_modified(),
            status: state.status.clone(),
            requester,
        }
    }

    /// Checks that it is the state of that collection.
    pub(super) fn check_place(&self, place: &Place<kind::Collection>) -> Result<()> {
        let source = &self.resource.source;
        let is_it = place.list.bucket() == Some(&*source.bucket) && source.collection.as_deref() == Some(&*place.id);
        if is_it {
            return Ok(());
        }
        Err(Error::invalid(format!("the state is that of {source}: get that of {place}")))
    }
}

impl<'a> Roles<'a> {
    pub(super) fn of(user: &'a User, resource: &ReviewResource) -> Self {
        Self {
            user: user.id.as_ref(),
            is_editor: user.is_in(&resource.editors()),
            is_reviewer: user.is_in(&resource.reviewers()),
        }
    }
}

/// Returns an error if the server would refuse the action, or would do something else than it says.
pub(super) fn check(action: ReviewAction, seen: &Seen, roles: &Roles<'_>) -> Result<()> {
    let Seen { resource, status, requester, .. } = seen;
    check_status(action, status.as_ref(), resource)?;
    let (group, is_member) = match action {
        ReviewAction::RequestReview => (resource.editors(), roles.is_editor),
        ReviewAction::Approve => (resource.reviewers(), roles.is_reviewer),
        // Whoever may write the collection may do the others.
        ReviewAction::Decline | ReviewAction::RollBack | ReviewAction::RefreshSignature => return Ok(()),
    };
    if resource.group_check_enabled && !is_member {
        let you = roles.user.map_or("you are".to_owned(), |user| format!("`{user}` is"));
        return Err(forbidden(
            format!("{you} not in the group {}", group.as_str()),
            "its members may: nothing was sent",
        ));
    }
    let is_own = roles.user.is_some() && requester.as_ref() == roles.user;
    if action == ReviewAction::Approve && resource.to_review_enabled && is_own {
        return Err(forbidden(
            "you have requested this review yourself".to_owned(),
            "another member of the reviewers' group has to approve: nothing was sent",
        ));
    }
    Ok(())
}

fn check_status(action: ReviewAction, status: Option<&ReviewStatus>, resource: &ReviewResource) -> Result<()> {
    use ReviewStatus::{Signed, ToResign, ToReview};
    let (problem, hint) = match (action, status) {
        (ReviewAction::RequestReview, Some(ToReview)) => {
            ("it is under review already", "change records first, or approve or decline: nothing was sent")
        }
        (ReviewAction::Approve, Some(Signed)) => ("there is nothing to approve", "nothing was sent"),
        (ReviewAction::Approve, status) if resource.to_review_enabled && status != Some(&ToReview) => {
            ("it is not under review", "`request_review` comes first: nothing was sent")
        }
        (ReviewAction::Decline, status) if status != Some(&ToReview) => ("it is not under review", "nothing was sent"),
        (ReviewAction::RollBack, Some(Signed)) => ("there are no changes to roll back", "nothing was sent"),
        (ReviewAction::RollBack | ReviewAction::RefreshSignature, None) => {
            ("it was never published", "approve it first: nothing was sent")
        }
        (ReviewAction::RefreshSignature, Some(ToResign)) => {
            ("its signature is being refreshed", "if that lasts, the signer has failed: nothing was sent")
        }
        _ => return Ok(()),
    };
    let status = status.map_or("it has no status".to_owned(), |status| format!("its status is `{status}`"));
    Err(Error::new(ErrorKind::Conflict, format!("{problem}: {status}")).because(hint))
}

fn forbidden(message: String, hint: &'static str) -> Error {
    Error::new(ErrorKind::Forbidden, message).because(hint)
}
