use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Blueprint, Lists, Principal, check::LOCAL};
use crate::{
    error::{Error, ErrorKind, Result},
    wire::plan::{Piece, Spot},
};

/// One object that a blueprint declares, with the names that the server has for everything.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) spot: Spot,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) members: Option<BTreeSet<Principal>>,
    pub(crate) permissions: Lists,
}

impl Wanted {
    /// Whether it has a schema, of whatever is in it.
    pub(crate) fn has_schema(&self) -> bool {
        self.attributes.keys().any(|name| name == "schema" || name.ends_with(":schema"))
    }
}

impl Blueprint {
    /// Each bucket followed by its groups and its collections; `default` is the server's own name for the bucket that goes by
    /// that one.
    pub(crate) fn wanted(&self, default: Option<&str>) -> Result<Vec<Wanted>> {
        let default = match default {
            None if self.buckets.contains_key("default") => {
                let reason = "the server has no `default` bucket for you: who are you, and has it the plugin?";
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
                spot: Spot::bucket(name, id),
                attributes: bucket.attributes.clone(),
                members: None,
                permissions: lists(&bucket.permissions),
            });
            all.extend(bucket.groups.iter().map(|(group, spec)| Wanted {
                spot: Spot::within(Piece::Group, name, id, group),
                attributes: spec.attributes.clone(),
                members: spec.members.clone(),
                permissions: lists(&spec.permissions),
            }));
            all.extend(bucket.collections.iter().map(|(collection, spec)| Wanted {
                spot: Spot::within(Piece::Collection, name, id, collection),
                attributes: spec.attributes.clone(),
                members: None,
                permissions: lists(&spec.permissions),
            }));
        }
        Ok(all)
    }
}

fn resolved(list: &BTreeSet<Principal>, bucket: &str) -> BTreeSet<Principal> {
    let principal = |principal: &Principal| match principal.as_str().strip_prefix(LOCAL) {
        Some(group) => Principal::group(bucket, group),
        None => principal.clone(),
    };
    list.iter().map(principal).collect()
}
