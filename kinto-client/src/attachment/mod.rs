//! Files of records, with the server's plugin `kinto-attachment` (feature `attachments`).
//!
//! A record has one file at most, which its field [`attachment`](Attachment) describes. Uploads are streamed and repeated
//! whole; downloads are streamed, continued after a broken connection, and compared with the size and the SHA-256 of the
//! description.
//!
//! ```
//! # #[tokio::main] async fn main() -> kinto_client::Result<()> {
//! # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
//! # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
//! # let bucket = client.bucket(kinto_server::unique("doc"));
//! # bucket.create().await?;
//! # let notes = bucket.collection("notes");
//! # notes.create().await?;
//! use kinto_client::json;
//!
//! let upload = notes.upload_attachment("list", "Milk, bread").filename("list.txt");
//! let uploaded = upload.data(json!({"title": "To buy"})).await?;
//! assert_eq!((uploaded.attachment.size, uploaded.record_created), (11, true));
//!
//! assert_eq!(notes.download_attachment("list").await?, "Milk, bread");
//! notes.delete_attachment("list").await?;
//! # Ok(()) }
//! ```
//!
//! # Rules of the server
//!
//! Kinto's plugin (8.0) has rules that differ from those for records. The calls of this module are written around them:
//!
//! | the server | the client |
//! |---|---|
//! | ignores `If-Match` and `If-None-Match` | reads the record right before, and compares its version and its file; a write of another program in between is not noticed |
//! | deletes the old file before it looks at the new one, which it may refuse then | replaces a file with `.replace()` only, and an error says what has become of the old one |
//! | creates a record when the file of one that is missing is deleted | deletes nothing if there is no record, or no file |
//! | drops the description when a record is overwritten without it, and keeps the file for ever | keeps it in every save and refuses to overwrite a record of a type with `#[kinto(attachment)]` without it; for other types see [`keep_attachment`](crate::Call::keep_attachment) |
//! | reads a file into memory, however large | has a limit, of 1 GiB unless another is set |
//!
//! # Hosts and credentials
//!
//! A file is where its [`location`](Attachment::location) says, which whoever may write the record can choose. Credentials and headers
//! of the client go to the origin of the Kinto server only; other hosts, and redirects to them, get the name of the program
//! and no more. The digest in the record is compared in any case.

#![expect(private_interfaces, reason = "the traits of operations are sealed: no caller can name these types")]

use std::path::PathBuf;

use crate::{
    handle::{Collection, TypedCollection},
    operation::Call,
    wire::object::RecordData,
};

mod check;
mod delete;
mod digest;
mod download;
mod fields;
mod file;
mod folder;
mod keep;
mod location;
mod multipart;
mod object;
mod part;
mod prepared;
mod reading;
mod renewed;
mod source;
mod state;
mod target;
mod upload;
mod verify;

pub use check::{AttachmentCheck, CheckAttachments};
pub use delete::{DeleteAttachment, DeleteAttachmentIfExists};
pub use download::{DownloadAttachment, DownloadToWriter};
pub use fields::AttachmentFields;
pub use file::{DownloadToFile, DownloadedFile, FileOutcome};
pub use folder::{DownloadAttachments, DownloadProgress};
pub use keep::OverwriteKeepingAttachment;
pub use object::Attachment;
pub use source::AttachmentSource;
pub use target::{AttachmentTarget, TypedAttachmentTarget};
pub use upload::{UploadAttachment, UploadOutcome};
pub use verify::{AttachmentDifferences, VerifyAttachments};

