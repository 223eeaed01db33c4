use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Barrier, oneshot},
};

use crate::{SentRequest, http1};

/// As much of Kinto as a program of reads and writes needs, in this process and on a thread of its own, so that
/// thousands of programs take no longer than they have to.
///
/// A record whose id begins with `slow` is answered after 20 ms, and one that begins with `cut` not at all: the connection
/// is closed.
#[derive(Debug)]
pub struct Canned {
    url: String,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is stored, by paths, each with its version.
type Objects = BTreeMap<String, (u64, Value)>;

#[derive(Debug, Default)]
struct State {
    /// The last version, and all objects.
    objects: Mutex<(u64, Objects)>,
    connections: AtomicUsize,
    meeting: Mutex<Option<Arc<Barrier>>>,
}

impl Canned {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::new(State::default());
        let (stop, stopped) = oneshot::channel();
        let (tell, address) = mpsc::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let serve = async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits for it");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&shared)));
                }
            };
            runtime.block_on(async {
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        let url = format!("http://{}/v1", address.recv().expect("an address"));
        Self { url, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address, with the version prefix.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections to it are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Forgets all that is stored.
    pub fn clear(&self) {
        self.state.objects.lock().unwrap().1.clear();
    }

    /// From now on the record `meeting` is answered once so many requests for it have come.
    pub fn meet(&self, requests: usize) {
        *self.state.meeting.lock().unwrap() = Some(Arc::new(Barrier::new(requests)));
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    state.connections.fetch_add(1, Ordering::SeqCst);
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(sent)) = http1::request(&mut stream).await {
        let target = sent.line();
        let id = target.rsplit('/').next().unwrap_or_default();
        let meeting = state.meeting.lock().unwrap().clone().filter(|_| id == "meeting");
        if let Some(meeting) = meeting {
            meeting.wait().await;
        }
        if id.starts_with("slow") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if id.starts_with("cut") {
            break;
        }
        let Answer { status, headers, body } = state.answer(&sent);
        let text = if sent.method == http::Method::HEAD { String::new() } else { body.to_string() };
        let answer = format!(
            "HTTP/1.1 {status} Canned\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{text}",
            text.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            break;
        }
    }
    state.connections.fetch_sub(1, Ordering::SeqCst);
}

struct Answer {
    status: u16,
    headers: String,
    body: Value,
}

impl Answer {
    fn new(status: u16, version: u64, body: Value) -> Self {
        Self { status, headers: format!("ETag: \"{version}\"\r\n"), body }
    }
}

impl State {
    fn answer(&self, sent: &SentRequest) -> Answer {
        let line = sent.line();
        let (_, target) = line.split_once(' ').expect("a method and a target");
        let path = target.split('?').next().expect("a path");
        let body = if sent.body.is_empty() { json!({}) } else { sent.json() };
        if path == "/batch" {
            let answers: Vec<Value> =
                body["requests"].as_array().expect("requests").iter().map(|part| self.part(part)).collect();
            return Answer::new(200, 0, json!({"responses": answers}));
        }
        let guard = |name: &str| sent.header(name).map(str::to_owned);
        self.one(sent.method.as_str(), target, &body, guard("if-match"), guard("if-none-match"))
    }

    fn part(&self, part: &Value) -> Value {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (method, path) = (text(&part["method"]).expect("a method"), text(&part["path"]).expect("a path"));
        let headers = &part["headers"];
        let answer =
            self.one(&method, &path, &part["body"], text(&headers["if-match"]), text(&headers["if-none-match"]));
        json!({"status": answer.status, "path": path, "headers": {}, "body": answer.body})
    }

    fn one(&self, method: &str, target: &str, body: &Value, same: Option<String>, absent: Option<String>) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/" {
            let info = json!({
                "project_name": "canned", "project_version": "0", "http_api_version": "1.22", "project_docs": "",
                "url": "http://canned/v1/", "settings": {"batch_max_requests": 25, "readonly": false}, "capabilities": {},
            });
            return Answer::new(200, 0, info);
        }
        let (now, objects) = &mut *self.objects.lock().unwrap();
        if path.matches('/').count() % 2 == 1 {
            return list(now, objects, (method, path, query), body);
        }
        let found = objects.get(path).cloned();
        let refused = match (&found, same, absent) {
            (Some((version, _)), Some(same), _) => same != format!("\"{version}\""),
            (None, Some(_), _) | (Some(_), _, Some(_)) => true,
            _ => false,
        };
        let id = path.rsplit('/').next().expect("an id");
        match (method, found) {
            ("GET", Some((version, data))) if !refused => {
                Answer::new(200, version, json!({"data": data, "permissions": {"write": ["me"]}}))
            }
            (_, found) if refused => {
                let existing = found.map(|(_, data)| data);
                Answer::new(
                    412,
                    0,
                    json!({"code": 412, "errno": 114, "error": "Precondition Failed", "details": {"existing": existing}}),
                )
            }
            ("GET" | "PATCH" | "DELETE", None) => {
                Answer::new(404, 0, json!({"code": 404, "errno": 110, "error": "Not Found"}))
            }
            ("DELETE", Some(_)) => {
                objects.retain(|other, _| other != path && !other.starts_with(&format!("{path}/")));
                *now += 1;
                Answer::new(200, *now, json!({"data": {"id": id, "last_modified": *now, "deleted": true}}))
            }
            (_, found) => {
                *now += 1;
                let status = if found.is_some() { 200 } else { 201 };
                let mut data = found.map(|(_, data)| data).filter(|_| method == "PATCH").unwrap_or(json!({}));
                for (key, value) in body["data"].as_object().into_iter().flatten() {
                    data[key] = value.clone();
                }
                data["id"] = id.into();
                data["last_modified"] = (*now).into();
                objects.insert(path.to_owned(), (*now, data.clone()));
                Answer::new(status, *now, json!({"data": data, "permissions": {"write": ["me"]}}))
            }
        }
    }
}

