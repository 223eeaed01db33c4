//! Reviews of collections before the server's signer publishes them (feature `review`).
//!
//! A signer copies a collection, the workspace, to another one that everybody may read, and signs it. Records are edited
//! in the workspace; nothing is published until it is approved:
//!
//! | status | means | next |
//! |---|---|---|
//! | `work-in-progress` | records were changed | [`request_review`](Review::request_review) by an editor, [`roll_back`](Review::roll_back) |
//! | `to-review` | a review was requested; the changes are in the preview, if there is one | [`approve`](Review::approve) by a reviewer who has not requested it, [`decline`](Review::decline), [`roll_back`](Review::roll_back) |
//! | `signed` | what is in the workspace is published | changed records |
//!
//! [`Collection::review`] returns a handle with a method for each step, [`Client::get_reviews`] reads the states of all
//! collections. Each step is checked against the signer's [resources](ReviewResource), the status and your groups before
//! anything is sent; it applies only to the version that you have looked at; and it returns the state that is stored
//! afterwards, since the server's response to a change of the status shows the status that was sent (`to-sign`), and an
//! outdated version.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # use kinto_client::{Client, Principal};
//! # let server = kinto_server::Server::builder().signer(["/buckets/workspace -> /buckets/published"])
//! #     .setting("kinto.signer.to_review_enabled", "true").shared().expect("a server");
//! # let user = |id: &str| Client::builder(server.url()).auth((id, "p4ssw0rd")).build();
//! # let (editor, reviewer) = (user("editor")?, user("reviewer")?);
//! # let workspace = editor.bucket("workspace");
//! # workspace.create().if_not_exists().await?;
//! # let me = reviewer.user().await?.expect("the server knows the reviewer").id.clone();
//! # workspace.collection("regions").create().permissions(|p| p.write(me)).if_not_exists().await?;
//! # let state = editor.typed::<Region>().review().get().await?;
//! # if state.status == Some(ReviewStatus::ToReview) { editor.typed::<Region>().review().decline(&state).await?; }
//! use kinto_client::{KintoRecord, review::{PendingChange, ReviewStatus}};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, KintoRecord)]
//! #[kinto(bucket = "workspace", collection = "regions")]
//! struct Region {
//!     name: String,
//! }
//!
//! let regions = editor.typed::<Region>();
//! regions.create_record(Region { name: "FR".into() }).await?;
//! regions.review().request_review().comment("France, as discussed").await?;
//!
//! let review = reviewer.typed::<Region>().review();
//! let state = review.get().await?;
//! for change in review.get_changes(&state).await? {
//!     match change {
//!         PendingChange::Created(region) => println!("+ {}", region.data.name),
//!         PendingChange::Updated { before, after } => println!("{} -> {}", before.data.name, after.data.name),
//!         PendingChange::Deleted(region) => println!("- {}", region.data.name),
//!         _ => {}
//!     }
//! }
//! let state = review.approve(&state).await?; // fails if anything was changed since `get`
//! assert_eq!(state.status, Some(ReviewStatus::Signed));
//! # Ok(()) }
//! ```
//!
//! # The collection's own attributes
//!
//! The status, who did what and the comments are attributes of the workspace collection.
//! [`save`](crate::handle::Handle::save), [`update`](crate::handle::Handle::update),
//! [`patch`](crate::handle::Handle::patch) and [`edit`](crate::handle::Handle::edit) keep them.
//! [`overwrite`](crate::handle::Handle::overwrite) has no place for them, and the server refuses it. On a server that
//! stores in memory, a refused request takes effect nevertheless.
//!
//! The signer changes a collection after it was created, so that the object that `create` returns is outdated: get it
//! again before you save it. Of the attributes it publishes `schema`, `sort`, `displayFields` and `attachment`, each only
//! while the published collection does not have it: later changes of them are not published.
//!
//! Records with fractional numbers are refused, unless the server is set up to sign them.
//!
//! # Races
//!
//! Every change of a record changes the version of its collection, which each step is guarded by. Several server
//! processes compare versions before they lock, so that an edit can slip in at the very moment of an approval, and be
//! published with it (15 of 60 approvals with an edit within 30 ms, two processes on PostgreSQL).
//! [`approve`](Review::approve) finds that out afterwards and fails; a [fence](crate::Client::fenced_by) that editors and
//! reviewers share excludes it.

