//! A request as the server sees it: what it is for, who sends it, and its preconditions.

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use super::{
    answer::{Invalid, Outcome, server_error},
    database::{Kind, ListKey},
};

/// A request, alone or as a part of a batch.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The decoded path with the version prefix.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The scheme and host that the server is known by.
    pub(super) origin: String,
}

impl Request {
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the media type of the body, without parameters for JSON.
    pub(super) fn content_type(&self) -> Option<String> {
        self.header(header::CONTENT_TYPE)
            .map(|value| value.trim().to_ascii_lowercase())
            .filter(|value| !value.is_empty())
    }
}

/// A list of objects, or where an object is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) bucket: Option<String>,
    pub(super) collection: Option<String>,
    uri: String,
}

impl Place {
    pub(super) fn new(kind: Kind, bucket: Option<&str>, collection: Option<&str>) -> Self {
        let name = match kind {
            Kind::Account => "accounts",
            Kind::Bucket => "buckets",
            Kind::Collection => "collections",
            Kind::Group => "groups",
            Kind::History => "history",
            Kind::Permissions => "permissions",
            Kind::Record => "records",
        };
        let uri = match (bucket, collection) {
            (Some(bucket), Some(collection)) => format!("/buckets/{bucket}/collections/{collection}/{name}"),
            (Some(bucket), None) => format!("/buckets/{bucket}/{name}"),
            (None, _) => format!("/{name}"),
        };
        Self { kind, bucket: bucket.map(str::to_owned), collection: collection.map(str::to_owned), uri }
    }

    /// Returns the URI of the object that the list belongs to.
    pub(super) fn parent(&self) -> &str {
        self.uri.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Returns the URI of the list.
    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns the URI of an object of the list.
    pub(super) fn uri_of(&self, id: &str) -> String {
        format!("{}/{id}", self.uri)
    }

    pub(super) fn key(&self) -> ListKey {
        (self.parent().to_owned(), self.kind)
    }
}

/// The target of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Route {
    Root,
    Heartbeat,
    LoadBalancerHeartbeat,
    Version,
    Batch,
    List(Place),
    Object(Place, String),
    /// The default bucket, with what follows its name.
    Default(String),
    Snapshot {
        bucket: String,
        collection: String,
        timestamp: String,
    },
    Unknown,
}

impl Route {
    /// Returns what a path below the version prefix leads to.
    pub(super) fn of(path: &str) -> Self {
        if let Some(rest) = path.strip_prefix("/buckets/default")
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return Self::Default(rest.strip_prefix('/').unwrap_or_default().to_owned());
        }
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let list = |kind, bucket, collection| Self::List(Place::new(kind, bucket, collection));
        let object =
            |kind, bucket, collection, id: &str| Self::Object(Place::new(kind, bucket, collection), id.to_owned());
        if parts.iter().any(|part| part.is_empty()) {
            return if parts == [""] { Self::Root } else { Self::Unknown };
        }
        match parts.as_slice() {
            ["__heartbeat__"] => Self::Heartbeat,
            ["__lbheartbeat__"] => Self::LoadBalancerHeartbeat,
            ["__version__"] => Self::Version,
            ["batch"] => Self::Batch,
            ["permissions"] => list(Kind::Permissions, None, None),
            ["accounts"] => list(Kind::Account, None, None),
            ["accounts", id] => object(Kind::Account, None, None, id),
            ["buckets"] => list(Kind::Bucket, None, None),
            ["buckets", id] => object(Kind::Bucket, None, None, id),
            ["buckets", bucket, "collections"] => list(Kind::Collection, Some(bucket), None),
            ["buckets", bucket, "collections", id] => object(Kind::Collection, Some(bucket), None, id),
            ["buckets", bucket, "groups"] => list(Kind::Group, Some(bucket), None),
            ["buckets", bucket, "groups", id] => object(Kind::Group, Some(bucket), None, id),
            ["buckets", bucket, "history"] => list(Kind::History, Some(bucket), None),
            ["buckets", bucket, "snapshot", "collections", at] => match at.split_once('@') {
                Some((collection, timestamp)) if !collection.is_empty() && !timestamp.is_empty() => Self::Snapshot {
                    bucket: (*bucket).to_owned(),
                    collection: collection.to_owned(),
                    timestamp: timestamp.to_owned(),
                },
                _ => Self::Unknown,
            },
            ["buckets", bucket, "collections", collection, "records"] => {
                list(Kind::Record, Some(bucket), Some(collection))
            }
            ["buckets", bucket, "collections", collection, "records", id] => {
                object(Kind::Record, Some(bucket), Some(collection), id)
            }
            _ => Self::Unknown,
        }
    }
}

/// Returns true for an id as the server takes it. Python's `$` lets a line break at its end through.
pub(in crate::testing) fn is_id(kind: Kind, id: &str) -> bool {
    let id = id.strip_suffix('\n').unwrap_or(id);
    let is_inner = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || kind == Kind::Account && b"+.@".contains(&byte)
    };
    id.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) && id.bytes().skip(1).all(is_inner)
}

/// The value of a precondition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Any,
    Version(i64),
}

/// The preconditions of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preconditions {
    pub(super) if_match: Option<Tag>,
    pub(super) if_none_match: Option<Tag>,
}

impl Preconditions {
    pub(super) fn read(request: &Request, errors: &mut Vec<Invalid>) -> Outcome<Self> {
        let mut fails = false;
        let mut read = |name: &'static str| {
            let value = request.header(name).filter(|value| !value.is_empty())?;
            let digits = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let number = digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
            match number {
                _ if value == "*" => Some(Tag::Any),
                // The server's pattern lets through what begins with a star, of which it then fails to make a number.
                None if value.starts_with('*') => {
                    fails = true;
                    None
                }
                // Python has no largest number; what is larger than all timestamps is like none of them.
                Some(number) => Some(Tag::Version(number.parse().unwrap_or(i64::MAX))),
                None => {
                    let description = "The value should be integer between double quotes.";
                    errors.push(Invalid::new("header", name, description));
                    None
                }
            }
        };
        let (if_match, if_none_match) = (read("If-Match"), read("If-None-Match"));
        // Zero is nothing in Python.
        let given = |tag: Option<Tag>| tag.filter(|tag| *tag != Tag::Version(0));
        if fails {
            return Err(server_error());
        }
        Ok(Self { if_match: given(if_match), if_none_match: given(if_none_match) })
    }
}
