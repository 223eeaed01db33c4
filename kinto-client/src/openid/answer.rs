//! The answer that the browser brings back, in the address of a page.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::form_urlencoded;

use super::token::{Token, refused};
use crate::error::{Error, Result};

/// The last parameter of the callback's address, to which Kinto appends the answer as it is.
pub(super) const PARAMETER: &str = "answer";

/// Reads the query of the callback: the provider's answer in Base64, or an error as further parameters.
///
/// Kinto appends `error=…&error_description=…` to the callback when the provider has refused, so that the value of
/// [`PARAMETER`] begins with `error=`, which no Base64 of JSON does.
pub(super) fn read(query: &str, header_type: &str) -> Result<Token> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let answer = parameters.find(|(name, _)| name == PARAMETER).map(|(_, value)| value).unwrap_or_default();
    if let Some(error) = answer.strip_prefix("error=") {
        let description = parameters.find(|(name, _)| name == "error_description").map(|(_, value)| value);
        return Err(refused(error, description.as_deref()));
    }
    match BASE64_STANDARD.decode(answer.as_bytes()) {
        Ok(json) if !json.is_empty() => Token::read(&json, header_type),
        _ => Err(Error::authentication("the server sent the browser back without an answer of the identity provider")),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn answer_is_base64_or_an_error() {
        let encoded = BASE64_STANDARD.encode(r#"{"access_token":"ÿ?>s3cr3t","n":"~~~"}"#);
        assert!(encoded.contains(['+', '/', '=']), "{encoded}");
        let json = BASE64_STANDARD.encode(r#"{"access_token":"t0ken"}"#);
        let quoted: String = form_urlencoded::byte_serialize(json.as_bytes()).collect();
        let token = read(&format!("answer={quoted}"), "Bearer").unwrap();
        assert_eq!(token.header.to_str().unwrap(), "Bearer t0ken");

        let told = |query: &str| read(query, "Bearer").unwrap_err().source().unwrap().to_string();
        let refusal = "the identity provider refused the login: ";
        assert_eq!(told("answer=error=access_denied"), format!("{refusal}access_denied"));
        assert_eq!(
            told("answer=error=access_denied&error_description=The+user+said+no%21"),
            format!("{refusal}access_denied: The user said no!")
        );
        for query in ["", "answer=", "other=ey", "answer=%%%", "answer=e30*"] {
            assert!(told(query).contains("without an answer"), "{query}");
        }
    }
}
