//! The verbs of the workflow: each checks the rules, changes the status if the collection is still what was seen, and
//! reads the status that came of it, since the response to the change has another one.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;

use super::{
    ReviewState, ReviewStatus,
    get::read,
    resource::Signer,
    rules::{self, ReviewAction, Roles, Seen},
    state::User,
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{
        Call, CallContext, attempt, debug_as_place,
        get::Get,
        list::timestamp::GetTimestamp,
        patch::Patch,
        sealed::{self, Operation as _},
        update::{again, waits},
    },
    wire::{
        object::{attributes::CollectionAttributes, kind},
        path::Place,
        preview::RequestPreview,
        request::Request,
        timestamp::Timestamp,
    },
};

/// Requests a review, approves or declines, with a comment.
pub struct UpdateReview {
    change: Change,
    comment: String,
}

/// Rolls back changes, or refreshes the signature.
pub struct ResetReview {
    change: Change,
}

/// A change of the status.
struct Change {
    place: Place<kind::Collection>,
    action: ReviewAction,
    /// The state that the caller has looked at; where there is none, the current one is read.
    seen: Option<Seen>,
}

impl UpdateReview {
    pub(super) fn new(place: Place<kind::Collection>, action: ReviewAction, seen: Option<&ReviewState>) -> Self {
        Self { change: Change::new(place, action, seen), comment: String::new() }
    }
}

impl ResetReview {
    pub(super) fn new(place: Place<kind::Collection>, action: ReviewAction, seen: Option<&ReviewState>) -> Self {
        Self { change: Change::new(place, action, seen) }
    }
}

impl Change {
    fn new(place: Place<kind::Collection>, action: ReviewAction, seen: Option<&ReviewState>) -> Self {
        Self { place, action, seen: seen.map(Seen::of) }
    }

    fn context(&self) -> CallContext {
        CallContext::new(self.action.words(), &self.place)
    }

    async fn run(&self, client: Client, comment: Option<&str>) -> Result<ReviewState> {
        self.carry_out(&client, comment).await.map_err(|error| self.context().attach(error))
    }

    async fn carry_out(&self, client: &Client, comment: Option<&str>) -> Result<ReviewState> {
        self.place.checked()?;
        if let Some(seen) = &self.seen {
            seen.check_place(&self.place)?;
            return self.once(client, seen, comment).await;
        }
        let mut waits = waits();
        loop {
            let state = read(client, &self.place, client.info().await?).await?;
            match self.once(client, &Seen::of(&state), comment).await {
                // Another client has changed something else meanwhile; the server's own refusals of a state are final.
                Err(error) if error.refusal().is_some() && !error.may_have_been_applied() => {
                    again(error, &mut waits).await?;
                }
                result => return result,
            }
        }
    }

    /// Changes the status of the collection that was seen, if it is still that one.
    async fn once(&self, client: &Client, seen: &Seen, comment: Option<&str>) -> Result<ReviewState> {
        self.check(client, seen).await?;
        if self.action.needs_published() {
            self.check_published(client, seen).await?;
        }
        let before = self.records_timestamp(client).await?;
        attempt(client, self.patch(seen, comment)).await?;
        let state = self.outcome(client, before).await;
        state.map_err(Error::maybe_applied)
    }

    /// Checks the rules, with the groups that the user has now if those that are cached do not permit it.
    async fn check(&self, client: &Client, seen: &Seen) -> Result<()> {
        let info = client.info().await?;
        Signer::of(info)?.of_place(&self.place)?;
        let by = |user: &User| rules::check(self.action, seen, &Roles::of(user, &seen.resource));
        match by(&User::of(info)) {
            Err(error) if error.is_forbidden() => by(&User::of(&client.ask().await?)),
            result => result,
        }
    }

