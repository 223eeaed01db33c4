use std::{collections::BTreeSet, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{object::id, timestamp::Timestamp};
use crate::error::{Error, Result};

/// The prefix of the text of a token: its version.
const VERSION: &str = "1";

/// The maximum number of returned changes that a token holds.
const MAX_TOLD: usize = 2_048;

/// The number of changes that are remembered while a collection is followed.
const MAX_REMEMBERED: usize = 16_384;

/// A position in the changes of a collection, from which [`changes_since`](crate::Collection::changes_since)
/// continues.
///
/// It is more than a time. The server stamps a change before it becomes visible, so that a change can become visible
/// after one with a later timestamp. The changes of the last seconds are therefore requested again, and a token
/// records which were returned: a few bytes each, 2,048 at most (16 KB of text). Beyond that some are returned again.
///
/// It can be stored as text ([`Display`](fmt::Display), [`FromStr`], serde), in which the ids of records are hashes,
/// but for the last. A [`Timestamp`] converts to a token that does not record what was returned shortly before it.
///
/// ```
/// use kinto_client::{Timestamp, list::ChangeToken};
///
/// let token = ChangeToken::from(Timestamp::from_millis(1_700_000_000_123));
/// assert_eq!(token.to_string().parse::<ChangeToken>()?, token);
/// # Ok::<(), kinto_client::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeToken {
    /// The version of the list when it was last read.
    seen: Timestamp,
    /// Until when everything was told; not known of a bare time.
    settled: Option<Timestamp>,
    /// The changes returned after that: the timestamp and the hash of the id.
    told: BTreeSet<(Timestamp, u32)>,
    /// The last change that was told.
    last: Option<(Timestamp, String)>,
}

impl ChangeToken {
    /// The token after a whole list of this version, with these objects, was read.
    pub(crate) fn after<'a>(
        seen: Timestamp,
        overlap: u64,
        objects: impl Iterator<Item = (&'a str, Timestamp)>,
    ) -> Self {
        let settled = Timestamp::from_millis(seen.as_millis().saturating_sub(overlap));
        let mut token = Self { seen, settled: Some(settled), told: BTreeSet::new(), last: None };
        for (id, time) in objects {
            token.tell(id, time);
        }
        token
    }

    /// The version of the list when it was last read.
    pub(crate) fn seen(&self) -> Timestamp {
        self.seen
    }

    /// Until when everything was told, where the changes of so many milliseconds before a bare time may not have been.
    pub(crate) fn settled(&self, overlap: u64) -> Timestamp {
        self.settled.unwrap_or_else(|| Timestamp::from_millis(self.seen.as_millis().saturating_sub(overlap)))
    }

    /// Returns `true` if nothing that is of the version that was seen, or earlier, can become visible any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.is_some_and(|settled| settled >= self.seen)
    }

    /// The last change that was told, and when.
    pub(crate) fn last(&self) -> Option<(Timestamp, &str)> {
        self.last.as_ref().map(|(time, id)| (*time, id.as_str()))
    }

    /// Returns the changes that the token has recorded as returned: the timestamp and the hash of the id.
    pub(crate) fn told(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        let last = self.last.iter().map(|(time, id)| (*time, hash(id)));
        self.told.iter().copied().chain(last)
    }

    pub(crate) fn knows(&self, id: &str, time: Timestamp) -> bool {
        self.told.contains(&(time, hash(id)))
    }

    /// Takes note of a change that was told.
    pub(crate) fn tell(&mut self, id: &str, time: Timestamp) {
        if self.settled.is_none_or(|settled| time > settled) {
            self.told.insert((time, hash(id)));
            if self.told.len() > MAX_REMEMBERED {
                self.told.pop_first();
            }
        }
        if self.last.as_ref().is_none_or(|(last, _)| time >= *last) {
            self.last = Some((time, id.to_owned()));
        }
    }

    /// Takes note that everything until then was told.
    pub(crate) fn resolve(&mut self, until: Timestamp) {
        if self.settled.is_none_or(|settled| until > settled) {
            self.settled = Some(until);
            while self.told.first().is_some_and(|(time, _)| *time <= until) {
                self.told.pop_first();
            }
        }
    }

    /// Takes note of the version of the list.
    pub(crate) fn see(&mut self, version: Timestamp) {
        self.seen = version;
    }

    /// The beginning of everything.
    pub(crate) fn start() -> Self {
        let start = Timestamp::from_millis(0);
        Self { seen: start, settled: Some(start), told: BTreeSet::new(), last: None }
    }

    /// The newest of what was told, each as the time since the one before and three bytes of the hash.
    fn encoded(&self) -> Vec<u8> {
        let skipped = self.told.len().saturating_sub(MAX_TOLD);
        let mut encoded = Vec::new();
        let mut before = self.settled.unwrap_or(self.seen).as_millis();
        for (time, hash) in self.told.iter().skip(skipped) {
            let mut delta = time.as_millis().saturating_sub(before);
            before = time.as_millis();
            while delta >= 0x80 {
                encoded.push(delta.to_le_bytes()[0] | 0x80);
                delta >>= 7;
            }
            encoded.push(delta.to_le_bytes()[0]);
            encoded.extend(hash.to_le_bytes().into_iter().take(3));
        }
        encoded
    }

    fn decode(encoded: &[u8], settled: Timestamp) -> Option<BTreeSet<(Timestamp, u32)>> {
        let (mut told, mut before) = (BTreeSet::new(), settled.as_millis());
        let mut bytes = encoded.iter().copied();
        while let Some(mut byte) = bytes.next() {
            let (mut delta, mut shift) = (u64::from(byte & 0x7f), 7);
            while byte & 0x80 != 0 {
                byte = bytes.next().filter(|_| shift < 63)?;
                delta |= u64::from(byte & 0x7f) << shift;
                shift += 7;
            }
            before = before.checked_add(delta)?;
            let hash = u32::from_le_bytes([bytes.next()?, bytes.next()?, bytes.next()?, 0]);
            told.insert((Timestamp::from_millis(before), hash));
        }
        (told.len() <= MAX_TOLD).then_some(told)
    }
}

