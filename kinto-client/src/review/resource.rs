//! The resources of the signer: which collection is published where, by whom.

use serde::Deserialize;

use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    handle::Collection,
    wire::{
        object::{kind, principal::Principal},
        path::Place,
        server_info::ServerInfo,
    },
};

/// A bucket or collection in a [`ReviewResource`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ResourcePlace {
    /// The id of the bucket.
    pub bucket: String,
    /// The id of the collection, or `None` for all collections of the bucket.
    pub collection: Option<String>,
}

/// A resource of the server's signer: a collection, or all collections of a bucket, with the place where it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReviewResource {
    /// The place where records are edited.
    pub source: ResourcePlace,
    /// The place where changes that are under review can be looked at, if there is one.
    pub preview: Option<ResourcePlace>,
    /// The place where approved records are published.
    pub destination: ResourcePlace,
    /// The id of the group in the bucket of [`source`](Self::source) whose members request reviews. In a resource of a
    /// whole bucket it can have the placeholder `{collection_id}`.
    pub editors_group: String,
    /// The id of the group whose members approve.
    pub reviewers_group: String,
    /// `true` if changes are approved by another user than the one who has requested the review. If it is `false`, they
    /// can be approved without a request.
    pub to_review_enabled: bool,
    /// `true` if only members of the two groups may request and approve.
    pub group_check_enabled: bool,
}

/// The signer's part of the server information.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Signer {
    #[serde(default)]
    resources: Vec<Configured>,
    #[serde(flatten)]
    defaults: Settings,
}

#[derive(Clone, Debug, Deserialize)]
struct Configured {
    source: ResourcePlace,
    preview: Option<ResourcePlace>,
    destination: ResourcePlace,
    #[serde(flatten)]
    own: Settings,
}

/// The settings for all resources, or those in which one differs from them.
#[derive(Clone, Debug, Deserialize)]
struct Settings {
    editors_group: Option<String>,
    reviewers_group: Option<String>,
    to_review_enabled: Option<bool>,
    group_check_enabled: Option<bool>,
}

impl Signer {
    /// Reads it from the server information.
    pub(super) fn of(info: &ServerInfo) -> Result<Self> {
        let Some(signer) = info.capabilities.get("signer") else {
            return Err(Error::new(ErrorKind::Unsupported, "the server does not offer *signer*"));
        };
        Self::deserialize(signer).map_err(|error| {
            Error::unexpected(format!("the server's information about its signer is not understood: {error}"))
        })
    }

    /// Returns the resources as they are set up.
    pub(super) fn resources(&self) -> Vec<ReviewResource> {
        self.resources.iter().map(|configured| self.resource(configured)).collect()
    }

    fn resource(&self, configured: &Configured) -> ReviewResource {
        let Configured { source, preview, destination, own } = configured;
        let defaults = &self.defaults;
        let group = |own: &Option<String>, default: &Option<String>, plugins: &str| {
            own.as_ref().or(default.as_ref()).map_or(plugins, String::as_str).replace("{bucket_id}", &source.bucket)
        };
        ReviewResource {
            source: source.clone(),
            preview: preview.clone(),
            destination: destination.clone(),
            editors_group: group(&own.editors_group, &defaults.editors_group, "editors"),
            reviewers_group: group(&own.reviewers_group, &defaults.reviewers_group, "reviewers"),
            to_review_enabled: own.to_review_enabled.or(defaults.to_review_enabled).unwrap_or(false),
            group_check_enabled: own.group_check_enabled.or(defaults.group_check_enabled).unwrap_or(false),
        }
        .named()
    }

    /// Returns the resource of a collection: its own one, or else that of its bucket.
    pub(super) fn find(&self, bucket: &str, collection: &str) -> Option<ReviewResource> {
        let of_bucket = || self.resources.iter().filter(|configured| configured.source.bucket == bucket);
        let own = of_bucket().find(|configured| configured.source.collection.as_deref() == Some(collection));
        let whole = || of_bucket().find(|configured| configured.source.collection.is_none());
        own.or_else(whole).map(|configured| self.resource(configured).of(collection))
    }

