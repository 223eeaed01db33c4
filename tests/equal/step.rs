//! The steps of a sequence, as both servers are told them: what each of the two made itself, such as an id or a
//! timestamp, is named by the step that was answered with it.
//!
//! Such a name stands in `⟦…⟧`; within JSON, `"⟦#…⟧"` is a number and not a text:
//!
//! * `id 3.0`: the id in the answer to step 3 (after the dot: the part of a batch);
//! * `etag 3.0-1`: its entity tag, less 1;
//! * `time -3600000`: the beginning of the sequence, less an hour;
//! * `me 1`, `bucket 1`, `auth 1`: the principal, the default bucket and the credentials of a person;
//! * `next 3`, `token 3`: the next page of what step 3 asked for.

use std::fmt::{self, Display, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The people that every server knows, since it takes any name and password.
pub(crate) const PEOPLE: [&str; 3] = ["alexis", "blake", "casey"];
/// The accounts that may be made, and their passwords.
pub(crate) const ACCOUNTS: [(&str, &str); 2] = [("max", "m4x"), ("kim+1@example.org", "k1m")];

/// The sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Person(usize),
    Account(usize),
    /// Somebody with the name of an account and another password.
    Pretender(usize),
    Nobody,
    /// Somebody whose credentials are none.
    Garbled(usize),
}

impl Who {
    /// The `Authorization` header.
    pub(crate) fn authorization(self) -> Option<String> {
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        match self {
            Self::Person(number) => Some(basic(format!("{}:pass", PEOPLE[number]))),
            Self::Account(number) => Some(basic(format!("{}:{}", ACCOUNTS[number].0, ACCOUNTS[number].1))),
            Self::Pretender(number) => Some(basic(format!("{}:wrong", ACCOUNTS[number].0))),
            Self::Nobody => None,
            Self::Garbled(0) => Some("Basic !".to_owned()),
            Self::Garbled(1) => Some(basic("no colon".to_owned())),
            Self::Garbled(2) => Some("Bearer abc".to_owned()),
            Self::Garbled(_) => Some("nonsense".to_owned()),
        }
    }

    /// The sender by this header.
    pub(crate) fn of(authorization: Option<&str>) -> Self {
        let Some(text) = authorization else { return Self::Nobody };
        let people = (0..PEOPLE.len()).map(Self::Person);
        let mut all = people.chain((0..ACCOUNTS.len()).map(Self::Account));
        all.find(|who| who.authorization().as_deref() == Some(text)).unwrap_or(Self::Garbled(9))
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Its number, by which others refer to it; it stays when others are dropped.
    pub(crate) number: usize,
    pub(crate) who: Who,
    pub(crate) method: String,
    /// The path from the root, with the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>3}. {:?}: {} {}", self.number, self.who, self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(f, "\n       {name}: {value}")?;
        }
        if let Some(body) = &self.body {
            write!(f, "\n       {body}")?;
        }
        Ok(())
    }
}

/// Several steps, one below the other.
pub(crate) fn listed(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{step}");
        text
    })
}

/// Replaces what stands in `⟦…⟧`; `None` if one of them cannot be.
pub(crate) fn fill(template: &str, of: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('⟦') {
        let end = start + rest[start..].find('⟧')?;
        let name = &rest[start + '⟦'.len_utf8()..end];
        let after = &rest[end + '⟧'.len_utf8()..];
        if let Some(name) = name.strip_prefix('#') {
            filled.push_str(rest[..start].strip_suffix('"').unwrap_or(&rest[..start]));
            filled.push_str(&of(name)?);
            rest = after.strip_prefix('"').unwrap_or(after);
        } else {
            filled.push_str(&rest[..start]);
            filled.push_str(&of(name)?);
            rest = after;
        }
    }
    filled.push_str(rest);
    Some(filled)
}

/// Encodes a value of a query, except for what stands in `⟦…⟧`.
pub(crate) fn encoded(value: &str) -> String {
    let mut text = String::new();
    let mut is_name = false;
    for c in value.chars() {
        is_name = (is_name || c == '⟦') && c != '⟧';
        if is_name || c == '⟧' || c.is_ascii_alphanumeric() || "-._~*,".contains(c) {
            text.push(c);
        } else {
            for byte in c.to_string().bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// Decodes `%…` and nothing else.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
