//! Names for what a server makes up itself, so that two servers can be compared: ids, timestamps, principals.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::times::Time;
use crate::concrete::Person;
use crate::step::{PEOPLE, Who};

/// So far from the beginning of a sequence are the timestamps that its steps ask for, and none that a server makes.
const HOUR: i64 = 3_600_000;

/// The names that one server's ids and timestamps have got, in the order in which they were first seen.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    start: i64,
    origin: String,
    ids: HashMap<String, String>,
    /// The paths of what was deleted, with all that was below: the lists there begin anew.
    gone: Vec<String>,
    /// Of each list, those that were given to several objects at once in an order that the server does not promise:
    /// all of one deletion have one name.
    loose: BTreeMap<String, BTreeMap<i64, String>>,
    count: usize,
    /// There are ids that a server has made, so that what is in the order of ids is so by chance.
    is_random: bool,
}

impl Names {
    pub(crate) fn new(start: i64, origin: &str, people: &[Person]) -> Self {
        let mut ids = HashMap::new();
        for (person, name) in people.iter().zip(PEOPLE) {
            ids.insert(person.bucket.clone(), format!("<default-of-{name}>"));
            ids.insert(person.principal.replace("basicauth:", ""), format!("<{name}>"));
        }
        let (gone, loose) = (Vec::new(), BTreeMap::new());
        Self { start, origin: origin.to_owned(), ids, gone, loose, count: 0, is_random: false }
    }

    pub(crate) fn is_random(&self) -> bool {
        self.is_random
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        self.count
    }

    /// The list that a path is of, or is: what is in it has timestamps of its own.
    pub(crate) fn list(&mut self, path: &str, who: Who) -> String {
        let path = match path.strip_prefix("/buckets/default") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                self.is_random = true;
                let name = if let Who::Person(number) = who { PEOPLE[number] } else { "somebody" };
                format!("/buckets/<default-of-{name}>{}", self.text(rest))
            }
            _ => self.text(path),
        };
        let mut parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        if let ["buckets", bucket, "snapshot", "collections", what] = parts[..] {
            let collection = what.split('@').next().unwrap_or_default();
            return format!("/buckets/{bucket}/collections/{collection}/records");
        }
        if parts.len().is_multiple_of(2) && parts.first() != Some(&"accounts") {
            parts.pop();
        }
        format!("/{}", parts.join("/"))
    }

    /// Gives an id that a server has made a name: that of the answer in which it is first.
    pub(crate) fn meet(&mut self, id: &str, answer: &str) {
        self.is_random = true;
        self.ids.entry(id.to_owned()).or_insert_with(|| format!("<id {answer}>"));
    }

    /// Gives those that have no name yet one name, since nothing is known of their order.
    pub(crate) fn meet_all<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        let new: Vec<&str> = ids.filter(|id| is_made(id) && !self.ids.contains_key(*id)).collect();
        if !new.is_empty() {
            let name = format!("<one of {}>", self.next());
            self.ids.extend(new.into_iter().map(|id| (id.to_owned(), name.clone())));
        }
    }

    /// A text with names for what the server has made.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let text = text.replace(&self.origin, "");
        if text.starts_with("$2b$") {
            return "<digest>".to_owned();
        }
        let mut named = String::with_capacity(text.len());
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let mut rest = text.as_str();
        while let Some(start) = rest.find(is_part) {
            // In a JSON Pointer, `~0` and `~1` stand for characters.
            let is_escape = start > 0 && rest.as_bytes()[start - 1] == b'~' && rest[start..].starts_with(['0', '1']);
            let start = start + usize::from(is_escape);
            let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |length| start + length);
            named.push_str(&rest[..start]);
            if start < end {
                named.push_str(&self.word(&rest[start..end]));
            }
            rest = &rest[end..];
        }
        named + rest
    }

    fn word(&mut self, word: &str) -> String {
        if let Some(name) = self.ids.get(word) {
            return name.clone();
        }
        if is_made(word) {
            let name = self.next().to_string();
            self.meet(word, &name);
            return self.ids[word].clone();
        }
        match word.parse::<i64>() {
            Ok(time) if self.is_natural(time) => "<time>".to_owned(),
            Ok(time) if self.is_deliberate(time) => format!("<start{:+}>", time - self.start),
            _ => word.to_owned(),
        }
    }

    /// Tells whether a server gave this timestamp by its clock.
    fn is_natural(&self, time: i64) -> bool {
        (time - self.start).abs() < HOUR / 2
    }

    fn is_deliberate(&self, time: i64) -> bool {
        time.checked_sub(self.start).is_some_and(|delta| delta.abs() < 200 * HOUR)
    }

    /// A timestamp of a list, to be held against that of the other server.
    pub(crate) fn time(&mut self, list: &str, time: i64) -> Value {
        if let Some(name) = self.loose_time(list, time) {
            return name.into();
        }
        if self.is_natural(time) {
            let generation = self.gone.iter().filter(|path| list.starts_with(path.as_str())).count();
            return Time { list, generation: Some(generation), time }.marked();
        }
        if self.is_deliberate(time) { format!("start{:+}", time - self.start).into() } else { time.into() }
    }

    /// A timestamp that was once one of a list, which may have begun anew since.
    pub(crate) fn past_time(&mut self, list: &str, time: i64) -> Value {
        if !self.is_natural(time) || self.loose_time(list, time).is_some() {
            return self.time(list, time);
        }
        Time { list, generation: None, time }.marked()
    }

    pub(crate) fn loose_time(&self, list: &str, time: i64) -> Option<&str> {
        self.loose.get(list)?.get(&time).map(String::as_str)
    }

    /// Gives several timestamps of a list one name.
    pub(crate) fn loosen(&mut self, list: &str, times: &[i64]) {
        let count: usize = self.loose.get(list).map_or(0, BTreeMap::len);
        let name = format!("one of those after {count}");
        self.loosen_as(list, times, &name);
    }

    pub(crate) fn loosen_as(&mut self, list: &str, times: &[i64], name: &str) {
        let times = times.iter().map(|time| (*time, name.to_owned()));
        self.loose.entry(list.to_owned()).or_default().extend(times);
    }

    /// Removes what is below a path.
    pub(crate) fn forget(&mut self, path: &str) {
        self.gone.push(path.to_owned());
    }
}

/// Tells whether a word is a UUID or a digest that a server has made.
fn is_made(word: &str) -> bool {
    let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let is_uuid = || {
        let lengths = word.split('-').map(str::len);
        word.len() == 36 && lengths.eq([8, 4, 4, 4, 12]) && word.split('-').all(is_hex)
    };
    (word.len() == 64 && is_hex(word)) || is_uuid()
}
