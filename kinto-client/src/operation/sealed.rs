//! The traits of calls, which no other crate can implement.

use super::{CallContext, batch::Options};
use crate::{
    client::Client,
    error::{Error, Result},
    wire::{list_query::Listing, preview::RequestPreview, request::Request, response::Response},
};

pub trait Operation: Sized {
    /// The name in logs: that of the type.
    #[doc(hidden)]
    const NAME: &'static str;

    type Output: Send;

    #[doc(hidden)]
    fn context(&self) -> CallContext;

    /// Returns the request, or `None` if there is nothing to send.
    #[doc(hidden)]
    fn request(&self) -> Result<Option<Request>>;

    #[doc(hidden)]
    fn response(self, response: Response) -> Result<Self::Output>;

    /// Returns the result for an operation that had nothing to send.
    #[doc(hidden)]
    fn unsent(self) -> Result<Self::Output> {
        Err(Error::invalid("there is nothing to send"))
    }
}

/// A call whose first request is known before anything is sent.
pub trait Preview {
    #[doc(hidden)]
    fn preview(&self) -> Result<RequestPreview>;
}

/// A call on the entries of a list that match a filter.
pub trait Filters {
    type Of;

    #[doc(hidden)]
    fn listing(&mut self) -> &mut Listing<Self::Of>;
}

/// A call that reads the entries of a list in an order.
pub trait Sorts: Filters {}

/// A call on the objects of a list that match its conditions, of which some are times.
pub trait Matches {
    type Of;

    #[doc(hidden)]
    fn listing(&mut self) -> &mut Listing<Self::Of>;
}

/// A call that reads a list of objects in an order.
pub trait Lists: Matches {}

impl<M: Matches> Filters for M {
    type Of = M::Of;

    fn listing(&mut self) -> &mut Listing<M::Of> {
        Matches::listing(self)
    }
}

impl<L: Lists> Sorts for L {}

/// A call with many operations of one kind.
pub trait Sends {
    #[doc(hidden)]
    fn options(&mut self) -> &mut Options;
}

pub trait Action: Sized {
    /// The name in logs: that of the type.
    #[doc(hidden)]
    const NAME: &'static str;

    type Output: Send;

    #[doc(hidden)]
    fn run(self, client: Client) -> impl Future<Output = Result<Self::Output>> + Send;
}
