use http::StatusCode;

use super::Error;
use crate::wire::refusal::Refusal;

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What the caller gave cannot be sent: a wrong id, data that is no JSON object. Nothing was sent.
    Invalid,
    /// There is no such object.
    NotFound,
    /// The credentials do not allow it. For a bucket, or anything in one, it can also mean that there is none.
    Forbidden,
    /// The server does not know the credentials, or there were none.
    Unauthorized,
    /// The object is not what the request took it for: it was changed, or it exists already, or no longer.
    Conflict,
    /// The server refused the request for what it says: data against the schema, an unknown permission, …
    Refused,
    /// The permissions are not visible, and so cannot be edited.
    NotVisible,
    /// The server does not offer a plugin that the call needs.
    Unsupported,
    /// The server cannot answer for now; trying again later can help.
    Unavailable,
    /// The server failed.
    Server,
    /// The server, or this version of its API, is out of service for good.
    Gone,
    /// There was no answer in time.
    TimedOut,
    /// There was no connection, or it broke.
    Connection,
    /// The answer was larger than the client accepts.
    TooLarge,
    /// The answer is none that Kinto gives: a proxy's page, a redirect elsewhere, a body cut short.
    Unexpected,
    /// A record does not fit the type it is read as.
    Decode,
    /// The [`CredentialProvider`](crate::CredentialProvider) implementation could not give credentials.
    Authentication,
    /// More than one object matches, where one was asked for.
    Several,
    /// Of several operations some failed: see [`Error::failures`].
    Partial,
    /// It was not sent, because the batch it was in was stopped before its turn.
    Cancelled,
}

impl ErrorKind {
    pub(super) fn of(refusal: &Refusal) -> Self {
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

    /// The status with which a web service can pass the failure on to its own caller: 400 for what the caller gave and what
    /// Kinto refused, 404 for a missing object, 502 where Kinto failed, …
    ///
    /// ```
    /// use kinto_client::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::Invalid.http_status(), 400);
    /// assert_eq!(ErrorKind::TimedOut.http_status(), 504);
    /// ```
    #[must_use]
    pub fn http_status(self) -> StatusCode {
        match self {
            Self::Invalid | Self::Refused => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::NotVisible => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Conflict => StatusCode::PRECONDITION_FAILED,
            Self::Several => StatusCode::CONFLICT,
            Self::Unsupported => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable | Self::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Server | Self::Gone | Self::Connection | Self::TooLarge | Self::Unexpected | Self::Decode => {
                StatusCode::BAD_GATEWAY
            }
            Self::Authentication | Self::Partial => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What can be done about it, where the message alone does not say.
    pub(super) fn hint(self, operation: Option<&str>, object: Option<&str>) -> String {
        match self {
            Self::Forbidden => {
                let needed = permission_for(operation.unwrap_or_default(), object.unwrap_or_default());
                if object.is_some_and(|object| object.starts_with("/buckets/")) {
                    format!("{needed}; or there is no such bucket, to which the server answers alike")
                } else {
                    needed.to_owned()
                }
            }
            Self::Unauthorized => "check user and password, or the token: the server does not know them".to_owned(),
            Self::Conflict => {
                "it was changed since it was read, or exists already, or no longer: read it again".to_owned()
            }
            Self::Unavailable => "try again later".to_owned(),
            _ => String::new(),
        }
    }
}

/// The permission that a refused operation needs.
fn permission_for(operation: &str, object: &str) -> &'static str {
    let of_account = object.starts_with("/accounts");
    match operation {
        _ if of_account => "that takes the account's own credentials, or an administrator's",
        "create record" => "it takes the permission `record:create` on the collection, or `write` on it or its bucket",
        "create collection" => "it takes the permission `collection:create` on the bucket, or `write`",
        "create group" => "it takes the permission `group:create` on the bucket, or `write`",
        "create bucket" => {
            "it takes the permission `bucket:create`, which the server's settings give; or there is such a bucket, hidden \
             from you"
        }
        operation if operation.starts_with("get") => {
            "it takes the permission `read` on it, or on what it is in; `write` is enough too"
        }
        _ => "it takes the permission `write` on it, or on what it is in",
    }
}

macro_rules! predicates {
    ($($(#[$doc:meta])* $method:ident = $($kind:ident)|+;)+) => {
        impl Error {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(&self) -> bool {
                    matches!(self.kind(), $(ErrorKind::$kind)|+)
                }
            )+
        }
    };
}

predicates! {
    /// There is no such object.
    ///
    /// A missing *bucket* is [`is_forbidden`](Self::is_forbidden) to everybody who may not read every bucket.
    is_not_found = NotFound;
    /// Somebody else changed the object since it was read, or it exists already, or no longer.
    ///
    /// Read it again and decide, or let `update_record` do that.
    is_conflict = Conflict;
    /// The credentials do not allow it; or there is no such bucket, which the server does not tell apart.
    is_forbidden = Forbidden;
    /// The server does not know the credentials, or there were none.
    is_unauthorized = Unauthorized;
    /// What was given cannot be sent, and nothing was.
    is_invalid = Invalid;
    /// The server refused what the request says, such as data against the collection's schema.
    is_refused = Refused;
    /// The server cannot answer for now: overloaded, in maintenance, or its proxy does not reach it.
    is_unavailable = Unavailable;
    /// The server failed at it, and will probably fail again.
    is_server = Server;
    /// The server, or this version of its API, is out of service for good.
    is_gone = Gone;
    /// There was no answer in time; see [`may_have_been_applied`](Self::may_have_been_applied).
    is_timed_out = TimedOut;
    /// There was no connection, or it broke; see [`may_have_been_applied`](Self::may_have_been_applied).
    is_connection = Connection;
    /// A record does not fit the type it is read as; see [`record_id`](Self::record_id) and [`field`](Self::field).
    is_decode = Decode;
    /// The answer was larger than [`max_response_size`](crate::ClientBuilder::max_response_size) allows, or had more pages
    /// than the call does.
    is_too_large = TooLarge;
    /// The answer is none that Kinto gives: is the URL a Kinto server's, and is there a proxy in between?
    is_unexpected = Unexpected;
    /// The permissions are not visible to these credentials, and so cannot be edited.
    is_not_visible = NotVisible;
    /// More than one object matches, where one was asked for.
    is_several = Several;
    /// The [`CredentialProvider`](crate::CredentialProvider) implementation could not give credentials; nothing was sent.
    is_authentication = Authentication;
    /// Of several operations some failed; see [`failures`](Self::failures).
    is_partial = Partial;
    /// It was not sent, because the batch it was in was stopped before its turn.
    is_cancelled = Cancelled;
    /// The server does not offer the plugin that the call needs.
    is_unsupported = Unsupported;
}
