use crate::wire::names::names;

names! {
    /// The status of a collection that a signer publishes.
    ReviewStatus {
        /// Records were changed, or the last review was declined.
        WorkInProgress = "work-in-progress",
        /// A review was requested.
        ToReview = "to-review",
        /// The changes were approved, and are being signed. The server goes on to [`Signed`](Self::Signed) before it
        /// responds.
        ToSign = "to-sign",
        /// The changes that were approved are published, and nothing was changed since.
        Signed = "signed",
        /// The signature is being made anew. The server goes back to the status before.
        ToResign = "to-resign",
        /// The changes are being discarded. The server goes on to [`Signed`](Self::Signed).
        ToRollback = "to-rollback"
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