/// FNV-1a, folded to 24 bits: the same in every process and version.
pub(crate) fn hash(id: &str) -> u32 {
    let full = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (full >> 24) ^ (full & 0x00ff_ffff)
}

impl From<Timestamp> for ChangeToken {
    fn from(last_modified: Timestamp) -> Self {
        Self { seen: last_modified, settled: None, told: BTreeSet::new(), last: None }
    }
}

impl From<&Self> for ChangeToken {
    fn from(token: &Self) -> Self {
        token.clone()
    }
}

impl fmt::Display for ChangeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(settled) = self.settled else { return self.seen.fmt(f) };
        write!(f, "{VERSION}:{}:{settled}:", self.seen)?;
        if let Some((time, id)) = &self.last {
            write!(f, "{time}:{id}")?;
        } else {
            f.write_str(":")?;
        }
        write!(f, ":{}", URL_SAFE_NO_PAD.encode(self.encoded()))
    }
}

impl fmt::Debug for ChangeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeToken({})", self.seen)
    }
}

impl FromStr for ChangeToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let time = |text: &str| text.parse().ok().map(Timestamp::from_millis);
        if let Some(bare) = time(text) {
            return Ok(bare.into());
        }
        let read = || {
            let mut parts = text.split(':');
            if parts.next()? != VERSION {
                return None;
            }
            let (seen, settled) = (time(parts.next()?)?, time(parts.next()?)?);
            let last = match (parts.next()?, parts.next()?) {
                ("", "") => None,
                (last, id) => Some((time(last)?, id::check("record", id).ok().map(|()| id.to_owned())?)),
            };
            let told = Self::decode(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?, settled)?;
            parts.next().is_none().then_some(Self { seen, settled: Some(settled), told, last })
        };
        read().ok_or_else(|| Error::invalid("the text is not a change token: pass it unchanged"))
    }
}

impl Serialize for ChangeToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChangeToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn text_goes_there_and_back_and_stays_small() {
        let mut token = ChangeToken::start();
        assert_eq!(token.to_string(), "1:0:0:::");
        assert_eq!("1:0:0:::".parse::<ChangeToken>().unwrap(), token);
        token.resolve(at(1_000));
        for n in 0..3_000_u64 {
            token.tell(&format!("r{n}"), at(1_001 + n * 10));
        }
        token.see(at(31_001));
        let text = token.to_string();
        assert!(text.len() < 16_384, "{}", text.len());
        let read: ChangeToken = text.parse().unwrap();
        assert_eq!((read.seen(), read.last(), read.told.len()), (at(31_001), Some((at(30_991), "r2999")), MAX_TOLD));
        assert!(read.knows("r2999", at(30_991)) && read.knows("r952", at(10_521)) && !read.knows("r951", at(10_511)));
        assert_eq!(read.to_string(), text);
        assert_eq!(serde_json::from_str::<ChangeToken>(&serde_json::to_string(&read).unwrap()).unwrap(), read);

        token.resolve(at(31_001));
        assert!(token.is_settled());
        assert_eq!(token.to_string(), "1:31001:31001:30991:r2999:");
        assert_eq!(token.told().collect::<Vec<_>>(), [(at(30_991), hash("r2999"))]);
    }

    #[test]
    fn resume_rejects_invalid_token() {
        for text in
            ["", "x", "-1", "2:0:0:::", "1:0:0::", "1:0:0::::", "1:0:0:5::", "1:0:0:5:a/b:", "1:0:0:::gA", "1:a:0:::"]
        {
            assert!(text.parse::<ChangeToken>().is_err_and(|error| error.is_invalid()), "{text}");
        }
        assert_eq!("7".parse::<ChangeToken>().unwrap(), at(7).into());
        assert_eq!(ChangeToken::from(at(50_000)).settled(30_000), at(20_000));
    }
}
