//! The kinds of errors, with a predicate and an HTTP status for each.

use http::StatusCode;

use super::Error;
use super::response::ErrorResponse;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is invalid, such as a wrong id or data that is no JSON object; nothing was sent.
    Invalid,
    /// The object does not exist.
    NotFound,
    /// The credentials do not permit it.
    ///
    /// For a bucket or anything in one, it can also mean that the bucket does not exist.
    Forbidden,
    /// The server does not accept the credentials, or there were none.
    Unauthorized,
    /// The object is in another state than the request expects: it was changed, it exists already, or it was
    /// deleted.
    Conflict,
    /// The server refused the content of the request: data that violates the schema, an unknown permission, …
    Refused,
    /// The permissions are not visible and can therefore not be edited.
    NotVisible,
    /// The server lacks a plugin that the call needs.
    Unsupported,
    /// The server is temporarily unavailable; a later retry can help.
    Unavailable,
    /// The server failed with an internal error.
    Server,
    /// The server, or this version of its API, is permanently out of service.
    Gone,
    /// The response did not arrive in time.
    Timeout,
    /// The connection could not be made, or it broke.
    Connect,
    /// The response was larger than the client accepts.
    TooLarge,
    /// The response is not one of Kinto: a page of a proxy, a redirect elsewhere, a truncated body.
    Unexpected,
    /// A record does not decode as the type it was read as.
    Decode,
    /// The [`CredentialProvider`](crate::auth::CredentialProvider) implementation could not provide credentials.
    Authentication,
    /// More than one object matches, but the call reads a single one.
    MultipleResults,
    /// Some of several operations failed: see [`Error::failures`].
    Partial,
    /// The operation was not sent, because its batch was stopped before.
    Cancelled,
    /// A file could not be read or written: that of a local store, or of a download.
    Storage,
}

impl ErrorKind {
    pub(crate) fn of(refusal: &ErrorResponse) -> Self {
        match refusal.status {
            StatusCode::NOT_FOUND if refusal.foreign.is_none() => Self::NotFound,
            StatusCode::FORBIDDEN if refusal.foreign.is_none() => Self::Forbidden,
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::PRECONDITION_FAILED => Self::Conflict,
            StatusCode::GONE => Self::Gone,
            StatusCode::CONFLICT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable,
            status if status.is_server_error() => Self::Server,
            status if status.is_client_error() && refusal.foreign.is_none() => Self::Refused,
            _ => Self::Unexpected,
        }
    }

