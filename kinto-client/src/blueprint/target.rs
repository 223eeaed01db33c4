use std::fmt;

/// The kinds of object that a blueprint can declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Piece {
    Bucket,
    Group,
    Collection,
}

/// The address of an object of any of these kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) piece: Piece,
    /// The name of the object in messages: `app/todo`.
    pub(crate) name: String,
    pub(crate) path: String,
    /// The id of the bucket that the object is or is in.
    pub(crate) bucket: String,
}

impl Piece {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Group => "group",
            Self::Collection => "collection",
        }
    }
}

impl Target {
    /// Creates the address of a bucket, whose id must have been checked.
    pub(crate) fn bucket(name: &str, id: &str) -> Self {
        Self { piece: Piece::Bucket, name: name.to_owned(), path: format!("/buckets/{id}"), bucket: id.to_owned() }
    }

    pub(crate) fn within(piece: Piece, name: &str, bucket: &str, id: &str) -> Self {
        let path = format!("/buckets/{bucket}/{}s/{id}", piece.name());
        Self { piece, name: format!("{name}/{id}"), path, bucket: bucket.to_owned() }
    }

    /// Returns the path for creating the object; for a personal bucket, it is that of `default`, the only one that
    /// every user may create.
    pub(crate) fn creation_path(&self) -> &str {
        if self.is_default() { "/buckets/default" } else { &self.path }
    }

    pub(crate) fn is_default(&self) -> bool {
        self.piece == Piece::Bucket && self.name == "default"
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.piece.name(), self.name)
    }
}
