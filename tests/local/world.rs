//! A server for tests that are the same on each: the one in memory of `testing`, and a real Kinto behind a proxy.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Arc, Mutex},
};

use kinto_client::{
    Bucket, Client, Collection, Value,
    http::Method,
    json,
    local::{LocalCollection, Store},
    object::RecordData,
    retry::NeverRetry,
    testing::{Kinto, RecordedRequest},
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Gate, Proxy};

/// Makes three tests of each function, which is given a [`World`].
macro_rules! on_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn testing() -> kinto_tests::Outcome {
                super::$test($crate::world::World::testing().await).await
            }

            #[tokio::test]
            async fn memory() -> kinto_tests::Outcome {
                super::$test($crate::world::World::real(kinto_server::Backend::Memory).await).await
            }

            #[tokio::test]
            async fn postgresql() -> kinto_tests::Outcome {
                super::$test($crate::world::World::real(kinto_server::Backend::PostgreSql).await).await
            }
        }
    )+};
}

pub(crate) use on_each_server;

/// A server with an empty collection, another program that uses it, and devices whose requests can fail.
pub(crate) struct World {
    /// The collection as another program reaches it.
    pub(crate) remote: Collection,
    /// The client of the devices, which sends nothing again.
    pub(crate) client: Client,
    other: Client,
    bucket: Bucket,
    way: Way,
}

enum Way {
    Testing(Kinto),
    Real { proxy: Proxy, next: Arc<Mutex<VecDeque<Fault>>>, _server: Server },
}

impl World {
    pub(crate) async fn testing() -> Self {
        // Pages of a few records, as a first pull of many has.
        let kinto = Kinto::builder().paginate_by(PAGE).build();
        let other = kinto.other_program().client();
        let bucket = other.bucket("app");
        bucket.create().await.unwrap();
        bucket.create_collection("todos").await.unwrap();
        let client = kinto.client().with_retry(NeverRetry);
        Self::new(client, other, bucket, Way::Testing(kinto)).await
    }

    pub(crate) async fn real(backend: Backend) -> Self {
        let server = Server::builder().backend(backend).paginate_by(u32::try_from(PAGE).unwrap());
        let server = server.shared().expect("a server");
        let fixture = Fixture::on(server.url()).await;
        let next = Arc::new(Mutex::new(VecDeque::new()));
        let queue = Arc::clone(&next);
        // Faults are for requests about records, and not for the server's information.
        let rule = move |sent: &kinto_tests::SentRequest| match sent.target.as_str() {
            "/v1/" => Fault::Pass,
            _ => queue.lock().unwrap().pop_front().unwrap_or(Fault::Pass),
        };
        let proxy = Proxy::start(server.url(), rule).await;
        let client = fixture.client_at(proxy.url()).retry(NeverRetry).build().unwrap();
        let other = fixture.client_at(server.url()).build().unwrap();
        let bucket = other.bucket(fixture.bucket.id());
        Self::new(client, other, bucket, Way::Real { proxy, next, _server: server }).await
    }

    async fn new(client: Client, other: Client, bucket: Bucket, way: Way) -> Self {
        bucket.create_collection("locks").await.unwrap();
        Self { remote: bucket.collection("todos"), client, other, bucket, way }
    }

    /// Returns the collection as devices reach it.
    pub(crate) fn of_devices(&self) -> Collection {
        self.client.bucket(self.bucket.id()).collection("todos")
    }

    /// Returns a new device.
    pub(crate) async fn device(&self) -> LocalCollection<Value> {
        Store::in_memory().await.unwrap().bind(&self.of_devices()).await.unwrap()
    }

    /// Returns a device with a file.
    pub(crate) async fn device_at(&self, path: &Path) -> LocalCollection<Value> {
        Store::open(path).await.unwrap().bind(&self.of_devices()).await.unwrap()
    }

    /// Returns a device whose writes are fenced.
    pub(crate) async fn fenced_device<T: RecordData>(&self) -> LocalCollection<T> {
        let bucket = self.client.bucket(self.bucket.id());
        let fenced = bucket.collection("todos").fenced_by(&bucket.collection("locks"));
        Store::in_memory().await.unwrap().bind(&fenced).await.unwrap()
    }

