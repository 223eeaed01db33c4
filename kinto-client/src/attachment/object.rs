use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use crate::wire::object::file_field::FIELD;
use crate::{
    error::{Error, Result},
    json::JsonObject,
    wire::object::{Record, RecordData},
};

/// The description of the file of a record, as the server stores it in the field `attachment`.
///
/// The server writes it when a file is uploaded, and refuses other changes of it. In a record of a type of your own it is
/// a field with `#[kinto(attachment)]`, usually an `Option`: a record has none before the first upload, and `null` after
/// its file was deleted.
///
/// ```
/// use kinto_client::{attachment::Attachment, json};
///
/// let attachment: Attachment = serde_json::from_value(json!({
///     "filename": "logo.png",
///     "location": "https://cdn.example.org/1f1e.png",
///     "hash": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
///     "mimetype": "image/png",
///     "size": 5,
/// }))?;
/// assert_eq!(attachment.size, 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attachment {
    /// The name of the file, as it was uploaded.
    pub filename: String,
    /// The URL of the file, absolute or relative to the `base_url` of the server's capability `attachments`.
    pub location: String,
    /// The SHA-256 of the file, as 64 hexadecimal digits.
    pub hash: String,
    /// The media type of the file: `image/png`.
    pub mimetype: String,
    /// The size of the file in bytes.
    pub size: u64,
    /// All other members, such as those of other versions of the plugin.
    #[serde(flatten)]
    pub other: JsonObject,
}

impl Attachment {
    /// Returns true if it describes a file of this size and digest.
    pub(super) fn is_of(&self, size: u64, sha256: &str) -> bool {
        self.size == size && self.hash.eq_ignore_ascii_case(sha256)
    }
}

impl<T: RecordData> Record<T> {
    /// Returns the description of the record's file as it was received, or `None` if it has none.
    ///
    /// It is there for every type of record; a field with `#[kinto(attachment)]` has the same.
    ///
    /// # Errors
    ///
    /// [`Error::is_decode`] if the field `attachment` is there and is no description of a file.
    ///
    /// ```
    /// use kinto_client::{Record, Value};
    ///
    /// let record = Record::<Value>::from_json(r#"{"id": "a", "last_modified": 1700000000123, "attachment": null}"#)?;
    /// assert!(record.attachment()?.is_none());
    /// # Ok::<(), kinto_client::Error>(())
    /// ```
    pub fn attachment(&self) -> Result<Option<Attachment>> {
        #[derive(Deserialize)]
        struct Field {
            #[serde(default)]
            attachment: Value,
        }
        let id = || Some(self.id.as_str().to_owned());
        let field: Field =
            serde_json::from_str(self.raw_json()).map_err(|error| Error::decode(id(), FIELD, &error.to_string()))?;
        serde_json::from_value(field.attachment).map_err(|error| Error::decode(id(), FIELD, &error.to_string()))
    }
}
