use std::fmt;

use serde::{Deserialize, Serialize};

/// The status of a collection that a signer publishes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ReviewStatus {
    /// Records were changed, or the last review was declined: `work-in-progress`.
    WorkInProgress,
    /// A review was requested: `to-review`.
    ToReview,
    /// The changes were approved, and are being signed: `to-sign`. The server goes on to [`Signed`](Self::Signed) before it
    /// responds.
    ToSign,
    /// What was approved is published, and nothing was changed since: `signed`.
    Signed,
    /// The signature is being made anew: `to-resign`. The server goes back to the status before.
    ToResign,
    /// The changes are being discarded: `to-rollback`. The server goes on to [`Signed`](Self::Signed).
    ToRollback,
    /// A status that this library does not know.
    Other(String),
}

impl ReviewStatus {
    /// Returns the status as the server writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::WorkInProgress => "work-in-progress",
            Self::ToReview => "to-review",
            Self::ToSign => "to-sign",
            Self::Signed => "signed",
            Self::ToResign => "to-resign",
            Self::ToRollback => "to-rollback",
            Self::Other(text) => text,
        }
    }
}

impl From<String> for ReviewStatus {
    fn from(text: String) -> Self {
        let known =
            [Self::WorkInProgress, Self::ToReview, Self::ToSign, Self::Signed, Self::ToResign, Self::ToRollback];
        known.into_iter().find(|status| status.as_str() == text).unwrap_or(Self::Other(text))
    }
}

impl From<ReviewStatus> for String {
    fn from(status: ReviewStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl fmt::Display for ReviewStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_round_trips() {
        for text in ["work-in-progress", "to-review", "to-sign", "signed", "to-resign", "to-rollback", "", "new one"] {
            let status = ReviewStatus::from(text.to_owned());
            assert_eq!(
                (status.as_str(), String::from(status.clone()), status.to_string()),
                (text, text.into(), text.into())
            );
            let known = !matches!(status, ReviewStatus::Other(_));
            assert_eq!(known, text.contains('-') || text == "signed", "{text}");
        }
    }
}