use std::{fmt, marker::PhantomData};

use serde_json::Value;

use crate::{
    client::Client,
    handle::{Bucket, Collection, TypedCollection},
    operation::Call,
    wire::object::RecordData,
};

mod all;
mod change;
mod get;
mod pending;
mod resource;
mod rules;
mod state;
mod status;

pub use all::{GetReviewResources, GetReviews, Reviews};
pub use change::{ResetReview, UpdateReview};
pub use get::GetReview;
pub use pending::{GetPendingChanges, PendingChange};
pub use resource::{ResourcePlace, ReviewResource};
pub use rules::ReviewAction;
pub use state::{ReviewState, Tracked};
pub use status::ReviewStatus;

/// The handle of the review of a collection, whose records are of type `T`.
///
/// Creating it sends nothing. See the [module](self) for an example.
pub struct Review<T = Value> {
    collection: Collection,
    of: PhantomData<fn() -> T>,
}

impl<T: RecordData> Review<T> {
    fn new(collection: &Collection) -> Self {
        Self { collection: collection.clone(), of: PhantomData }
    }

    /// Reads the state: the status, who did what, the comments, and what you may do.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server has no signer, or if it does not publish
    /// this collection: the message names the workspace of a published one.
    pub fn get(&self) -> Call<'static, GetReview> {
        Call::new(&self.collection.client, GetReview::new(self.collection.place.clone()))
    }

    /// Reads what an approval would publish, and a rollback discard: the difference between the workspace and the
    /// published collection, as the signer computes it.
    ///
    /// Both collections are read side by side; [`stream`](Call::stream) keeps no more than a few pages of them in memory,
    /// and this call the changes. Read them as [`Value`] if some records may not decode as `T`.
    ///
    /// To the signer `1` and `true` are the same: a record in which one was made the other is not published by that, and
    /// stays here.
    ///
    /// Options: [`stream`](Call::stream).
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if the collection was changed since `state` was read, or while
    /// this reads; [`Error::is_decode`](crate::Error::is_decode) if a changed record does not decode as `T`.
    pub fn get_changes(&self, state: &ReviewState) -> Call<'static, GetPendingChanges<T>> {
        Call::new(&self.collection.client, GetPendingChanges::new(self.collection.place.clone(), state))
    }

    /// Requests a review (`to-review`) of the current records, as an editor. A preview is updated by it.
    ///
    /// The state is read first; if another client changes the collection in between, that is repeated.
    ///
    /// Options: [`comment`](Call::comment).
    ///
    /// # Errors
    ///
    /// The errors of [`ReviewState::check`] and [`get`](Self::get).
    pub fn request_review(&self) -> Call<'static, UpdateReview> {
        self.update(ReviewAction::RequestReview, None)
    }

    /// Approves what was seen in `state` (`to-sign`), as a reviewer: it is published and signed, and the status becomes
    /// `signed`.
    ///
    /// If the server does not require reviews, it publishes without a request.
    ///
    /// Options: [`comment`](Call::comment).
    ///
    /// # Errors
    ///
    /// The errors of [`ReviewState::check`] and [`get`](Self::get); [`Error::is_conflict`](crate::Error::is_conflict) if a
    /// record was changed since `state` was read, with [`may_have_been_applied`](crate::Error::may_have_been_applied) if
    /// that was at the same moment.
    pub fn approve(&self, state: &ReviewState) -> Call<'static, UpdateReview> {
        self.update(ReviewAction::Approve, Some(state))
    }

    /// Declines the review of what was seen in `state` (`work-in-progress`): its changes stay in the workspace, and in a
    /// preview.
    ///
    /// The server permits that to all who may write the collection, so that editors can withdraw a request.
    ///
    /// Options: [`comment`](Call::comment).
    ///
    /// # Errors
    ///
    /// The errors of [`ReviewState::check`] and [`get`](Self::get); [`Error::is_conflict`](crate::Error::is_conflict) if the
    /// collection was changed since `state` was read.
    pub fn decline(&self, state: &ReviewState) -> Call<'static, UpdateReview> {
        self.update(ReviewAction::Decline, Some(state))
    }

    /// Discards the changes that were seen in `state` (`to-rollback`): the records become those that are published, and
    /// the status `signed`. The server removes both comments, and permits it to all who may write the collection.
    ///
    /// Restored records get the times of the published ones, which are in the past: whoever follows the changes of the
    /// workspace does not see them. [`changes_since`](Collection::changes_since) begins anew if the last change that it
    /// has returned is among them.
    ///
    /// # Errors
    ///
    /// The errors of [`ReviewState::check`] and [`get`](Self::get); [`Error::is_conflict`](crate::Error::is_conflict) if the
    /// collection was changed since `state` was read, or if the published collection does not exist: the server would
    /// delete all records.
    pub fn roll_back(&self, state: &ReviewState) -> Call<'static, ResetReview> {
        self.reset(ReviewAction::RollBack, Some(state))
    }

    /// Has the signature of what is published made again (`to-resign`), as for a new key. Records and status stay as they
    /// are.
    ///
    /// The server permits that to all who may write the collection, in any status. The state is read first; if another
    /// client changes the collection in between, that is repeated.
    ///
    /// # Errors
    ///
    /// The errors of [`ReviewState::check`] and [`get`](Self::get).
    pub fn refresh_signature(&self) -> Call<'static, ResetReview> {
        self.reset(ReviewAction::RefreshSignature, None)
    }

    fn update(&self, action: ReviewAction, state: Option<&ReviewState>) -> Call<'static, UpdateReview> {
        Call::new(&self.collection.client, UpdateReview::new(self.collection.place.clone(), action, state))
    }

    fn reset(&self, action: ReviewAction, state: Option<&ReviewState>) -> Call<'static, ResetReview> {
        Call::new(&self.collection.client, ResetReview::new(self.collection.place.clone(), action, state))
    }
}

