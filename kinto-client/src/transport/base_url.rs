use std::net::IpAddr;

use http::{Uri, uri::PathAndQuery};
use url::{Host, Url};

use crate::error::{Error, Result};

/// The URL of the server, up to its version prefix.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    url: Url,
    /// The same, for the paths below it.
    uri: Uri,
}

impl Base {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |shown: &str, reason: &str| {
            let example = "it should look like `https://kinto.example.org/v1`";
            Err(Error::invalid(format!("{shown:?} cannot be the server's URL: {reason}; {example}")))
        };
        // The text before an `@` or in a query may be a secret.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let shown = shown.split(['?', '#']).next().unwrap_or_default();
        let Ok(mut url) = Url::parse(text) else {
            return refuse(shown, "it is not a URL");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(shown, "its scheme is neither http nor https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(shown, "it contains credentials: pass them to `.auth((user, password))` instead");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(shown, "it contains a query or a fragment");
        }
        let path = url.path().trim_end_matches('/').to_owned();
        match path.rsplit_once('/') {
            Some((_, "v1")) => {}
            Some((_, version)) if is_version(version) => {
                return refuse(shown, "this library supports version `v1` of the API only");
            }
            _ => return refuse(shown, "the version prefix `/v1` is missing at its end"),
        }
        url.set_path(&path);
        match url.as_str().parse() {
            Ok(uri) => Ok(Self { url, uri }),
            Err(_) => refuse(shown, "it is not a URL"),
        }
    }

    /// Returns the URI for a path below the version prefix.
    pub(crate) fn join(&self, path: &str, query: &str) -> Result<Uri> {
        let is_verbatim = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
        let is_encoded = |byte: u8| is_verbatim(byte) || matches!(byte, b'.' | b'=' | b'&' | b'%' | b'+' | b',' | b'*');
        if path.bytes().all(is_verbatim) && query.bytes().all(is_encoded) {
            // Nothing has to be encoded, as in most requests: to parse it as a URL takes longer.
            let mark = if query.is_empty() { "" } else { "?" };
            let path = [self.url.path(), path, mark, query].concat();
            let mut parts = self.uri.clone().into_parts();
            parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(malformed)?);
            return Uri::from_parts(parts).map_err(malformed);
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path()));
        url.set_query((!query.is_empty()).then_some(query));
        uri_of(&url)
    }

    pub(crate) fn is_same_origin(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    /// Returns `true` if other machines on the way can read what is sent to the server.
    pub(crate) fn is_open(&self) -> bool {
        self.url.scheme() == "http" && !self.is_loopback()
    }

    /// Returns `true` if the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// Returns a text that is the same for all addresses that are known to be of one server.
    pub(crate) fn server(&self) -> String {
        let host = match self.url.host() {
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().to_string(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            None => String::new(),
        };
        // A connection to "any address" goes to this machine.
        let is_local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        let local = self.is_loopback() || host == "localhost" || host.parse().is_ok_and(is_local);
        let host = if local { "localhost" } else { &host };
        let port = self.url.port().filter(|port| !matches!(port, 80 | 443)).map(|port| port.to_string());
        let path: Vec<&str> = self.url.path().split('/').filter(|name| !name.is_empty()).collect();
        format!("{host}:{}/{}", port.unwrap_or_default(), path.join("/"))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Returns advice on what to check if the server cannot be reached.
    pub(crate) fn doubts(&self) -> &'static str {
        match self.url.scheme() {
            "https" => {
                "check that the server is running, that the URL is right, and that its certificate is trusted (`root_certificate`)"
            }
            _ => "check that the server is running and that the URL is right",
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

/// Returns a URL as a URI.
pub(super) fn uri_of(url: &Url) -> Result<Uri> {
    url.as_str().parse::<Uri>().map_err(malformed)
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid("the request's address is too long or malformed").caused_by(error)
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_accepts_valid_urls() {
        for (given, kept) in [
            ("http://localhost:8888/v1", "http://localhost:8888/v1"),
            ("https://kinto.example.org/some/where/v1/", "https://kinto.example.org/some/where/v1"),
            ("HTTPS://Kinto.Example.org:443/v1", "https://kinto.example.org/v1"),
        ] {
            assert_eq!(Base::parse(given).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn base_rejects_invalid_urls() {
        for (given, reason) in [
            ("", "not a URL"),
            ("localhost:8888/v1", "neither http nor https"),
            ("ftp://localhost/v1", "neither http nor https"),
            ("http://localhost:8888", "`/v1` is missing"),
            ("http://localhost:8888/v1/buckets", "`/v1` is missing"),
            ("http://localhost:8888/v2", "`v1` of the API only"),
            ("http://localhost/v1?a=1", "a query or a fragment"),
            ("http://alexis:s3cr3t@localhost/v1", "contains credentials"),
            ("http://s3cr3t@", "not a URL"),
        ] {
            let error = Base::parse(given).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(reason), "{given}: {error}");
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn names_of_one_server_are_the_same() {
        let server = |url: &str| Base::parse(url).unwrap().server();
        for (one, other) in [
            ("http://localhost:8888/v1", "http://127.0.0.1:8888/v1"),
            ("http://localhost:8888/v1", "http://[::1]:8888/v1/"),
            ("http://localhost:8888/v1", "http://0.0.0.0:8888//v1"),
            ("http://[::ffff:127.0.0.1]:8888/v1", "http://kinto.localhost:8888/v1"),
            ("http://localhost.:8888/v1", "http://127.1.2.3:8888/v1"),
            ("http://Example.org:80/v1", "https://example.org./v1"),
            ("http://[::ffff:10.0.0.1]/a//b/v1", "http://10.0.0.1/a/b/v1"),
        ] {
            assert_eq!(server(one), server(other));
        }
        let all = ["http://localhost/v1", "http://localhost:1/v1", "http://a.org/v1", "http://a.org/b/v1"];
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| server(one) != server(other)), "{one}");
        }
    }

    #[test]
    fn base_join_appends_path() {
        let base = Base::parse("http://localhost/x/v1").unwrap();
        for (path, query, joined) in [
            ("/buckets/b", "a=1", "http://localhost/x/v1/buckets/b?a=1"),
            ("/buckets/b-1_C", "", "http://localhost/x/v1/buckets/b-1_C"),
            ("/buckets//b/", "", "http://localhost/x/v1/buckets//b/"),
            ("/", "", "http://localhost/x/v1/"),
            ("/b", "_sort=-a.b%2Cc&q=%22a+b%22&*=1,2", "http://localhost/x/v1/b?_sort=-a.b%2Cc&q=%22a+b%22&*=1,2"),
            ("/b", "a='é", "http://localhost/x/v1/b?a=%27%C3%A9"),
            ("/a b/../é", "", "http://localhost/x/v1/%C3%A9"),
        ] {
            assert_eq!(base.join(path, query).unwrap(), joined);
        }
    }

    #[test]
    fn base_is_open_for_http_except_loopback() {
        for (url, open) in [
            ("http://localhost:8888/v1", false),
            ("http://127.0.0.1/v1", false),
            ("http://[::1]/v1", false),
            ("https://example.org/v1", false),
            ("http://example.org/v1", true),
            ("http://10.0.0.1/v1", true),
        ] {
            assert_eq!(Base::parse(url).unwrap().is_open(), open, "{url}");
        }
    }
}
