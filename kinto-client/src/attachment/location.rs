//! The URL of a file.

use url::Url;

use super::object::Attachment;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
};

/// The plugin's name among the server's capabilities.
pub(super) const CAPABILITY: &str = "attachments";

/// Returns an error if the server does not have the plugin.
pub(super) async fn check_capability(client: &Client) -> Result<()> {
    if client.info().await?.has(CAPABILITY) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, format!("the server does not offer *{CAPABILITY}*, so nothing was sent")))
}

/// Returns the URL of the file that is described.
pub(super) async fn url_of(client: &Client, attachment: &Attachment) -> Result<Url> {
    let location = attachment.location.as_str();
    let url = match Url::parse(location) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let info = client.info().await?;
            let base = info.capabilities.get(CAPABILITY).and_then(|described| described.get("base_url")?.as_str());
            relative(client.url(), base, location)?
        }
        Err(error) => return Err(unusable(location, &error.to_string())),
    };
    check(location, url)
}

/// Joins a relative location with the base of the files, which may be relative to the server itself.
fn relative(server: &str, base: Option<&str>, location: &str) -> Result<Url> {
    let base = base.filter(|base| !base.is_empty());
    let base =
        base.ok_or_else(|| unusable(location, "it is relative, and the server does not say to what (`base_url`)"))?;
    let server = Url::parse(server).map_err(|error| unusable(location, &error.to_string()))?;
    let base =
        server.join(base).map_err(|error| unusable(location, &format!("the server's `base_url` {base:?}: {error}")))?;
    base.join(location).map_err(|error| unusable(location, &error.to_string()))
}

fn check(location: &str, url: Url) -> Result<Url> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable(location, "its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unusable(&shown(&url), "it contains credentials"));
    }
    Ok(url)
}

/// Returns a URL as it is shown in messages: without credentials and query, which may be secrets.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn unusable(location: &str, reason: &str) -> Error {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    let location = location.rsplit_once('@').map_or(location, |(_, host)| host);
    Error::unexpected(format!("the location {location:?} of the attachment cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_location_is_joined_with_base() {
        let server = "https://kinto.example.org/v1";
        for (base, location, url) in [
            ("https://cdn.example.org/files/", "a/b.txt", "https://cdn.example.org/files/a/b.txt"),
            ("/files/", "b.txt", "https://kinto.example.org/files/b.txt"),
            ("/files/", "/other/b.txt", "https://kinto.example.org/other/b.txt"),
            ("https://cdn.example.org/", "../../b.txt", "https://cdn.example.org/b.txt"),
        ] {
            assert_eq!(relative(server, Some(base), location).unwrap().as_str(), url);
        }
        for base in [None, Some("")] {
            assert!(relative(server, base, "b.txt").unwrap_err().to_string().contains("`base_url`"));
        }
    }

    #[test]
    fn location_of_other_schemes_or_with_credentials_is_refused_without_showing_them() {
        for location in ["file:///etc/passwd", "https://u:s3cr3t@example.org/a", "data:,x"] {
            let error = check(location, Url::parse(location).unwrap()).unwrap_err();
            assert!(error.is_unexpected() && !error.to_string().contains("s3cr3t"), "{error}");
        }
        assert!(!unusable("http://u:s3cr3t@[/a?s3cr3t", "no").to_string().contains("s3cr3t"));
    }
}
