//! The path of a request, and the list or object that it names.

use super::object::kind::{self, Kind as _};

/// The path of a request below the version prefix, such as `/buckets/blog/collections/posts`, and where its parts end.
///
/// The typed places know their parts; a path that comes as text is taken apart here and nowhere else. Empty names count for
/// nothing, so that `/buckets/blog/` is the bucket, too. The text is sent as it is.
#[derive(Clone, Debug)]
pub(crate) struct RequestPath {
    text: String,
    named: Named,
}

/// The thing that a path names, by the lengths of the paths to it.
#[derive(Clone, Copy, Debug)]
enum Named {
    /// A list, or an endpoint that is none of an object's, such as `/batch`.
    List { end: usize },
    /// An object in a list.
    Object { list: usize, end: usize },
    /// Something that belongs to an object, such as its history.
    PartOfObject { list: usize, object: usize, end: usize },
}

/// The names of the lists, and of the kinds of object in them.
const KINDS: [(&str, &str); 5] = [
    ("accounts", "account"),
    (kind::Bucket::PLURAL, kind::Bucket::NAME),
    (kind::Collection::PLURAL, kind::Collection::NAME),
    (kind::Group::PLURAL, kind::Group::NAME),
    (kind::Record::PLURAL, kind::Record::NAME),
];

fn is_name_of_list(name: &str) -> bool {
    KINDS.iter().any(|(plural, _)| *plural == name)
}

impl RequestPath {
    /// Returns the path of a list, whose last name this is.
    pub(crate) fn of_list(text: &str) -> Self {
        Self { text: text.to_owned(), named: Named::List { end: text.len() } }
    }

    /// Returns the path of an object in a list, by its id.
    pub(crate) fn of_object(list: &str, id: &str) -> Self {
        let text = [list, "/", id].concat();
        let named = Named::Object { list: list.len(), end: text.len() };
        Self { text, named }
    }

    /// Returns the path as it is sent.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true for the path of a list: `/buckets`, but not `/buckets/blog`.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.named, Named::List { .. })
    }

    /// Returns the list that the path names, or in which the object is that it names.
    pub(crate) fn list(&self) -> &str {
        let (Named::List { end: list } | Named::Object { list, .. } | Named::PartOfObject { list, .. }) = self.named;
        self.up_to(list)
    }

    /// Returns the object that a write to the path changes; `None` for a list.
    ///
    /// `/accounts/alexis/reset-password` changes the account.
    pub(crate) fn object(&self) -> Option<&str> {
        match self.named {
            Named::List { .. } => None,
            Named::Object { end: object, .. } | Named::PartOfObject { object, .. } => Some(self.up_to(object)),
        }
    }

    /// Returns the id of the object that the path names, and nothing for what belongs to an object.
    pub(crate) fn id(&self) -> Option<&str> {
        match self.named {
            Named::Object { .. } => names(self.place()).last(),
            Named::List { .. } | Named::PartOfObject { .. } => None,
        }
    }

    /// Returns true for an object that can be read, too: not for `/__user_data__/account:alexis`.
    pub(crate) fn is_readable_object(&self) -> bool {
        matches!(self.named, Named::Object { .. }) && names(self.list()).last().is_some_and(is_name_of_list)
    }

    /// Returns true for something that belongs to an object, such as its attachment.
    pub(crate) fn is_part_of_object(&self) -> bool {
        matches!(self.named, Named::PartOfObject { .. })
    }

    /// Returns the id of the bucket that the path names or is in.
    pub(crate) fn bucket(&self) -> Option<&str> {
        self.bucket_and_end().map(|(bucket, _)| bucket)
    }

    /// Returns the id of the collection that the path names or is in.
    pub(crate) fn collection(&self) -> Option<&str> {
        match first(names(self.place())) {
            [Some("buckets"), Some(_), Some("collections"), collection] => collection,
            _ => None,
        }
    }

    /// Returns the path of the list of records that the path names or is in.
    pub(crate) fn records(&self) -> Option<&str> {
        match first(names_with_ends(self.place())) {
            [Some(("buckets", _)), Some(_), Some(("collections", _)), Some(_), Some(("records", end))] => {
                Some(self.up_to(end))
            }
            _ => None,
        }
    }

    /// Returns true if the first name in the path is this one.
    pub(crate) fn begins_with(&self, name: &str) -> bool {
        names(&self.text).next() == Some(name)
    }

    /// Returns true if the path is below the other.
    pub(crate) fn is_below(&self, other: &Self) -> bool {
        let (place, other) = (self.place(), other.place());
        !other.is_empty() && rest_below(place, other).is_some_and(|rest| !rest.is_empty())
    }

    /// Returns true if the path is that one, without slashes at its end, or below it.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        rest_below(self.place(), path).is_some()
    }

    /// Returns the same path in another bucket.
    pub(crate) fn in_bucket(&self, id: &str) -> Self {
        let Some((bucket, end)) = self.bucket_and_end() else { return self.clone() };
        [self.up_to(end - bucket.len()), id, self.text.get(end..).unwrap_or_default()].concat().into()
    }

    fn bucket_and_end(&self) -> Option<(&str, usize)> {
        match first(names_with_ends(self.place())) {
            [Some(("buckets", _)), bucket] => bucket,
            _ => None,
        }
    }

    /// The path without slashes at its end.
    fn place(&self) -> &str {
        let (Named::List { end } | Named::Object { end, .. } | Named::PartOfObject { end, .. }) = self.named;
        self.up_to(end)
    }

    fn up_to(&self, end: usize) -> &str {
        self.text.get(..end).unwrap_or_default()
    }
}