/// Reviews (feature `review`).
impl Collection {
    /// Returns the handle of the review of this collection, without sending anything.
    #[must_use]
    pub fn review(&self) -> Review {
        Review::new(self)
    }
}

/// Reviews (feature `review`).
impl<T: RecordData> TypedCollection<T> {
    /// Returns the handle of the review of this collection, without sending anything.
    #[must_use]
    pub fn review(&self) -> Review<T> {
        Review::new(self.untyped())
    }
}

/// Reviews (feature `review`).
impl Client {
    /// Reads the states of all collections that the server's signer publishes: of each resource the collection, or all
    /// collections of its bucket.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().signer(["/buckets/workspace -> /buckets/published"])
    /// #     .setting("kinto.signer.to_review_enabled", "true").shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// use kinto_client::review::{ReviewAction, ReviewStatus};
    ///
    /// for state in client.get_reviews().await?.states {
    ///     if state.status == Some(ReviewStatus::ToReview) && state.allows(ReviewAction::Approve) {
    ///         println!("{} waits for you: {}", state.resource.source, state.editor_comment);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server has no signer. What does not exist or is
    /// hidden from you is not an error, but in [`Reviews::hidden`].
    pub fn get_reviews(&self) -> Call<'static, GetReviews> {
        Call::new(self, GetReviews { bucket: None })
    }

    /// Returns the resources of the server's signer: which collections are published where, by which groups.
    ///
    /// # Errors
    ///
    /// [`Error::is_unsupported`](crate::Error::is_unsupported) if the server has no signer.
    pub fn get_review_resources(&self) -> Call<'static, GetReviewResources> {
        Call::new(self, GetReviewResources(()))
    }
}

/// Reviews (feature `review`).
impl Bucket {
    /// Reads the states of the collections of this bucket that the server's signer publishes: [`Client::get_reviews`].
    pub fn get_reviews(&self) -> Call<'static, GetReviews> {
        Call::new(&self.client, GetReviews { bucket: Some(self.id().to_owned()) })
    }
}

impl<T> Clone for Review<T> {
    fn clone(&self) -> Self {
        Self { collection: self.collection.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Review<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Review({:?})", self.collection)
    }
}
