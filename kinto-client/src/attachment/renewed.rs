//! The file of a record that was replaced or deleted after its description was read.

use super::{object::Attachment, state};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    wire::{object::kind, path::Place},
};

/// The number of times that a record is read again, each time after another file of it is gone.
const MAX_RENEWALS: u32 = 4;

/// The file that a record describes now, after the one that it described is not there.
pub(super) enum Now {
    /// It describes the same file.
    Same,
    /// It describes another one.
    Newer(Attachment),
    /// It has no file any more, or is gone itself.
    None,
}

/// The number of times that a record was read again.
#[derive(Default)]
pub(super) struct Renewals(u32);

impl Renewals {
    /// Reads the record again.
    pub(super) async fn now(&mut self, client: &Client, place: &Place<kind::Record>, old: &Attachment) -> Result<Now> {
        if self.0 == MAX_RENEWALS {
            return Err(Error::new(ErrorKind::Conflict, "the file of the record is replaced again and again"));
        }
        self.0 += 1;
        let found = state::read(client, place).await?;
        Ok(match found.and_then(|found| found.attachment) {
            Some(now) if now.location == old.location && now.hash == old.hash => Now::Same,
            Some(now) => Now::Newer(now),
            None => Now::None,
        })
    }

    /// Returns the description that the record has now, if a download failed because the file is gone or refused, or `None`
    /// if it has none any more. Returns the error if it failed for another reason, or the record still describes that file.
    pub(super) async fn after(
        &mut self,
        client: &Client,
        place: &Place<kind::Record>,
        old: &Attachment,
        error: Error,
    ) -> Result<Option<Attachment>> {
        // Servers of files differ in what they say of one that is gone: S3 forbids it to those who may not list.
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::Server) {
            return Err(error);
        }
        match self.now(client, place, old).await {
            Ok(Now::Newer(attachment)) => Ok(Some(attachment)),
            Ok(Now::None) => Ok(None),
            Ok(Now::Same) if error.kind() == ErrorKind::NotFound => {
                Err(error.noting("the record names it still: upload it again".to_owned()))
            }
            Ok(Now::Same) | Err(_) => Err(error),
        }
    }
}

/// Adds to the error of a download what has become of a record that the caller has read before.
pub(super) async fn explained(client: &Client, place: &Place<kind::Record>, old: &Attachment, error: Error) -> Error {
    match Renewals::default().after(client, place, old, error.clone()).await {
        Ok(Some(_)) => error.noting("the record has another file since it was read: read it again".to_owned()),
        Ok(None) => error.noting("the record was deleted since it was read, or has no file any more".to_owned()),
        Err(error) => error,
    }
}
