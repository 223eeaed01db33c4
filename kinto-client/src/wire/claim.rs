//! The objects that a request writes to, so that two writes that would undo each other go one after the other.

use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

use http::Method;

use super::{request::Request, request_path::names};

/// One thing that a write needs: for itself, or together with other writes that do not concern it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// A hash of what it is. Where two things have the same, one waits for the other for nothing.
    pub(crate) key: u64,
    pub(crate) exclusive: bool,
    /// A hash of the bucket's real name, where two names can be of one bucket.
    pub(crate) bucket: Option<u64>,
}

/// The part of the tree of objects that a claim is of.
#[derive(Clone, Copy)]
enum Part {
    /// The object at a path, without what is in it.
    Object,
    /// The objects of the list at a path, without what is in them.
    Members,
    /// Everything below a path.
    Below,
}

impl Claim {
    /// Returns true if two requests with these must not be under way at the same time. Both have the same key.
    pub(crate) fn conflicts_with(self, other: Self) -> bool {
        let differ = self.bucket.is_some() && other.bucket.is_some() && self.bucket != other.bucket;
        (self.exclusive || other.exclusive) && !differ
    }
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
pub(crate) struct HashedKey(u64);

impl Hasher for HashedKey {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = self.0.rotate_left(1) ^ number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hashers of maps whose keys are hashes already.
pub(crate) type KeyHasher = BuildHasherDefault<HashedKey>;

/// One object of a server, by hashes of its path and of the real name of its bucket.
pub(crate) type ObjectKey = (u64, Option<u64>);

impl Request {
    /// Returns the key of the one object that the request writes; `None` if it is not one.
    pub(crate) fn object_key(&self) -> Option<ObjectKey> {
        if self.method.is_safe() || self.batched.is_some() {
            return None;
        }
        Some(Path::of(self.subject.object()?).object_key())
    }

    /// Returns true if it deletes the objects that it is about, and not only a part of one, such as an attachment.
    pub(crate) fn deletes(&self) -> bool {
        self.method == Method::DELETE && !self.subject.is_part_of_object()
    }

    /// Returns what the request writes to; nothing for one that only reads.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        match &self.batched {
            Some(batched) => batched.claims.clone(),
            None => claims_of_one(self),
        }
    }
}

/// The objects that the requests in a batch write to.
#[derive(Clone)]
pub(crate) struct Batched {
    claims: Vec<Claim>,
    /// The one object that each of them writes and whether it deletes it, in their order, the locks among them. `None` for
    /// those that write no one object, or an object that nobody asks for.
    pub(crate) objects: Vec<Option<(ObjectKey, bool)>>,
}

impl Batched {
    pub(crate) fn of<'a>(parts: impl Iterator<Item = &'a Request> + Clone) -> Self {
        let mut lists = Lists::default();
        let objects = parts.clone().flat_map(|part| {
            let lock = part.lock.as_ref().map(|_| None);
            let key = if part.method.is_safe() { None } else { lists.object_key(part) };
            lock.into_iter().chain([key.map(|key| (key, part.deletes()))])
        });
        Self { objects: objects.collect(), claims: claims_of_batch(parts) }
    }

    /// Returns true if no part writes anything.
    pub(crate) fn only_reads(&self) -> bool {
        self.claims.is_empty()
    }
}

/// Returns what the parts of a batch write to.
///
/// A batch has the lists that it writes to for itself: two batches in one collection would collide all the time, and
/// the server undoes the one that comes second.
fn claims_of_batch<'a>(parts: impl Iterator<Item = &'a Request>) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut previous: Option<&str> = None;
    for part in parts.filter(|part| !part.method.is_safe()) {
        let list = part.subject.list();
        let deletes = part.deletes();
        // Most paths are in the same list as the one before.
        if !deletes && previous == Some(list) {
            continue;
        }
        previous = Some(list);
        let path = Path::of(list);
        path.claim_ancestors(&mut claims);
        claims.push(path.claim(Part::Members, true));
        if deletes {
            claims.push(Path::of(part.subject.object().unwrap_or(list)).claim(Part::Below, true));
        }
    }
    merged(claims)
}

