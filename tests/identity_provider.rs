use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, mpsc},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{SentRequest, http1};

/// An OpenID provider, on a thread of its own until the process ends, since a Kinto asks it whenever it starts.
///
/// Whoever comes to its login is logged in at once, as [`next`](Self::next) says, or as `alexis`.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// What is done with the next logins, in their order.
    next: Vec<Login>,
    codes: BTreeMap<String, Login>,
    /// The tokens that are good, and the users that they are of.
    tokens: BTreeMap<String, String>,
    revoked: BTreeSet<String>,
    issued: usize,
    logins: Vec<String>,
}

/// What becomes of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The user of that name is logged in.
    User(&'static str),
    /// The user of that name is logged in, with a token that is not good any more.
    Expired(&'static str),
    /// The provider refuses it, with an error and a description.
    Refused(&'static str, &'static str),
    /// The provider answers the server's request for a token with this text.
    Answer(&'static str),
}

impl IdentityProvider {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let (tell, address) = mpsc::channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
                let url = format!("http://{}", listener.local_addr().expect("an address"));
                tell.send(url.clone()).expect("somebody waits for it");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, url.clone(), Arc::clone(&shared)));
                }
            });
        });
        Self { url: address.recv().expect("an address"), state }
    }

    /// Its address, which is its issuer's name.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Says what becomes of the next logins.
    pub fn next(&self, logins: impl IntoIterator<Item = Login>) {
        self.state.lock().unwrap().next.extend(logins);
    }

    /// The queries of the logins since this was last asked for.
    #[must_use]
    pub fn logins(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().logins)
    }
}

async fn serve(stream: TcpStream, url: String, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    if let Ok(Some(sent)) = http1::request(&mut stream).await {
        let answer = answer(&sent, &url, &mut state.lock().unwrap());
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

fn with_status(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
}

fn answer_json(body: &Value) -> String {
    with_status("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

fn parameter(text: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(text.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn answer(sent: &SentRequest, url: &str, state: &mut State) -> String {
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    match path {
        "/.well-known/openid-configuration" => answer_json(&json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"), "jwks_uri": format!("{url}/keys"),
        })),
        "/authorize" => {
            state.logins.push(query.to_owned());
            let back = parameter(query, "redirect_uri").expect("a redirect_uri");
            let mut result = url::form_urlencoded::Serializer::new(String::new());
            result.append_pair("state", &parameter(query, "state").expect("a state"));
            let login = if state.next.is_empty() { Login::User("alexis") } else { state.next.remove(0) };
            if let Login::Refused(error, description) = &login {
                result.append_pair("error", error).append_pair("error_description", description);
            } else {
                state.issued += 1;
                let code = format!("code{}", state.issued);
                result.append_pair("code", &code);
                state.codes.insert(code, login);
            }
            with_status("302 Found", &format!("Location: {back}?{}\r\n", result.finish()), "")
        }
        "/token" => {
            let code = parameter(&sent.body, "code").expect("a code");
            let token = format!("t0ken-{code}");
            match state.codes.remove(&code) {
                Some(Login::Answer(text)) => return with_status("200 OK", "Content-Type: application/json\r\n", text),
                Some(Login::User(user)) => {
                    state.tokens.insert(token.clone(), user.to_owned());
                }
                Some(_) => {
                    state.revoked.insert(token.clone());
                }
                None => return answer_json(&json!({"error": "invalid_grant"})),
            }
            answer_json(
                &json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "id_token": "ey~~>?"}),
            )
        }
        "/userinfo" => {
            let token =
                sent.header("authorization").and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
            match state.tokens.get(token) {
                Some(user) => answer_json(&json!({"sub": user, "email": format!("{user}@example.org")})),
                None => with_status("401 Unauthorized", "", ""),
            }
        }
        _ => with_status("404 Not Found", "", ""),
    }
}