    /// Returns the status with which a web service can respond to its own caller: 400 for invalid input, 404 for a
    /// missing object, 502 for a failure of Kinto, …
    ///
    /// ```
    /// use kinto_client::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::Invalid.http_status(), 400);
    /// assert_eq!(ErrorKind::Timeout.http_status(), 504);
    /// ```
    #[must_use]
    pub fn http_status(self) -> StatusCode {
        match self {
            Self::Invalid | Self::Refused => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::NotVisible => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Conflict => StatusCode::PRECONDITION_FAILED,
            Self::MultipleResults => StatusCode::CONFLICT,
            Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable | Self::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Server | Self::Gone | Self::Connect | Self::TooLarge | Self::Unexpected | Self::Decode => {
                StatusCode::BAD_GATEWAY
            }
            Self::Authentication | Self::Partial | Self::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns advice on resolving the error, where the message alone does not give it.
    pub(crate) fn hint(self, operation: Option<&str>, object: Option<&str>) -> String {
        match self {
            Self::Forbidden => {
                let needed = permission_for(operation.unwrap_or_default(), object.unwrap_or_default());
                if object.is_some_and(|object| object.starts_with("/buckets/")) {
                    format!("{needed}; or there is no such bucket, to which the server responds in the same way")
                } else {
                    needed.to_owned()
                }
            }
            Self::Unauthorized => "check user and password, or the token: the server does not accept them".to_owned(),
            Self::Conflict => {
                "it was changed or deleted since it was read, or exists already: read it again".to_owned()
            }
            Self::Unavailable => "try again later".to_owned(),
            _ => String::new(),
        }
    }
}

/// Returns the permission that a refused operation needs.
fn permission_for(operation: &str, object: &str) -> &'static str {
    let of_account = object.starts_with("/accounts");
    match operation {
        _ if of_account => "it requires the credentials of the account itself or of an administrator",
        "create record" => {
            "it requires the permission `record:create` on the collection, or `write` on it or its bucket"
        }
        "create collection" => "it requires the permission `collection:create` on the bucket, or `write`",
        "create group" => "it requires the permission `group:create` on the bucket, or `write`",
        "create bucket" => {
            "it requires the permission `bucket:create`, which the server's settings give; or there is such a bucket, hidden \
             from you"
        }
        "purge" => "it requires the permission `write` on the bucket",
        operation if ["get", "count", "read"].iter().any(|verb| operation.starts_with(verb)) => {
            "it requires the permission `read` on it or its parent; `write` is sufficient too"
        }
        _ => "it requires the permission `write` on it or its parent",
    }
}

/// Twenty methods that differ in one word: a list of names with their documentation.
macro_rules! predicates {
    ($($(#[$doc:meta])* $method:ident = $kind:ident;)+) => {
        impl Error {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(&self) -> bool {
                    self.kind() == ErrorKind::$kind
                }
            )+
        }
    };
}

predicates! {
    /// Returns `true` if the object does not exist.
    ///
    /// For a missing *bucket*, users who may not read every bucket get [`is_forbidden`](Self::is_forbidden)
    /// instead.
    is_not_found = NotFound;
    /// Returns `true` if the object was changed by another client since it was read, exists already, or was
    /// deleted.
    ///
    /// Read it again and decide, or use `update_record`, which does that.
    is_conflict = Conflict;
    /// Returns `true` if the credentials do not permit it, or if there is no such bucket: the server responds to
    /// both in the same way.
    is_forbidden = Forbidden;
    /// Returns `true` if the server does not accept the credentials, or if there were none.
    is_unauthorized = Unauthorized;
    /// Returns `true` if the input is invalid, so that nothing was sent.
    is_invalid = Invalid;
    /// Returns `true` if the server refused the content of the request, such as data that violates the
    /// collection's schema.
    is_refused = Refused;
    /// Returns `true` if the server is temporarily unavailable: overloaded, in maintenance, or unreachable for its
    /// proxy.
    is_unavailable = Unavailable;
    /// Returns `true` if the server failed with an internal error, which a retry will probably not resolve.
    is_server_error = Server;
    /// Returns `true` if the server, or this version of its API, is permanently out of service.
    is_gone = Gone;
    /// Returns `true` if the response did not arrive in time; see
    /// [`may_have_been_applied`](Self::may_have_been_applied).
    is_timeout = Timeout;
    /// Returns `true` if the connection could not be made, or broke; see
    /// [`may_have_been_applied`](Self::may_have_been_applied).
    is_connect = Connect;
    /// Returns `true` if a record does not decode as the type it was read as; see [`record_id`](Self::record_id)
    /// and [`field`](Self::field).
    is_decode = Decode;
    /// Returns `true` if the response was larger than
    /// [`max_response_size`](crate::ClientBuilder::max_response_size), or had more pages than the call allows.
    is_too_large = TooLarge;
    /// Returns `true` if the response is not one of Kinto: check that the URL is that of a Kinto server, and look
    /// for a proxy in between.
    is_unexpected = Unexpected;
    /// Returns `true` if the permissions are not visible to these credentials and can therefore not be edited.
    is_not_visible = NotVisible;
    /// Returns `true` if more than one object matches, but the call reads a single one.
    is_multiple_results = MultipleResults;
    /// Returns `true` if the [`CredentialProvider`](crate::auth::CredentialProvider) failed, so that nothing was sent.
    is_authentication = Authentication;
    /// Returns `true` if some of several operations failed; see [`failures`](Self::failures).
    is_partial = Partial;
    /// Returns `true` if the operation was not sent, because its batch was stopped before.
    is_cancelled = Cancelled;
    /// Returns `true` if the server lacks a plugin that the call needs.
    is_unsupported = Unsupported;
    /// Returns `true` if a file could not be read or written: that of a local store, which is damaged or locked, or that of a
    /// download; or the disk is full. Nothing of the change was stored.
    is_storage = Storage;
}
