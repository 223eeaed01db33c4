//! The body of an upload: a form with the record's data and permissions, and the file.

use std::sync::Arc;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::HeaderValue;

use super::prepared::Prepared;
use crate::{
    error::{Error, Result},
    wire::{
        random,
        streamed_body::{Parts, Produce, SendState, StreamedBody},
    },
};

/// A form with texts and one file.
struct Form {
    head: Bytes,
    file: Prepared,
    tail: Bytes,
    state: Arc<SendState>,
}

impl Produce for Form {
    fn open(&self) -> BoxFuture<'static, Result<Parts>> {
        let (head, tail, file, state) =
            (self.head.clone(), self.tail.clone(), self.file.clone(), Arc::clone(&self.state));
        Box::pin(async move {
            let file = file.open().await?.map_err(move |error| {
                state.fail(error.clone());
                Box::from(error)
            });
            let once = |bytes| stream::once(async move { Ok(bytes) });
            Ok(once(head).chain(file).chain(once(tail)).boxed())
        })
    }
}

/// Creates the body of an upload. The texts are JSON, in fields of these names.
pub(super) fn form(texts: &[(&str, String)], filename: &str, mimetype: &str, file: Prepared) -> Result<StreamedBody> {
    let boundary = format!("kinto-client-{}", random::uuid().simple());
    let mut head = String::new();
    for (name, text) in texts {
        head.extend(["--", &boundary, "\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", text, "\r\n"]);
    }
    head.extend(["--", &boundary, "\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"", filename]);
    head.extend(["\"\r\nContent-Type: ", mimetype, "\r\n\r\n"]);
    let tail = format!("\r\n--{boundary}--\r\n");
    let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
    let content_type = content_type.map_err(|error| Error::unexpected(error.to_string()))?;
    let around = u64::try_from(head.len() + tail.len()).unwrap_or(u64::MAX);
    let length = file.size.checked_add(around).ok_or_else(|| Error::invalid("the file is too large"))?;
    let state = Arc::<SendState>::default();
    let source = Form { head: head.into(), file, tail: tail.into(), state: Arc::clone(&state) };
    Ok(StreamedBody { length, content_type, source: Arc::new(source), state })
}

/// Rejects a name that would not arrive as it is, or that the server would refuse after it has deleted the old file.
pub(super) fn check_filename(name: &str) -> Result<()> {
    let refuse = |reason: String| Err(Error::invalid(format!("{name:?} cannot be the name of a file: {reason}")));
    if name.is_empty() || name.chars().all(|c| matches!(c, '.' | ' ')) {
        return refuse("it has no letters; set another with `.filename(…)`".to_owned());
    }
    if name.len() > 255 {
        return refuse("it has more than 255 bytes; set another with `.filename(…)`".to_owned());
    }
    if name.ends_with(['.', ' ']) {
        return refuse(
            "it ends with a dot or a space, so that the server sees another extension; set another with `.filename(…)`"
                .to_owned(),
        );
    }
    match name.chars().find(|c| c.is_control() || matches!(c, '"' | '\\' | '/')) {
        Some(c) => refuse(format!("it contains {c:?}; set another with `.filename(…)`")),
        None => Ok(()),
    }
}

/// Rejects what is no media type.
pub(super) fn check_mimetype(mimetype: &str) -> Result<()> {
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    let (essence, parameters) = mimetype.split_once(';').unwrap_or((mimetype, ""));
    let is_plain = parameters.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match essence.trim_end().split_once('/') {
        Some((kind, subtype)) if word(kind) && word(subtype) && is_plain => Ok(()),
        _ => Err(Error::invalid(format!("{mimetype:?} is no media type: it should look like `image/png`"))),
    }
}

/// Returns the media type for a file name: that of its extension if it is a common one.
pub(super) fn mimetype_of(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "txt" | "log" | "ini" => "text/plain",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "md" => "text/markdown",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "geojson" => "application/geojson",
        "xml" | "plist" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "pdf" => "application/pdf",
        "rtf" => "application/rtf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "jpg" | "jpe" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "ico" => "image/vnd.microsoft.icon",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mpeg" | "mpg" => "video/mpeg",
        "webm" => "video/webm",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "bz2" => "application/x-bzip2",
        "7z" => "application/x-7z-compressed",
        "tar" => "application/x-tar",
        "pem" => "application/x-pem-file",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_filename_refuses_what_would_not_arrive_as_it_is() {
        for name in ["a.txt", "é è.txt", ".profile", "a;b=c.txt", "100%.txt"] {
            assert!(check_filename(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a.txt.", "a.txt ", "a\"b", "a\\b", "../b", "a\r\nb", "a\0", &"x".repeat(256)] {
            let error = check_filename(name).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains("`.filename(…)`"), "{error}");
        }
    }

    #[test]
    fn check_mimetype_refuses_what_is_none() {
        for mimetype in ["image/png", "text/plain; charset=utf-8", "application/vnd.a+json"] {
            assert!(check_mimetype(mimetype).is_ok(), "{mimetype}");
        }
        for mimetype in ["", "png", "image/", "/png", "image/png\r\nX: y", "image/p ng", "a/b; é"] {
            assert!(check_mimetype(mimetype).is_err(), "{mimetype}");
        }
    }

    #[test]
    fn mimetype_of_knows_common_extensions() {
        for (name, mimetype) in
            [("a.PNG", "image/png"), ("a.tar.gz", "application/gzip"), ("a", "application/octet-stream")]
        {
            assert_eq!(mimetype_of(name), mimetype);
        }
    }
}
