//! Shared helpers of the tests of this crate: requests without a client, and child processes that hold a
//! server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// `admin:admin`
const ADMIN: &str = "Authorization: Basic YWRtaW46YWRtaW4=\r\n";

pub(crate) fn address(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches("/v1")
}

/// Sends a request as the administrator; returns the status line, headers and body as they came.
pub(crate) fn request(url: &str, method: &str, path: &str, body: &str) -> Outcome<String> {
    let host = address(url);
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    write!(
        stream,
        "{method} /v1{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{ADMIN}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(crate) fn get(url: &str, path: &str) -> Outcome<String> {
    request(url, "GET", path, "")
}

pub(crate) fn is_up(url: &str) -> bool {
    get(url, "/__heartbeat__").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

pub(crate) fn refuses(url: &str) -> bool {
    TcpStream::connect(address(url)).is_err()
}

/// Returns `true` if the condition becomes true before a timeout.
pub(crate) fn soon(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(20) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// This test program again, as another process that runs only the test `child`.
pub(crate) struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    pub(crate) fn start(wants: &str, environment: &[(&str, &str)]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "processes::child", "--ignored", "--nocapture"])
            .env_remove("KINTO_SERVER_URL")
            .env("CHILD_WANTS", wants)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Returns the text after `word=` in the output of the child process.
    pub(crate) fn says(&mut self, word: &str) -> Outcome<String> {
        let start = format!("{word}=");
        for line in self.lines.by_ref() {
            if let Some((_, text)) = line?.split_once(&start) {
                return Ok(text.replace("\\n", "\n"));
            }
        }
        Err(format!("the child ended without saying {word}").into())
    }
}

/// Ends it with SIGKILL.
impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's part: says what it got and keeps it until standard input ends.
pub(crate) fn hold(server: Result<kinto_server::Server, kinto_server::Error>) -> Outcome {
    match server {
        Ok(server) => {
            writeln!(std::io::stdout(), "backend={:?}", server.backend())?;
            writeln!(std::io::stdout(), "url={}", server.url())?;
            std::io::stdin().read_to_end(&mut Vec::new())?;
        }
        Err(error) => writeln!(std::io::stdout(), "error={}", error.to_string().replace('\n', "\\n"))?,
    }
    Ok(())
}
