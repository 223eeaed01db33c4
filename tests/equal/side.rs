//! One of the two servers that are held against each other.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode};
use kinto_client::testing::Kinto;
use kinto_client::transport::Transport as _;
use kinto_server::Server;

use crate::world::World;

/// The response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server of one of the worlds.
#[derive(Debug)]
pub(crate) struct Side {
    kind: Kind,
    origin: String,
    /// A header that is left out of every request, as a test of the comparison itself.
    forgotten: Option<String>,
}

#[derive(Debug)]
enum Kind {
    /// A real one, over HTTP. It runs for as long as this is kept.
    Real(#[allow(dead_code, reason = "it ends the server")] Server, reqwest::Client),
    /// One in this process, which is made anew for each sequence.
    Fake(Kinto, &'static World),
}

impl Side {
    pub(crate) fn real(server: Server, http: reqwest::Client) -> Self {
        let origin = server.url().trim_end_matches("/v1").to_owned();
        Self { kind: Kind::Real(server, http), origin, forgotten: None }
    }

    pub(crate) fn fake(world: &'static World) -> Self {
        let kinto = world.fake();
        let origin = kinto.url().trim_end_matches("/v1").to_owned();
        Self { kind: Kind::Fake(kinto, world), origin, forgotten: None }
    }

    pub(crate) fn forgetting(self, header: Option<String>) -> Self {
        Self { forgotten: header, ..self }
    }

    /// Scheme and host.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends a request whose address is absolute.
    pub(crate) async fn send(&self, mut request: http::Request<Bytes>) -> Answer {
        if let Some(header) = &self.forgotten {
            request.headers_mut().remove(header.as_str());
        }
        match &self.kind {
            Kind::Real(_, http) => over_http(http, request).await,
            Kind::Fake(kinto, _) => in_process(kinto, request).await,
        }
    }

    /// Empties the server.
    pub(crate) async fn reset(&mut self) {
        if let Kind::Fake(_, world) = self.kind {
            *self = Self::fake(world).forgetting(self.forgotten.take());
            return;
        }
        let request = http::Request::post(format!("{}/v1/__flush__", self.origin)).body(Bytes::new());
        self.send(request.expect("a request")).await;
    }
}

async fn over_http(http: &reqwest::Client, request: http::Request<Bytes>) -> Answer {
    let request = reqwest::Request::try_from(request).expect("a request");
    let told = format!("{} {}", request.method(), request.url());
    let response = http.execute(request).await.unwrap_or_else(|error| panic!("{told}: {error:?}"));
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap_or_else(|error| panic!("{told}: {error:?}"));
    Answer { status, headers, body }
}

async fn in_process(kinto: &Kinto, request: http::Request<Bytes>) -> Answer {
    let kinto = kinto.clone();
    let answered = tokio::spawn(async move {
        let (parts, body) = kinto.send(request).await.map_err(|error| error.to_string())?.into_parts();
        let body = body.map(|chunk| chunk.map_err(|error| error.to_string()));
        let body: Vec<u8> = body.map_ok(|chunk| chunk.to_vec()).try_concat().await?;
        Ok::<_, String>(Answer { status: parts.status, headers: parts.headers, body: body.into() })
    });
    // What panics is no answer, and is found like any other that is wrong.
    let answer = answered.await.unwrap_or_else(|error| Err(error.to_string()));
    answer.unwrap_or_else(|error| Answer {
        status: StatusCode::from_u16(599).expect("a status"),
        headers: HeaderMap::new(),
        body: error.into(),
    })
}
