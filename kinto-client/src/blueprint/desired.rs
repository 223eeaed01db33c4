use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::target::{Piece, Target};
use super::{Blueprint, Lists, Principal};
use crate::{
    error::{Error, Result, kind::ErrorKind},
    wire::object::principal::LOCAL_GROUP,
};

/// One declared object, with the server's names for its principals.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) target: Target,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) members: Option<BTreeSet<Principal>>,
    pub(crate) permissions: Lists,
}

impl Wanted {
    /// Returns `true` if it has a schema, of its records or of other objects in it.
    pub(crate) fn has_schema(&self) -> bool {
        self.attributes.keys().any(|name| name == "schema" || name.ends_with(":schema"))
    }
}

impl Blueprint {
    /// Returns each bucket followed by its groups and its collections; `default` is the server's own id of the
    /// personal bucket.
    pub(crate) fn wanted(&self, default: Option<&str>) -> Result<Vec<Wanted>> {
        let default = match default {
            None if self.buckets.contains_key("default") => {
                let reason =
                    "the server has no `default` bucket for you: check credentials and plugin `default_bucket`";
                return Err(Error::new(ErrorKind::Unsupported, reason));
            }
            Some(id) if self.buckets.contains_key("default") && self.buckets.contains_key(id) => {
                return Err(Error::invalid(format!("the bucket {id:?} is declared twice: it is your `default`")));
            }
            default => default.unwrap_or_default(),
        };
        let mut all = Vec::new();
        for (name, bucket) in &self.buckets {
            let id = if name == "default" { default } else { name };
            let lists = |lists: &Lists| lists.iter().map(|(name, list)| (name.clone(), resolved(list, id))).collect();
            all.push(Wanted {
                target: Target::bucket(name, id),
                attributes: bucket.attributes.clone(),
                members: None,
                permissions: lists(&bucket.permissions),
            });
            all.extend(bucket.groups.iter().map(|(group, spec)| Wanted {
                target: Target::within(Piece::Group, name, id, group),
                attributes: spec.attributes.clone(),
                members: spec.members.clone(),
                permissions: lists(&spec.permissions),
            }));
            all.extend(bucket.collections.iter().map(|(collection, spec)| Wanted {
                target: Target::within(Piece::Collection, name, id, collection),
                attributes: spec.attributes.clone(),
                members: None,
                permissions: lists(&spec.permissions),
            }));
        }
        Ok(all)
    }
}

fn resolved(list: &BTreeSet<Principal>, bucket: &str) -> BTreeSet<Principal> {
    let principal = |principal: &Principal| match principal.as_str().strip_prefix(LOCAL_GROUP) {
        Some(group) => Principal::group(bucket, group),
        None => principal.clone(),
    };
    list.iter().map(principal).collect()
}