    /// Checks that there is a published collection: the server would take one that is missing for one without records, and
    /// delete those of the workspace, or fail.
    async fn check_published(&self, client: &Client, seen: &Seen) -> Result<()> {
        let destination = &seen.resource.destination;
        let Some(collection) = destination.collection(client) else { return Ok(()) };
        match attempt(client, Get::<_, CollectionAttributes>::new(collection.place)).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) => {
                let message = format!("the published collection, {destination}, does not exist or is hidden from you");
                Err(Error::new(ErrorKind::Conflict, message).because("approve it first: nothing was sent"))
            }
            result => result.map(drop),
        }
    }

    /// The version of the records, where it is needed to tell if others were approved than those that were seen.
    async fn records_timestamp(&self, client: &Client) -> Result<Option<Timestamp>> {
        if self.action != ReviewAction::Approve {
            return Ok(None);
        }
        attempt(client, GetTimestamp::new(self.place.records())).await.map(Some)
    }

    /// Returns the change of the status, of the version that was seen.
    fn patch(&self, seen: &Seen, comment: Option<&str>) -> Patch<kind::Collection, CollectionAttributes> {
        let status = ("status", Value::from(self.action.status().as_str()));
        // Always sent, so that the comment of an earlier review is not taken for that of this one.
        let comment = self.action.comment().map(|name| (name, Value::from(comment.unwrap_or_default())));
        let attributes: BTreeMap<_, _> = [status].into_iter().chain(comment).collect();
        Patch::new(self.place.clone(), &attributes).provided(seen.last_modified)
    }

    /// Reads what has become of it.
    ///
    /// An edit that the approval did not include has set the status back by the time it can be seen. The records are
    /// therefore looked at first: if they were changed, and the status is `signed` afterwards, the change is published.
    async fn outcome(&self, client: &Client, before: Option<Timestamp>) -> Result<ReviewState> {
        let now = self.records_timestamp(client).await?;
        let state = read(client, &self.place, client.info().await?).await?;
        if now == before || state.status != Some(ReviewStatus::Signed) {
            return Ok(state);
        }
        let message =
            "it was approved, but records were changed at the same moment, and their changes are published, too";
        Err(Error::new(ErrorKind::Conflict, message)
            .because("look at what is published, and correct it by another review"))
    }

    fn preview(&self, comment: Option<&str>) -> Result<RequestPreview> {
        self.first(comment).map_err(|error| self.context().attach(error))
    }

    fn first(&self, comment: Option<&str>) -> Result<RequestPreview> {
        const THEN: &str = "then a PATCH of the status with the `If-Match` of what was seen, and a GET of the collection with the status \
                            that came of it";
        const AFTER: &str = "then a GET of the collection with the status that came of it";
        let path = self.place.checked()?;
        let Some(seen) = &self.seen else { return RequestPreview::first(Request::get(path), THEN) };
        seen.check_place(&self.place)?;
        if self.action.needs_published() {
            return RequestPreview::first(Request::get(seen.resource.destination.to_string()), THEN);
        }
        if self.action == ReviewAction::Approve {
            return RequestPreview::first(Request::new(Method::HEAD, self.place.records().checked()?), THEN);
        }
        match self.patch(seen, comment).request()? {
            Some(request) => RequestPreview::first(request, AFTER),
            None => Ok(RequestPreview::new(None)),
        }
    }
}

impl sealed::Action for UpdateReview {
    const NAME: &'static str = "UpdateReview";

    type Output = ReviewState;

    async fn run(self, client: Client) -> Result<ReviewState> {
        self.change.run(client, Some(&self.comment)).await
    }
}

impl sealed::Action for ResetReview {
    const NAME: &'static str = "ResetReview";

    type Output = ReviewState;

    async fn run(self, client: Client) -> Result<ReviewState> {
        self.change.run(client, None).await
    }
}

impl sealed::Preview for UpdateReview {
    fn preview(&self) -> Result<RequestPreview> {
        self.change.preview(Some(&self.comment))
    }
}

impl sealed::Preview for ResetReview {
    fn preview(&self) -> Result<RequestPreview> {
        self.change.preview(None)
    }
}

impl Call<'_, UpdateReview> {
    /// Sets the comment for the others who take part in the review; without it, that of an earlier review is removed.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.op.comment = comment.into();
        self
    }
}

debug_as_place!(UpdateReview [] [] change.place);
debug_as_place!(ResetReview [] [] change.place);
