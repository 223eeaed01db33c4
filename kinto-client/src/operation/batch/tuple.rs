use std::{fmt, marker::PhantomData};

use super::{
    Erased, check,
    dispatch::Options,
    execute::{Outcome, carry_out, finish},
};
use crate::{
    client::Client,
    error::Result,
    operation::{Call, CallContext, Operation, sealed},
    wire::{preview::RequestPreview, request::Request},
};

macro_rules! tuples {
    ($([$($operation:ident $place:tt),+])+) => {$(
        impl<'a, $($operation: Operation<Output: Sync + 'static> + 'a),+> IntoBatch<'a> for ($(Call<'a, $operation>,)+) {
            type Results = ($(Result<<$operation as Operation>::Output>,)+);

            fn requests(&self, client: &Client) -> Vec<Result<Option<Request>>> {
                vec![$(check(client, &self.$place).and_then(|()| Erased::request(&self.$place.op))),+]
            }

            fn results(self, outcomes: Vec<Outcome>) -> Self::Results {
                let mut outcomes = outcomes.into_iter();
                ($(finish(self.$place.op, outcomes.next().flatten()),)+)
            }
        }
    )+};
}

/// A tuple of up to eight calls that are sent in one batch.
#[expect(private_interfaces, reason = "it is implemented here only")]
pub trait IntoBatch<'a>: Send {
    /// The tuple of results, in the same order.
    type Results: Send;

    #[doc(hidden)]
    fn requests(&self, client: &Client) -> Vec<Result<Option<Request>>>;

    #[doc(hidden)]
    fn results(self, outcomes: Vec<Outcome>) -> Self::Results;
}

tuples! {
    [A 0]
    [A 0, B 1]
    [A 0, B 1, C 2]
    [A 0, B 1, C 2, D 3]
    [A 0, B 1, C 2, D 3, E 4]
    [A 0, B 1, C 2, D 3, E 4, F 5]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6]
    [A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7]
}

/// Sends a tuple of calls in one batch.
pub struct BatchTuple<C>(C);

impl Client {
    /// Sends a tuple of calls in one batch and returns their results in the same order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// let notes = bucket.collection("notes");
    /// let calls = (notes.create(), bucket.create_group("editors", ["account:niko"]), bucket.get());
    /// let (collection, group, bucket) = client.batch_of(calls).await?;
    /// assert!(collection.is_ok() && bucket.is_ok());
    /// assert_eq!(group?.members(), ["account:niko"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Batch::execute`](crate::Batch::execute): an error of one call is in its own result.
    pub fn batch_of<'a, C: IntoBatch<'a> + 'a>(&self, calls: C) -> Call<'a, BatchTuple<(PhantomData<&'a ()>, C)>> {
        Call::new(self, BatchTuple((PhantomData, calls)))
    }
}

impl<'a, C: IntoBatch<'a>> sealed::Action for BatchTuple<(PhantomData<&'a ()>, C)> {
    const NAME: &'static str = "BatchTuple";

    type Output = C::Results;

    async fn run(self, client: Client) -> Result<C::Results> {
        let Self((_, calls)) = self;
        let requests = calls.requests(&client);
        let finish = |_, outcome| Ok(outcome);
        let outcomes = carry_out(&client, requests, Clone::clone, Options::default(), None, finish).await;
        let outcomes = outcomes.map_err(|error| CallContext::batch().attach(error))?;
        Ok(calls.results(outcomes.into_iter().map(Result::unwrap_or_default).collect()))
    }
}

impl<'a, C: IntoBatch<'a>> Call<'_, BatchTuple<(PhantomData<&'a ()>, C)>> {
    /// Returns a preview of each call's own request, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for the first call that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        let BatchTuple((_, calls)) = &self.op;
        calls.requests(&self.client).into_iter().map(|request| request.map(RequestPreview::new)).collect()
    }
}

impl<C> fmt::Debug for BatchTuple<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchTuple(…)")
    }
}
