use std::{fmt, marker::PhantomData};

use super::{Erased, Options, Outcome, carry_out, check, finish};
use crate::{
    call::{Call, Operation, Subject, sealed},
    client::Client,
    error::Result,
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

/// A handful of calls that are sent together: a tuple of up to eight.
#[expect(private_interfaces, reason = "it is implemented here only")]
pub trait IntoBatch<'a>: Send {
    /// The results, in the same order.
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

/// Sends a tuple of calls together.
pub struct Together<C>(C);

impl Client {
    /// Sends a handful of calls together, and gives their results in the same order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let bucket = client.bucket(kinto_server::unique("doc"));
    /// # bucket.create().await?;
    /// let notes = bucket.collection("notes");
    /// let calls = (notes.create(), bucket.create_group("editors", ["account:niko"]), bucket.get());
    /// let (collection, group, bucket) = client.together(calls).await?;
    /// assert!(collection.is_ok() && bucket.is_ok());
    /// assert_eq!(group?.members(), ["account:niko"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Batch::execute`](crate::Batch::execute): what goes wrong with one call is in its own result.
    pub fn together<'a, C: IntoBatch<'a> + 'a>(&self, calls: C) -> Call<'a, Together<(PhantomData<&'a ()>, C)>> {
        Call::new(self, Together((PhantomData, calls)))
    }
}

impl<'a, C: IntoBatch<'a>> sealed::Run for Together<(PhantomData<&'a ()>, C)> {
    type Output = C::Results;

    async fn run(self, client: Client) -> Result<C::Results> {
        let Self((_, calls)) = self;
        let requests = calls.requests(&client);
        let finish = |_, outcome| Ok(outcome);
        let outcomes = carry_out(&client, requests, Clone::clone, Options::default(), None, finish).await;
        let outcomes = outcomes.map_err(|error| Subject::batch().blame(error))?;
        Ok(calls.results(outcomes.into_iter().map(Result::unwrap_or_default).collect()))
    }
}

impl<'a, C: IntoBatch<'a>> Call<'_, Together<(PhantomData<&'a ()>, C)>> {
    /// The requests that the calls would make, each on its own, without sending any.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid`](crate::Error::is_invalid) for the first call that cannot be sent.
    pub fn preview(&self) -> Result<Vec<RequestPreview>> {
        let Together((_, calls)) = &self.op;
        calls.requests(&self.client).into_iter().map(|request| request.map(RequestPreview::new)).collect()
    }
}

impl<C> fmt::Debug for Together<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Together(…)")
    }
}
