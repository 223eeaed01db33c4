use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value};

/// A client that shares nothing with the one under test: what it reads is what the server holds.
#[derive(Clone, Debug)]
pub struct RawClient {
    http: reqwest::Client,
    url: String,
    user: Option<(String, String)>,
}

/// A response of the server.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Returns true if the write collided with one of another writer of the list, and is to be sent again.
    fn is_collision(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.text.contains("please retry")
    }
}

impl RawClient {
    /// A client of the server at `url` for that user.
    #[must_use]
    pub fn new(url: &str, user: &str, password: &str) -> Self {
        Self { user: Some((user.to_owned(), password.to_owned())), ..Self::nobody(url) }
    }

    /// A client without credentials.
    #[must_use]
    pub fn nobody(url: &str) -> Self {
        // A connection that has been idle may be closed by the server just as it is used again.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("an HTTP client");
        Self { http, url: url.to_owned(), user: None }
    }

    /// Sends a request; `path` is below the version prefix.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send_text(method, path, body.map(Value::to_string)).await
    }

    /// Sends a request with exactly this text as its body.
    ///
    /// On PostgreSQL two writers of one list collide if their times are equal, as all tests are writers of the list of
    /// buckets; the server has done nothing then, and asks for the request again. No test waits for such a response.
    pub async fn send_text(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        for _ in 0..50 {
            let answer = self.send_once(&method, path, body.clone()).await;
            if !answer.is_collision() {
                return answer;
            }
        }
        panic!("{method} {path}: 50 collisions")
    }

    async fn send_once(&self, method: &Method, path: &str, body: Option<String>) -> Answer {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("the server answers whole") }
    }

    async fn succeed(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut answer = self.send(method.clone(), path, body).await;
        // A worker whose connection to the database was cut finds that out by the next request.
        for _ in 0..50 {
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                break;
            }
            answer = self.send(method.clone(), path, body).await;
        }
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.text);
        answer
    }

    /// Reads what is there.
    pub async fn get(&self, path: &str) -> Answer {
        self.succeed(Method::GET, path, None).await
    }

    /// Puts this there, and gives the answer's `data`.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.succeed(Method::PUT, path, Some(body)).await.json()["data"].take()
    }

    /// Puts a record there that holds `data`, and gives it as the server has it.
    pub async fn put_data(&self, path: &str, data: &Value) -> Value {
        self.put(path, &Value::Object(Map::from_iter([("data".to_owned(), data.clone())]))).await
    }

    /// Sends this there, and gives the answer.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.succeed(Method::POST, path, Some(body)).await.json()
    }

    /// Deletes what is there.
    pub async fn delete(&self, path: &str) {
        self.succeed(Method::DELETE, path, None).await;
    }

    /// The status of an attempt to read what is there: 404 if it is not.
    pub async fn status(&self, path: &str) -> u16 {
        self.send(Method::GET, path, None).await.status.as_u16()
    }

    /// Reads the data of an object, with its `id` and `last_modified`.
    pub async fn object(&self, path: &str) -> Value {
        self.get(path).await.json()["data"].take()
    }

    /// Reads the data of an object, without its `id` and `last_modified`.
    pub async fn held(&self, path: &str) -> Value {
        let mut object = self.object(path).await;
        let fields = object.as_object_mut().expect("objects are objects");
        fields.remove("id").expect("an `id`");
        fields.remove("last_modified").expect("a `last_modified`");
        object
    }

    /// Reads the permissions of an object, each list sorted; there are none if they are not visible to this user.
    pub async fn permissions(&self, path: &str) -> Value {
        let mut permissions = self.get(path).await.json()["permissions"].take();
        for list in permissions.as_object_mut().expect("permissions").values_mut() {
            list.as_array_mut().expect("a list").sort_unstable_by_key(ToString::to_string);
        }
        permissions
    }

    /// The ids of all objects of a list, sorted.
    pub async fn ids(&self, list: &str) -> Vec<String> {
        // With this limit the server sends all there is.
        let answer = self.get(&format!("{list}?_limit=0")).await.json();
        let objects = answer["data"].as_array().expect("a list");
        let mut ids: Vec<String> =
            objects.iter().map(|object| object["id"].as_str().expect("an `id`").to_owned()).collect();
        ids.sort_unstable();
        ids
    }
}