    /// Deletes the collection with all that is known of its records, and creates it again.
    pub(crate) async fn flush(&self) {
        self.bucket.delete_collection("todos").await.unwrap();
        self.bucket.create_collection("todos").await.unwrap();
    }

    /// Writes a record with a time of its own, as the restoration of a backup does.
    pub(crate) async fn restore(&self, id: &str, data: &Value, last_modified: u64) {
        let mut data = data.clone();
        data["last_modified"] = last_modified.into();
        let path = format!("/buckets/{}/collections/todos/records/{id}", self.bucket.id());
        let sent = self.other.request(Method::PUT, &path).json(json!({"data": data})).await;
        sent.unwrap().success().unwrap();
    }

    /// Loses the response to the next request of a device, which the server carries out.
    pub(crate) fn lose_next_response(&self) {
        self.lose_response_after(0);
    }

    /// Loses the response to the request of a device that comes after so many.
    pub(crate) fn lose_response_after(&self, requests: usize) {
        match &self.way {
            Way::Testing(kinto) => {
                kinto.pass_next(requests);
                kinto.lose_responses(1);
            }
            Way::Real { next, .. } => queue(next, requests, Fault::CutAfter),
        }
    }

    /// Refuses the request of a device that comes after so many: it is certain that the server does not carry it out.
    pub(crate) fn refuse_after(&self, requests: usize) {
        match &self.way {
            Way::Testing(kinto) => {
                kinto.pass_next(requests);
                kinto.refuse_next(1);
            }
            Way::Real { next, .. } => {
                let refused = json!({"code": 429, "errno": 117, "error": "Too Many Requests"});
                queue(next, requests, Fault::json(429, &refused));
            }
        }
    }

    /// Holds the request of a device that comes after so many, until the gate is opened.
    pub(crate) fn hold_after(&self, requests: usize) -> Gate {
        let Way::Real { next, .. } = &self.way else { unreachable!("the server of `testing` holds writes only") };
        let gate = Gate::default();
        queue(next, requests, Fault::Hold(gate.clone()));
        gate
    }

    /// Forgets the faults that have not happened.
    pub(crate) fn clear_faults(&self) {
        match &self.way {
            Way::Testing(kinto) => kinto.clear_faults(),
            Way::Real { next, .. } => next.lock().unwrap().clear(),
        }
    }

    /// Does something while the next write of a device is on its way.
    pub(crate) async fn during_write<T>(
        &self,
        writing: impl IntoFuture<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        let gate = Gate::default();
        match &self.way {
            Way::Testing(kinto) => {
                let held = gate.clone();
                kinto.before_next_write(move |_| async move { held.pass().await });
            }
            Way::Real { next, .. } => next.lock().unwrap().push_back(Fault::Hold(gate.clone())),
        }
        gate.overtake(writing, meanwhile).await
    }

    /// Returns the lines of the requests of devices, without the server's information, and forgets those of before.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut lines: Vec<String> = match &self.way {
            Way::Testing(kinto) => {
                let lines = kinto.requests().iter().map(RecordedRequest::line).collect();
                kinto.clear_requests();
                lines
            }
            Way::Real { proxy, .. } => proxy.take_lines(),
        };
        lines.retain(|line| line != "GET /");
        lines
    }

    /// Returns the records that the server has.
    pub(crate) async fn stored(&self) -> BTreeMap<String, Value> {
        let records = self.remote.get_records::<Value>().await.unwrap();
        records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
    }
}

fn queue(next: &Mutex<VecDeque<Fault>>, requests: usize, fault: Fault) {
    let passed = std::iter::repeat_with(|| Fault::Pass).take(requests);
    next.lock().unwrap().extend(passed.chain([fault]));
}

/// The number of records of a page.
const PAGE: usize = 20;

/// Returns the records of a device.
pub(crate) async fn all(notes: &LocalCollection<Value>) -> BTreeMap<String, Value> {
    let records = notes.get_records().await.unwrap();
    records.into_iter().map(|record| (record.id.to_string(), record.data)).collect()
}