/// The files of records (feature `attachments`).
impl Collection {
    /// Uploads the file of a record, which is created if it does not exist.
    ///
    /// A record that was read (`&record`) in place of an id has to have that version still. A record with a file is
    /// [`Error::is_conflict`](crate::Error::is_conflict) unless `.replace()` is added.
    ///
    /// The file is sent as it is read, and whole again after a broken connection, if the record is as it was. The
    /// [timeout](crate::ClientBuilder::timeout) is that of the longest pause.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let notes = bucket.collection("notes");
    /// # notes.create().await?;
    /// # let path = std::env::temp_dir().join(kinto_server::unique("upload"));
    /// # std::fs::write(&path, "Milk, bread").unwrap();
    /// use kinto_client::attachment::AttachmentSource;
    ///
    /// let upload = notes.upload_attachment("list", AttachmentSource::file(&path));
    /// let uploaded = upload.filename("list.txt").permissions(|p| p.read("system.Everyone")).await?;
    /// assert_eq!((uploaded.attachment.filename.as_str(), uploaded.attachment.mimetype.as_str()), ("list.txt", "text/plain"));
    ///
    /// let again = notes.upload_attachment("list", "Oat milk").filename("list.txt");
    /// assert!(again.await.is_err_and(|error| error.is_conflict()));
    /// notes.upload_attachment("list", "Oat milk").filename("list.txt").replace().await?;
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`filename`](crate::Call::filename), [`mimetype`](crate::Call::mimetype), [`data`](crate::Call::data),
    /// [`permissions`](crate::Call::permissions), [`if_match`](crate::Call::if_match), [`replace`](crate::Call::replace),
    /// [`unchecked`](crate::Call::unchecked), [`max_size`](crate::Call::max_size).
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) if the source cannot be read, or yields other bytes when it is read
    /// again; [`Error::is_unsupported`](crate::Error::is_unsupported) if the server does not have the plugin;
    /// [`Error::is_refused`](crate::Error::is_refused) if it accepts no such file: its extension, or its size.
    pub fn upload_attachment(
        &self,
        record: impl Into<AttachmentTarget>,
        source: impl Into<AttachmentSource>,
    ) -> Call<'static, UploadAttachment> {
        Call::new(&self.client, UploadAttachment::new(&self.records(), record.into(), source.into()))
    }

    /// Downloads the file of a record: into memory, and with `.to_file(…)`, `.to_writer(…)` or `.stream()` elsewhere.
    ///
    /// Of a record that was read (`&record`) the description is taken from there; otherwise the record is read first, and once
    /// more if its file is replaced before that is requested.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let notes = bucket.collection("notes");
    /// # notes.create().await?;
    /// # let path = std::env::temp_dir().join(kinto_server::unique("download"));
    /// use kinto_client::attachment::FileOutcome;
    ///
    /// notes.upload_attachment("list", "Milk, bread").filename("list.txt").await?;
    /// assert_eq!(notes.download_attachment("list").to_file(&path).await?.outcome, FileOutcome::Downloaded);
    /// assert_eq!(notes.download_attachment("list").to_file(&path).await?.outcome, FileOutcome::Unchanged);
    ///
    /// let mut bytes = Vec::new();
    /// notes.download_attachment("list").to_writer(&mut bytes).await?;
    /// assert_eq!(bytes, b"Milk, bread");
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`max_size`](crate::Call::max_size), [`to_file`](crate::Call::to_file),
    /// [`to_writer`](crate::Call::to_writer), [`stream`](crate::Call::stream).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no record, it has no file, or the file is gone;
    /// [`Error::is_unexpected`](crate::Error::is_unexpected) if the file is another than the record describes;
    /// [`Error::is_too_large`](crate::Error::is_too_large) above the limit.
    pub fn download_attachment(&self, record: impl Into<AttachmentTarget>) -> Call<'static, DownloadAttachment> {
        Call::new(&self.client, DownloadAttachment::new(&self.records(), record.into()))
    }

    /// Deletes the file of a record and returns its description; the record stays, with `null` for its `attachment`.
    ///
    /// A record that was read (`&record`) in place of an id has to have that version still.
    ///
    /// Options: [`if_match`](crate::Call::if_match), [`if_exists`](crate::Call::if_exists).
    ///
    /// # Errors
    ///
    /// [`Error::is_not_found`](crate::Error::is_not_found) if there is no such record, or it has no file, unless
    /// `.if_exists()` is added; [`Error::is_conflict`](crate::Error::is_conflict) if the record has another version.
    pub fn delete_attachment(&self, record: impl Into<AttachmentTarget>) -> Call<'static, DeleteAttachment> {
        Call::new(&self.client, DeleteAttachment::new(&self.records(), record.into()))
    }

    /// Downloads the files of all records, or of those that match a filter, to a folder, several at a time:
    /// `<folder>/<record id>/<file name>`.
    ///
    /// Files that are there with the right bytes are left alone, so that a call after one that failed does the rest. The name of
    /// a file is that of the attachment, with `_` in place of characters that not every system allows. Files of records that are
    /// deleted meanwhile, or have another file now, stay: [`verify_attachments`](Self::verify_attachments) finds them.
    /// Of a record whose file is replaced after the list was read, the newer file is downloaded.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let notes = bucket.collection("notes");
    /// # notes.create().await?;
    /// # let folder = std::env::temp_dir().join(kinto_server::unique("folder"));
    /// notes.upload_attachment("list", "Milk").filename("list.txt").await?;
    /// let done = notes.download_attachments(&folder).concurrency(8).await?;
    /// assert_eq!((done.downloaded, done.unchanged, done.bytes), (1, 0, 4));
    /// assert_eq!(std::fs::read(folder.join("list/list.txt")).unwrap(), b"Milk");
    ///
    /// notes.upload_attachment("list", "Oat milk").filename("list.txt").replace().await?;
    /// let differences = notes.verify_attachments(&folder).await?;
    /// assert_eq!(differences.stale, [folder.join("list/list.txt")]);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before),
    /// [`concurrency`](crate::Call::concurrency), [`max_size`](crate::Call::max_size),
    /// [`on_progress`](crate::Call::on_progress).
    ///
    /// # Errors
    ///
    /// [`Error::is_partial`](crate::Error::is_partial) if a file could not be downloaded, with the
    /// [`failures`](crate::Error::failures), each with its record; the others were. The error of the list if that could not be read.
    pub fn download_attachments<'a>(
        &self,
        folder: impl Into<PathBuf>,
    ) -> Call<'a, DownloadAttachments<'a, serde_json::Value>> {
        Call::new(&self.client, DownloadAttachments::new(self.records(), folder.into()))
    }

    /// Compares the files of all records with those in a folder that [`download_attachments`](Self::download_attachments) has
    /// filled, by their size and digest, and changes nothing.
    ///
    /// Files are read and not requested: [`check_attachments`](Self::check_attachments) finds those that are gone from the server.
    ///
    /// Options: [`concurrency`](crate::Call::concurrency).
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record has an `attachment` that describes no file.
    pub fn verify_attachments(&self, folder: impl Into<PathBuf>) -> Call<'static, VerifyAttachments> {
        Call::new(&self.client, VerifyAttachments::new(self.records(), folder.into()))
    }

    /// Asks for the files of all records, or of those that match a filter, and returns the records whose file is gone or has
    /// another size.
    ///
    /// Nothing of the files is read, so that other bytes of the same size are not noticed:
    /// [`download_attachments`](Self::download_attachments) compares the digests.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::builder().attachments().shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// # let notes = bucket.collection("notes");
    /// # notes.create().await?;
    /// notes.upload_attachment("list", "Milk").filename("list.txt").await?;
    /// let check = notes.check_attachments().await?;
    /// assert!(check.is_complete());
    /// assert_eq!(check.present, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// Options: [`filter`](crate::Call::filter), [`since`](crate::Call::since), [`before`](crate::Call::before),
    /// [`concurrency`](crate::Call::concurrency).
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`](crate::Error::is_decode) if a record has an `attachment` that describes no file.
    pub fn check_attachments(&self) -> Call<'static, CheckAttachments<serde_json::Value>> {
        Call::new(&self.client, CheckAttachments::new(self.records()))
    }
}

/// The files of records (feature `attachments`).
impl<T: RecordData> TypedCollection<T> {
    /// Uploads the file of a record: [`Collection::upload_attachment`].
    pub fn upload_attachment(
        &self,
        record: impl Into<TypedAttachmentTarget<T>>,
        source: impl Into<AttachmentSource>,
    ) -> Call<'static, UploadAttachment> {
        self.untyped().upload_attachment(record.into().target, source)
    }

    /// Downloads the file of a record: [`Collection::download_attachment`].
    pub fn download_attachment(
        &self,
        record: impl Into<TypedAttachmentTarget<T>>,
    ) -> Call<'static, DownloadAttachment> {
        self.untyped().download_attachment(record.into().target)
    }

    /// Deletes the file of a record: [`Collection::delete_attachment`].
    pub fn delete_attachment(&self, record: impl Into<TypedAttachmentTarget<T>>) -> Call<'static, DeleteAttachment> {
        self.untyped().delete_attachment(record.into().target)
    }

    /// Downloads the files of all records to a folder: [`Collection::download_attachments`].
    pub fn download_attachments<'a>(&self, folder: impl Into<PathBuf>) -> Call<'a, DownloadAttachments<'a, T>> {
        let collection = self.untyped();
        Call::new(&collection.client, DownloadAttachments::new(collection.records(), folder.into()))
    }

    /// Compares the files of all records with those in a folder: [`Collection::verify_attachments`].
    pub fn verify_attachments(&self, folder: impl Into<PathBuf>) -> Call<'static, VerifyAttachments> {
        self.untyped().verify_attachments(folder)
    }

    /// Asks for the files of all records: [`Collection::check_attachments`].
    pub fn check_attachments(&self) -> Call<'static, CheckAttachments<T>> {
        let collection = self.untyped();
        Call::new(&collection.client, CheckAttachments::new(collection.records()))
    }
}