fn claims_of_one(request: &Request) -> Vec<Claim> {
    if request.method.is_safe() {
        return Vec::new();
    }
    let object = request.subject.object();
    let (list, deletes) = (Path::of(request.subject.list()), request.deletes());
    let mut claims = Vec::with_capacity(8);
    list.claim_ancestors(&mut claims);
    claims.push(list.claim(Part::Members, object.is_none() && request.method != Method::POST));
    match object.map(Path::of) {
        Some(object) => {
            claims.push(object.claim(Part::Object, true));
            if deletes {
                claims.push(object.claim(Part::Below, true));
            }
        }
        None if deletes => claims.push(list.claim(Part::Below, true)),
        None => {}
    }
    merged(claims)
}

/// Each thing once, in an order.
fn merged(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort_unstable_by_key(|claim| claim.key);
    claims.dedup_by(|next, kept| {
        let same = next.key == kept.key;
        if same {
            kept.exclusive |= next.exclusive;
            kept.bucket = kept.bucket.filter(|bucket| next.bucket == Some(*bucket));
        }
        same
    });
    claims
}

/// The list of the last object, which most objects of a batch share: its path is hashed once.
#[derive(Default)]
struct Lists<'a> {
    last: Option<(&'a str, Path)>,
}

impl<'a> Lists<'a> {
    fn object_key(&mut self, part: &'a Request) -> Option<ObjectKey> {
        let (object, list) = (part.subject.object()?, part.subject.list());
        let id = object.strip_prefix(list).and_then(|rest| rest.strip_prefix('/'));
        let Some(id) = id else { return Some(Path::of(object).object_key()) };
        if self.last.as_ref().is_none_or(|(last, _)| *last != list) {
            self.last = Some((list, Path::of(list)));
        }
        let (_, list) = self.last.as_ref()?;
        // The name of a bucket has a meaning of its own.
        Some(if list.beginnings.len() < 2 { Path::of(object).object_key() } else { list.key_of(id) })
    }
}

/// A path, as the hashes of its beginnings.
struct Path {
    beginnings: Vec<DefaultHasher>,
    bucket: Option<u64>,
}

impl Path {
    fn of(path: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        let mut beginnings = Vec::with_capacity(8);
        let (mut bucket, mut in_buckets) = (None, false);
        for (place, name) in names(path).enumerate() {
            let mut known_as = name;
            if place == 0 {
                in_buckets = name == "buckets";
            } else if place == 1 && in_buckets && (name == DEFAULT || is_uuid(name)) {
                // The server names a user's default bucket by a UUID. Whose it is, is not known here.
                known_as = DEFAULT;
                bucket = (name != DEFAULT).then(|| hash(name));
                in_buckets = false;
            }
            hasher.write(known_as.as_bytes());
            hasher.write_u8(b'/');
            beginnings.push(hasher.clone());
        }
        Self { beginnings, bucket }
    }

    fn object_key(&self) -> ObjectKey {
        let claim = self.claim(Part::Object, true);
        (claim.key, claim.bucket)
    }

    /// Returns the key of the object of this list that has this id.
    fn key_of(&self, id: &str) -> ObjectKey {
        let mut hasher = self.beginnings.last().cloned().unwrap_or_default();
        hasher.write(id.as_bytes());
        hasher.write_u8(b'/');
        (key(hasher, Part::Object), self.bucket)
    }

    fn claim(&self, part: Part, exclusive: bool) -> Claim {
        let hasher = self.beginnings.last().cloned().unwrap_or_default();
        Claim { key: key(hasher, part), exclusive, bucket: self.bucket }
    }

    /// Claims the ancestors, which must not be deleted meanwhile.
    fn claim_ancestors(&self, claims: &mut Vec<Claim>) {
        let shared = |hasher: &DefaultHasher| Claim {
            key: key(hasher.clone(), Part::Below),
            exclusive: false,
            bucket: self.bucket,
        };
        claims.extend(self.beginnings.iter().map(shared));
    }
}

const DEFAULT: &str = "default";

fn key(mut hasher: DefaultHasher, part: Part) -> u64 {
    hasher.write_u8(part as u8);
    hasher.finish()
}

/// Returns the hash by which a server, or a bucket, is known in this program.
pub(crate) fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name.as_bytes());
    hasher.finish()
}

fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
