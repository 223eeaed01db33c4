use std::{fmt, time::Duration};

use http::HeaderValue;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// A token of an identity provider, as the header that it is sent in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) expires_in: Option<Duration>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The answer of a provider's token endpoint, which Kinto hands on as it came.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<String>,
    /// A number, or a number as text with some providers.
    expires_in: Option<Value>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Token {
    /// Reads the answer of the provider. No error quotes it.
    pub(super) fn read(json: &[u8], header_type: &str) -> Result<Self> {
        let Ok(response) = serde_json::from_slice::<TokenResponse>(json) else {
            return Err(Error::authentication("the identity provider's answer is no token"));
        };
        if let Some(error) = &response.error {
            return Err(refused(error, response.error_description.as_deref()));
        }
        let Some(token) = response.access_token.filter(|token| !token.is_empty()) else {
            return Err(Error::authentication("the identity provider's answer has no `access_token`"));
        };
        let mut header = HeaderValue::from_str(&format!("{header_type} {token}"))
            .map_err(|_| Error::authentication("the token has a character that a header cannot have"))?;
        header.set_sensitive(true);
        let seconds = response.expires_in.and_then(|seconds| match seconds {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        });
        Ok(Self { header, expires_in: seconds.map(Duration::from_secs) })
    }
}

/// Returns the error for a provider that refuses the login, in its own words as far as they are short.
pub(super) fn refused(error: &str, description: Option<&str>) -> Error {
    const SHOWN: usize = 200;
    let short = |text: &str| text.chars().take(SHOWN).collect::<String>();
    let description = description.map(|text| format!(": {}", short(text))).unwrap_or_default();
    Error::authentication(format!("the identity provider refused the login: {}{description}", short(error)))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn read(json: &str) -> Result<Token> {
        Token::read(json.as_bytes(), "Bearer")
    }

    #[test]
    fn token_is_read_without_showing_it() {
        let token = read(r#"{"access_token":"s3cr3t","expires_in":3600,"id_token":"ey"}"#).unwrap();
        assert_eq!(
            (token.header.to_str().unwrap(), token.expires_in),
            ("Bearer s3cr3t", Some(Duration::from_secs(3600)))
        );
        assert!(token.header.is_sensitive());
        assert!(!format!("{token:?} {:?}", token.header).contains("s3cr3t"));
        assert_eq!(
            read(r#"{"access_token":"a","expires_in":"60"}"#).unwrap().expires_in,
            Some(Duration::from_secs(60))
        );
        assert_eq!(read(r#"{"access_token":"a","expires_in":-1}"#).unwrap().expires_in, None);
    }

    #[test]
    fn token_error_never_quotes_the_answer() {
        for json in [
            "",
            "s3cr3t",
            r#"{"access_token":["s3cr3t"]}"#,
            r#"{"id_token":"s3cr3t"}"#,
            r#"{"access_token":"s3cr3t\n"}"#,
            "[]",
        ] {
            let error = read(json).unwrap_err();
            assert!(error.is_authentication(), "{json}");
            assert!(!format!("{error} {error:?} {:?}", error.source()).contains("s3cr3t"), "{error:?}");
        }
        let error = read(r#"{"error":"invalid_grant","error_description":"too late"}"#).unwrap_err();
        assert_eq!(
            error.source().unwrap().to_string(),
            "the identity provider refused the login: invalid_grant: too late"
        );
    }
}
