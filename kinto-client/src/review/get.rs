use super::{ReviewState, resource::Signer, state::User};
use crate::{
    client::Client,
    error::Result,
    operation::{CallContext, attempt, debug_as_place, get::Get, sealed},
    wire::{
        object::{attributes::CollectionAttributes, kind},
        path::Place,
        preview::RequestPreview,
        request::Request,
        server_info::ServerInfo,
    },
};

/// Reads the state of a collection in the workflow of its signer.
pub struct GetReview {
    place: Place<kind::Collection>,
}

impl GetReview {
    pub(super) fn new(place: Place<kind::Collection>) -> Self {
        Self { place }
    }

    fn context(&self) -> CallContext {
        CallContext::new("get the review of", &self.place)
    }
}

impl sealed::Action for GetReview {
    const NAME: &'static str = "GetReview";

    type Output = ReviewState;

    async fn run(self, client: Client) -> Result<ReviewState> {
        let read = async {
            self.place.checked()?;
            // Not the cached one, since the groups of the user may have changed.
            let info = client.ask().await?;
            read(&client, &self.place, &info).await
        };
        read.await.map_err(|error| self.context().attach(error))
    }
}

impl sealed::Preview for GetReview {
    fn preview(&self) -> Result<RequestPreview> {
        self.place.checked().map_err(|error| self.context().attach(error))?;
        RequestPreview::first(Request::get("/"), "then a GET of the collection, if the server's signer publishes it")
    }
}

/// Reads the collection, of which that information says where it is published.
pub(super) async fn read(client: &Client, place: &Place<kind::Collection>, info: &ServerInfo) -> Result<ReviewState> {
    let resource = Signer::of(info)?.of_place(place)?;
    let collection = attempt(client, Get::<_, CollectionAttributes>::new(place.clone())).await?;
    Ok(ReviewState::new(resource, collection, &User::of(info)))
}

debug_as_place!(GetReview [] [] place);