fn list(now: &mut u64, objects: &mut Objects, (method, path, query): (&str, &str, &str), body: &Value) -> Answer {
    let is_in = |other: &str| {
        other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/') && rest.matches('/').count() == 1)
    };
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
    };
    let mut all: Vec<(String, Value)> = objects
        .iter()
        .filter(|(other, _)| is_in(other))
        .map(|(path, (_, data))| (path.clone(), data.clone()))
        .collect();
    let is_ascending = query.split('&').any(|pair| pair == "_sort=last_modified");
    let version = |data: &Value| data["last_modified"].as_u64().unwrap_or_default();
    all.sort_by_key(|(_, data)| if is_ascending { version(data) } else { u64::MAX - version(data) });
    match method {
        "POST" => {
            *now += 1;
            let id = body["data"]["id"].as_str().map_or_else(|| format!("made{now}"), str::to_owned);
            let mut data = body["data"].clone();
            data["id"] = id.as_str().into();
            data["last_modified"] = (*now).into();
            objects.insert(format!("{path}/{id}"), (*now, data.clone()));
            Answer::new(201, *now, json!({"data": data, "permissions": {"write": ["me"]}}))
        }
        "DELETE" => {
            *now += 1;
            objects.retain(|other, _| !other.starts_with(&format!("{path}/")));
            let gone = all.iter().map(|(_, data)| json!({"id": data["id"], "last_modified": *now, "deleted": true}));
            Answer::new(200, *now, json!({"data": gone.collect::<Vec<_>>()}))
        }
        _ => {
            // A page goes on behind the version that the one before it ended with, whatever was written meanwhile.
            let (after, limit) = (parameter("_token"), parameter("_limit").unwrap_or(10).max(1));
            let is_behind = |data: &Value| match after {
                Some(after) if is_ascending => version(data) > after as u64,
                Some(after) => version(data) < after as u64,
                None => true,
            };
            let rest: Vec<&Value> = all.iter().map(|(_, data)| data).filter(|data| is_behind(data)).collect();
            let page: Vec<&Value> = rest.iter().take(limit).copied().collect();
            let mut answer = Answer::new(200, (*now).max(1), json!({"data": page}));
            answer.headers.extend([format!("Total-Objects: {}\r\n", all.len())]);
            if let Some(last) = page.last().filter(|_| rest.len() > limit) {
                let kept: Vec<&str> =
                    query.split('&').filter(|pair| !pair.starts_with("_token") && !pair.is_empty()).collect();
                let next = [kept.join("&"), format!("_token={}", version(last))].join("&");
                let next = next.trim_start_matches('&');
                answer.headers.extend([format!("Next-Page: http://canned/v1{path}?{next}\r\n")]);
            }
            answer
        }
    }
}