impl From<String> for RequestPath {
    fn from(text: String) -> Self {
        let (mut grandparent, mut parent, mut end, mut name, mut is_even) = (0, 0, 0, "", true);
        for (next, end_of_next) in names_with_ends(&text) {
            (grandparent, parent, end, name, is_even) = (parent, end, end_of_next, next, !is_even);
        }
        let named = match (parent, is_even) {
            // `/` and `/batch`.
            (0, _) => Named::List { end },
            (list, true) => Named::Object { list, end },
            (_, false) if is_name_of_list(name) => Named::List { end },
            (object, false) => Named::PartOfObject { list: grandparent, object, end },
        };
        Self { text, named }
    }
}

impl From<&str> for RequestPath {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Two paths are equal if they name the same, whatever slashes are at their ends.
impl PartialEq for RequestPath {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for RequestPath {}

/// Returns the rest of a path that is the other or below it.
fn rest_below<'a>(path: &'a str, other: &str) -> Option<&'a str> {
    path.strip_prefix(other).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the names in a path: `buckets` and `blog` of `/buckets/blog`.
pub(crate) fn names(path: &str) -> impl Iterator<Item = &str> {
    names_with_ends(path).map(|(name, _)| name)
}

/// Returns the names in a path, each with the length of the path up to its end.
fn names_with_ends(path: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut next = 0;
    let ends = path.split('/').map(move |name| {
        let end = next + name.len();
        next = end + 1;
        (name, end)
    });
    ends.filter(|(name, _)| !name.is_empty())
}

fn first<T, const N: usize>(mut items: impl Iterator<Item = T>) -> [Option<T>; N] {
    [(); N].map(|()| items.next())
}

/// Returns a path with its ids replaced by the names of the kinds, for logs:
/// `/buckets/{bucket}/collections/{collection}`.
pub(crate) fn template_of(path: &str) -> String {
    // The server's other endpoints; anything else may be an id.
    const KNOWN: [&str; 7] = ["", "batch", "permissions", "history", "attachment", "__heartbeat__", "__lbheartbeat__"];
    let mut template = String::new();
    let mut kind = None;
    for segment in path.split('/').skip(1) {
        if let Some(name) = kind.take() {
            template.extend(["/{", name, "}"]);
        } else {
            let known = KNOWN.contains(&segment) || is_name_of_list(segment);
            template.extend(["/", if known { segment } else { "{other}" }]);
            kind = KINDS.iter().find(|(plural, _)| *plural == segment).map(|(_, name)| *name);
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_tells_lists_from_objects_and_their_parts() {
        let (record, records) = ("/buckets/b/collections/c/records/r", "/buckets/b/collections/c/records");
        let attachment = format!("{record}/attachment");
        for (text, list, object, id) in [
            ("/", "", None, None),
            ("/batch", "/batch", None, None),
            ("/buckets", "/buckets", None, None),
            ("/buckets/", "/buckets", None, None),
            ("/buckets/b", "/buckets", Some("/buckets/b"), Some("b")),
            ("/buckets/b/", "/buckets", Some("/buckets/b"), Some("b")),
            ("/buckets/b/groups", "/buckets/b/groups", None, None),
            ("/buckets/b/history", "/buckets", Some("/buckets/b"), None),
            ("/accounts/alexis", "/accounts", Some("/accounts/alexis"), Some("alexis")),
            ("/accounts/alexis/reset-password", "/accounts", Some("/accounts/alexis"), None),
            (records, records, None, None),
            (record, records, Some(record), Some("r")),
            (&attachment, records, Some(record), None),
        ] {
            let path = RequestPath::from(text);
            assert_eq!((path.list(), path.object(), path.id()), (list, object, id), "{text}");
            assert_eq!(path.as_str(), text);
        }
    }

    #[test]
    fn typed_path_is_parsed_path() {
        let list = RequestPath::of_list("/buckets/b/groups");
        assert_eq!((list.is_list(), list.list()), (true, "/buckets/b/groups"));
        let object = RequestPath::of_object("/buckets/b/groups", "g");
        assert_eq!(object, RequestPath::from("/buckets/b/groups/g"));
        assert_eq!((object.list(), object.id()), ("/buckets/b/groups", Some("g")));
        assert!(object.is_below(&list) && object.is_below(&"/buckets/b/".into()));
        assert!(
            !object.is_below(&object) && !object.is_below(&"/buckets/b/group".into()) && !object.is_below(&"/".into())
        );
    }

    #[test]
    fn parts_of_the_path_are_found() {
        for (text, bucket, collection, records) in [
            ("/buckets", None, None, None),
            ("/accounts/b/collections/c/records", None, None, None),
            ("/buckets/b", Some("b"), None, None),
            ("/buckets/b/groups/records", Some("b"), None, None),
            ("/buckets/b/collections", Some("b"), None, None),
            ("/buckets/b/collections/c", Some("b"), Some("c"), None),
            ("/buckets/b/collections/c/records", Some("b"), Some("c"), Some("/buckets/b/collections/c/records")),
            ("/buckets/b/collections/c/records/r", Some("b"), Some("c"), Some("/buckets/b/collections/c/records")),
        ] {
            let path = RequestPath::from(text);
            assert_eq!((path.bucket(), path.collection(), path.records()), (bucket, collection, records), "{text}");
            let moved = path.in_bucket("a-b");
            assert_eq!(moved.bucket(), bucket.map(|_| "a-b"));
            assert_eq!(
                moved.as_str(),
                text.replace("/b/", "/a-b/").replace("ets/b", "ets/a-b").replace("unts/a-b", "unts/b")
            );
        }
    }

    #[test]
    fn template_of_replaces_ids() {
        for (path, template) in [
            ("/", "/"),
            ("/batch", "/batch"),
            ("/accounts/alexis", "/accounts/{account}"),
            ("/buckets", "/buckets"),
            ("/buckets/buckets/groups", "/buckets/{bucket}/groups"),
            ("/buckets/b/groups/records", "/buckets/{bucket}/groups/{group}"),
            ("/buckets/b/history", "/buckets/{bucket}/history"),
            ("/a/s3cr3t", "/{other}/{other}"),
            ("/buckets/b/collections/c/records/r", "/buckets/{bucket}/collections/{collection}/records/{record}"),
        ] {
            assert_eq!(template_of(path), template);
        }
    }
}
