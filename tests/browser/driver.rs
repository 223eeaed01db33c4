//! A Chromium without a window, driven by the `WebDriver` protocol, that reaches this machine only.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The time that a page may take to show an expected element.
const PATIENCE_MILLISECONDS: u32 = 60_000;

pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
    http: Client,
}

/// The paths of Chromium and its driver, or `None` if one of them is not installed.
pub(crate) struct Installed {
    chromium: PathBuf,
    driver: PathBuf,
}

impl Installed {
    pub(crate) fn find() -> Option<Self> {
        let on_path = |name: &str| {
            let directories = env::split_paths(&env::var_os("PATH")?).collect::<Vec<_>>();
            directories.into_iter().map(|directory| directory.join(name)).find(|file| file.is_file())
        };
        let chromium = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(on_path)?;
        Some(Self { chromium, driver: on_path("chromedriver")? })
    }
}

impl Browser {
    /// Opens a window of that size, as somebody who was never here.
    pub(crate) async fn open(installed: &Installed, [width, height]: [u32; 2]) -> Result<Self> {
        let profile = env::temp_dir().join(kinto_server::unique("kinto-browser"));
        fs::create_dir(&profile)?;
        let mut driver = Command::new(&installed.driver).arg("--port=0").stdout(Stdio::piped()).spawn()?;
        let said = BufReader::new(driver.stdout.take().ok_or("no output")?).lines();
        let port = said.map_while(std::result::Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let http = Client::builder().no_proxy().build()?;
        let mut browser = Self { driver, port: port.unwrap_or_default(), session: String::new(), profile, http };
        if port.is_none() {
            return Err("chromedriver did not start".into());
        }
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-proxy-server",
            // No name leads anywhere.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            &format!("--window-size={width},{height}"),
            &format!("--user-data-dir={}", browser.profile.display()),
        ];
        let options = json!({"binary": installed.chromium, "args": arguments});
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "timeouts": {"implicit": PATIENCE_MILLISECONDS},
        });
        let opened = browser.send(Method::POST, "/session", json!({"capabilities": {"alwaysMatch": wanted}})).await?;
        browser.session = text(&opened["sessionId"])?;
        Ok(browser)
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = self.http.request(method.clone(), url);
        if method == Method::POST {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let failed = !answer.status().is_success();
        let mut answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let value = answer["value"].take();
        if failed { Err(format!("{method} {path}: {} {}", value["error"], value["message"]).into()) } else { Ok(value) }
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::POST, &format!("/session/{}{path}", self.session), body).await
    }

    pub(crate) async fn go(&self, url: &str) -> Result {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// The path of an element, when it is there. `xpath` is one.
    async fn find(&self, xpath: &str) -> Result<String> {
        let found = match self.post("/element", json!({"using": "xpath", "value": xpath})).await {
            Ok(found) => found,
            Err(error) => {
                let page = self.ask("document.body.innerText").await?;
                return Err(format!("{error}\nThe page says: {}", page.as_str().unwrap_or_default()).into());
            }
        };
        let id = found.as_object().and_then(|element| element.values().next()).ok_or("no element")?;
        Ok(format!("/element/{}", text(id)?))
    }

    /// Waits until it is there.
    pub(crate) async fn see(&self, xpath: &str) -> Result {
        self.find(xpath).await.map(drop)
    }

    pub(crate) async fn click(&self, xpath: &str) -> Result {
        let element = self.find(xpath).await?;
        self.post(&format!("{element}/click"), json!({})).await.map(drop)
    }

    pub(crate) async fn write(&self, xpath: &str, words: &str) -> Result {
        let element = self.find(xpath).await?;
        self.post(&format!("{element}/value"), json!({"text": words})).await.map(drop)
    }

    /// Runs a script on the page and returns its result.
    pub(crate) async fn ask(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", json!({"script": format!("return {script}"), "args": []})).await
    }

    pub(crate) async fn picture(&self, file: &Path) -> Result {
        let picture = self.send(Method::GET, &format!("/session/{}/screenshot", self.session), Value::Null).await?;
        Ok(fs::write(file, BASE64_STANDARD.decode(text(&picture)?)?)?)
    }
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().ok_or("no text")?.to_owned())
}

/// The driver ends Chromium when the session ends, which is here also when a test fails.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            let (session, end) = (&self.session, "HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            let _ = write!(driver, "DELETE /session/{session} {end}");
            // It answers when Chromium has ended, and keeps the connection.
            let _ = driver.set_read_timeout(Some(Duration::from_secs(20)));
            let _ = driver.read(&mut [0; 512]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}
