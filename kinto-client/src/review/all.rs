use futures_util::{StreamExt as _, stream};

use super::{ReviewResource, ReviewState, resource::Signer, state::User};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{
        attempt,
        get::Get,
        list::{GetAll, Objects},
        sealed,
    },
    wire::{
        object::{
            attributes::{CollectionAttributes, CollectionObject},
            kind,
        },
        path::List,
        preview::RequestPreview,
        request::Request,
    },
};

/// The most collections or lists of collections that are requested at once.
const AT_ONCE: usize = 4;

/// The collections of all resources of the signer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reviews {
    /// The state of each collection.
    pub states: Vec<ReviewState>,
    /// The resources whose collection or bucket does not exist or is hidden from you.
    pub hidden: Vec<ReviewResource>,
}

/// Reads the states of all collections that the signer publishes.
#[derive(Debug)]
pub struct GetReviews {
    pub(super) bucket: Option<String>,
}

/// Reads the resources of the signer.
#[derive(Debug)]
pub struct GetReviewResources(pub(super) ());

/// The collections that were read of one resource; `None` if it is not there.
type Read = Result<Option<Vec<CollectionObject>>>;

impl sealed::Action for GetReviews {
    const NAME: &'static str = "GetReviews";

    type Output = Reviews;

    async fn run(self, client: Client) -> Result<Reviews> {
        let read = async {
            // Not the cached one, since the groups of the user may have changed.
            let info = client.ask().await?;
            let (signer, user) = (Signer::of(&info)?, User::of(&info));
            let wanted = self.wanted(signer.resources());
            let reads: Vec<_> = wanted.iter().map(|resource| collections(&client, resource)).collect();
            let reads: Vec<Read> = stream::iter(reads).buffered(AT_ONCE).collect().await;
            let (mut states, mut hidden) = (Vec::new(), Vec::new());
            for (resource, read) in wanted.into_iter().zip(reads) {
                let Some(collections) = read? else {
                    hidden.push(resource);
                    continue;
                };
                states.extend(collections.into_iter().filter_map(|collection| {
                    let of_it = signer.find(&resource.source.bucket, &collection.id)?;
                    Some(ReviewState::new(of_it, collection, &user))
                }));
            }
            Ok(Reviews { states, hidden })
        };
        read.await.map_err(|error: Error| error.during("get the reviews of", "the signer's resources"))
    }
}

impl GetReviews {
    /// Leaves out the collections that are in the list of a bucket anyway.
    fn wanted(&self, resources: Vec<ReviewResource>) -> Vec<ReviewResource> {
        let is_whole = |resource: &ReviewResource| resource.source.collection.is_none();
        let whole: Vec<String> = resources
            .iter()
            .filter(|resource| is_whole(resource))
            .map(|resource| resource.source.bucket.clone())
            .collect();
        let is_wanted = |resource: &ReviewResource| {
            let bucket = &resource.source.bucket;
            self.bucket.as_ref().is_none_or(|wanted| wanted == bucket)
                && (is_whole(resource) || !whole.contains(bucket))
        };
        resources.into_iter().filter(is_wanted).collect()
    }
}

/// Reads the collection of a resource, or all those of its bucket.
async fn collections(client: &Client, resource: &ReviewResource) -> Read {
    let list = List::buckets().at(resource.source.bucket.as_str()).collections();
    let read = if let Some(id) = &resource.source.collection {
        let get = Get::<kind::Collection, CollectionAttributes>::new(list.at(id.as_str()));
        attempt(client, get).await.map(|collection| vec![collection])
    } else {
        let get = GetAll::<kind::Collection, CollectionAttributes>::new(list);
        let all: Result<Objects<_, _>> = sealed::Action::run(get, client.clone()).await;
        all.map(Objects::into_vec)
    };
    match read {
        Ok(collections) => Ok(Some(collections)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) => Ok(None),
        Err(error) => Err(error.during("get", &resource.source)),
    }
}

impl sealed::Preview for GetReviews {
    fn preview(&self) -> Result<RequestPreview> {
        RequestPreview::first(
            Request::get("/"),
            "then a GET of each collection of a resource, or of the list of those of its bucket",
        )
    }
}

impl sealed::Action for GetReviewResources {
    const NAME: &'static str = "GetReviewResources";

    type Output = Vec<ReviewResource>;

    async fn run(self, client: Client) -> Result<Vec<ReviewResource>> {
        let signer = client.info().await.and_then(Signer::of);
        signer.map(|signer| signer.resources()).map_err(|error| error.during("get the resources of", "the signer"))
    }
}
