//! Authentication: accounts, and users of `basicauth`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::header;
use serde_json::Value;

use super::{
    Bound, Server,
    answer::{Outcome, server_error},
    database::Kind,
    request::Request,
};

/// The sender of a request.
#[derive(Clone, Debug)]
pub(super) struct Who {
    /// The principal of the user, or `None` for an anonymous request.
    pub(super) user: Option<String>,
    pub(super) principals: Vec<String>,
}

impl Server {
    pub(super) fn who(&mut self, request: &Request, bound: &mut Bound) -> Outcome<Who> {
        let Some(user) = self.user(request)? else {
            return Ok(Who { user: None, principals: vec!["system.Everyone".to_owned()] });
        };
        // The groups are asked for once for a whole batch.
        let groups = bound.groups.entry(user.clone()).or_insert_with(|| {
            let of = |user: &str| self.database.memberships.get(user).cloned().unwrap_or_default();
            of(&user).into_iter().chain(of("system.Authenticated")).collect()
        });
        let fixed = [user.as_str(), "system.Everyone", "system.Authenticated"].map(str::to_owned);
        let principals = fixed.into_iter().chain(groups.iter().cloned()).collect();
        Ok(Who { user: Some(user), principals })
    }

    fn user(&mut self, request: &Request) -> Outcome<Option<String>> {
        let Some((name, credentials)) = credentials(request) else { return Ok(None) };
        if self.settings.accounts && self.is_password(&name, &credentials)? {
            return Ok(Some(format!("account:{name}")));
        }
        if !self.settings.basic_auth || name.is_empty() {
            return Ok(None);
        }
        let digest = |credentials: &str| format!("basicauth:{}", hex_digest(credentials));
        Ok(Some(self.users.entry(credentials).or_insert_with_key(|credentials| digest(credentials)).clone()))
    }

    /// Compares a password. The server fails where a JSON patch has stored one as it is.
    ///
    /// The last one of an account that was right is not compared again for a while. It is forgotten after a request that
    /// changes the account, so that it stays right within a batch.
    fn is_password(&mut self, name: &str, credentials: &str) -> Outcome<bool> {
        let until = self.database.now.saturating_add(VERIFIED_MILLIS);
        if let Some((verified, end)) = self.verified.get_mut(name)
            && verified == credentials
            && *end > self.database.now
        {
            *end = until;
            return Ok(true);
        }
        let account = self.database.get(&(name.to_owned(), Kind::Account), name);
        let Some(account) = account else { return Ok(false) };
        let stored = account.data.get("password").and_then(Value::as_str).unwrap_or_default();
        if !stored.starts_with(HASHED) {
            return Err(server_error());
        }
        let is_right = credentials.split_once(':').is_some_and(|(_, password)| stored == hashed(password));
        if is_right {
            self.verified.insert(name.to_owned(), (credentials.to_owned(), until));
        }
        Ok(is_right)
    }
}

/// Returns the name of the user, and it with the password.
fn credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header(header::AUTHORIZATION)?.split_once(' ')?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let name = decoded.split_once(':')?.0.to_owned();
    scheme.eq_ignore_ascii_case("basic").then_some((name, decoded))
}

/// The beginning of a stored password.
const HASHED: &str = "$2b$12$";

/// The time for which a password that was right is not compared again.
const VERIFIED_MILLIS: i64 = 30_000;

/// Returns what is stored of a password.
pub(super) fn hashed(password: &str) -> String {
    format!("{HASHED}{}", hex_digest(password))
}

/// Returns 64 hexadecimal digits that stand for a text. They are those of no cryptographic digest: nothing is secret here.
pub(super) fn hex_digest(text: &str) -> String {
    // FNV-1a, which is the same in all versions of Rust.
    let digits = |part: u8| {
        let bytes = std::iter::once(part).chain(text.bytes());
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        hash ^ (hash >> 29)
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(digits);
    format!("{a:016x}{b:016x}{c:016x}{d:016x}")
}
