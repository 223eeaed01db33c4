//! Writes between the requests of a reading.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, header};
use kinto_client::{
    Value,
    transport::{Body, Transport, TransportError},
};
use kinto_tests::{Fixture, RawClient, Recorder};

/// The paths of what to write before the request of that place, each with its data, or none for it to be deleted, if it is there.
type Writes = dyn Fn(usize) -> Vec<(String, Option<Value>)> + Send + Sync;

/// A transport that writes to the server before it sends a request.
#[derive(Clone)]
pub(super) struct Busy {
    under: Recorder,
    plain: RawClient,
    write: Arc<Writes>,
    count: Arc<Mutex<usize>>,
    pub(super) strips_conditions: bool,
    pub(super) counts_pages_only: bool,
}

impl Busy {
    pub(super) fn new(
        fixture: &Fixture,
        write: impl Fn(usize) -> Vec<(String, Option<Value>)> + Send + Sync + 'static,
    ) -> Self {
        let (under, plain) = (fixture.sent.clone(), fixture.plain.clone());
        Self {
            under,
            plain,
            write: Arc::new(write),
            count: Arc::default(),
            strips_conditions: false,
            counts_pages_only: false,
        }
    }

    pub(super) fn todos(&self, fixture: &Fixture) -> kinto_client::Collection {
        fixture.todos_of(&fixture.client_at(fixture.url()).transport(self.clone()).build().expect("a client"))
    }

    async fn act(&self, place: usize) {
        for (path, data) in (self.write)(place) {
            match data {
                Some(data) => drop(self.plain.put_data(&path, &data).await),
                None => drop(self.plain.send(Method::DELETE, &path, None).await),
            }
        }
    }
}

impl Transport for Busy {
    fn send(&self, mut request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        if self.counts_pages_only && request.method() != Method::GET {
            return self.under.send(request);
        }
        let place = {
            let mut count = self.count.lock().unwrap();
            *count += 1;
            *count - 1
        };
        if self.strips_conditions {
            request.headers_mut().remove(header::IF_MATCH);
        }
        Box::pin(async move {
            self.act(place).await;
            self.under.send(request).await
        })
    }
}