    /// Returns the resource of a collection, or an error that names the collection to be reviewed instead.
    pub(super) fn of_place(&self, place: &Place<kind::Collection>) -> Result<ReviewResource> {
        let bucket = place.list.bucket().unwrap_or_default();
        if let Some(resource) = self.find(bucket, &place.id) {
            return Ok(resource);
        }
        let is_here = |known: &ResourcePlace| {
            known.bucket == bucket && known.collection.as_deref().is_none_or(|collection| *collection == *place.id)
        };
        let published = self.resources().into_iter().find_map(|resource| {
            let is_copy = resource.preview.iter().any(is_here) || is_here(&resource.destination);
            is_copy.then(|| resource.of(&place.id).source.to_string())
        });
        let message = match published {
            Some(source) => {
                format!("the signer writes this collection itself: review the one that it is made from, {source}")
            }
            None => "the server's signer does not publish this collection: it is none of its resources".to_owned(),
        };
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

impl ReviewResource {
    /// Returns the resource of one of the collections that it has.
    fn of(mut self, collection: &str) -> Self {
        let places = [Some(&mut self.source), self.preview.as_mut(), Some(&mut self.destination)];
        for place in places.into_iter().flatten() {
            place.collection.get_or_insert_with(|| collection.to_owned());
        }
        self.named()
    }

    /// Puts the id of the collection into the names of the groups, once it is known.
    fn named(mut self) -> Self {
        if let Some(collection) = &self.source.collection {
            for group in [&mut self.editors_group, &mut self.reviewers_group] {
                *group = group.replace("{collection_id}", collection);
            }
        }
        self
    }

    /// Returns the principal of the group whose members request reviews.
    #[must_use]
    pub fn editors(&self) -> Principal {
        Principal::group(&self.source.bucket, &self.editors_group)
    }

    /// Returns the principal of the group whose members approve.
    #[must_use]
    pub fn reviewers(&self) -> Principal {
        Principal::group(&self.source.bucket, &self.reviewers_group)
    }
}

impl ResourcePlace {
    /// Returns the handle of the collection, or `None` for a whole bucket.
    #[must_use]
    pub fn collection(&self, client: &Client) -> Option<Collection> {
        Some(client.bucket(&*self.bucket).collection(self.collection.as_deref()?))
    }
}

/// Formats the path of the bucket or collection.
impl std::fmt::Display for ResourcePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/buckets/{}", self.bucket)?;
        self.collection.iter().try_for_each(|collection| write!(f, "/collections/{collection}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::path::List;

    fn signer() -> Signer {
        serde_json::from_value(json!({
            "resources": [
                {"source": {"bucket": "w", "collection": null}, "preview": {"bucket": "p", "collection": null},
                 "destination": {"bucket": "m", "collection": null}},
                {"source": {"bucket": "w", "collection": "own"}, "destination": {"bucket": "m", "collection": "own"},
                 "reviewers_group": "bosses", "to_review_enabled": false},
                {"source": {"bucket": "one", "collection": "a"}, "destination": {"bucket": "two", "collection": "b"}},
            ],
            "editors_group": "{collection_id}-editors", "reviewers_group": "{bucket_id}.{collection_id}",
            "to_review_enabled": true, "group_check_enabled": true, "version": "8.1.1",
        }))
        .unwrap()
    }

    #[test]
    fn resource_of_a_bucket_is_resolved_for_each_collection() {
        let found = signer().find("w", "c").unwrap();
        assert_eq!(
            [&found.source, found.preview.as_ref().unwrap(), &found.destination].map(ToString::to_string),
            ["/buckets/w/collections/c", "/buckets/p/collections/c", "/buckets/m/collections/c"]
        );
        assert_eq!((&*found.editors_group, &*found.reviewers_group), ("c-editors", "w.c"));
        assert_eq!(found.reviewers().as_str(), "/buckets/w/groups/w.c");
        assert!(found.to_review_enabled && found.group_check_enabled);
        let whole = &signer().resources()[0];
        assert_eq!((&*whole.editors_group, &whole.source.collection), ("{collection_id}-editors", &None));
    }

    #[test]
    fn resource_of_a_collection_goes_before_that_of_its_bucket() {
        let found = signer().find("w", "own").unwrap();
        assert_eq!((found.preview, &*found.reviewers_group, &*found.editors_group), (None, "bosses", "own-editors"));
        assert!(!found.to_review_enabled && found.group_check_enabled);
        assert_eq!(signer().find("one", "a").unwrap().destination.to_string(), "/buckets/two/collections/b");
        assert_eq!(signer().find("one", "b"), None);
    }

    #[test]
    fn error_names_the_collection_to_be_reviewed() {
        let message = |bucket: &str, collection: &str| {
            let place = List::buckets().at(bucket).collections().at(collection);
            signer().of_place(&place).unwrap_err().to_string()
        };
        assert!(message("p", "c").ends_with("review the one that it is made from, /buckets/w/collections/c"));
        assert!(message("two", "b").ends_with("/buckets/one/collections/a"), "{}", message("two", "b"));
        assert!(message("other", "c").contains("none of its resources"));
    }

    #[test]
    fn settings_that_are_missing_are_those_of_the_plugin() {
        let bare = json!({"resources": [{"source": {"bucket": "w"}, "destination": {"bucket": "m"}}]});
        let found = serde_json::from_value::<Signer>(bare).unwrap().find("w", "c").unwrap();
        assert_eq!((&*found.editors_group, &*found.reviewers_group), ("editors", "reviewers"));
        assert!(!found.to_review_enabled && !found.group_check_enabled);
    }
}
