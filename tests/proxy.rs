use std::{
    collections::VecDeque,
    future,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::{Fault, SentRequest, http1, watch};

type Rule = Box<dyn FnMut(&SentRequest) -> Fault + Send>;

/// A way to a real server that does with each request what the test says.
///
/// It takes connections until it is dropped, keeps them open between requests as servers do, and remembers every request
/// that arrives.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    state: Arc<Mutex<State>>,
    acceptor: AbortHandle,
}

struct State {
    upstream: String,
    rule: Rule,
    connections: usize,
    open: Vec<AbortHandle>,
    remembers: bool,
    arrived: Vec<SentRequest>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("arrived", &self.arrived).finish_non_exhaustive()
    }
}

/// A rule for a proxy: these faults for the first requests, whatever they are, and no fault afterwards.
pub fn in_order(faults: impl IntoIterator<Item = Fault>) -> impl FnMut(&SentRequest) -> Fault + Send {
    let mut faults: VecDeque<Fault> = faults.into_iter().collect();
    move |_| faults.pop_front().unwrap_or(Fault::Pass)
}

impl Proxy {
    /// Starts a proxy in front of the server at `upstream`; `rule` says what to do with each request.
    pub async fn start(upstream: &str, rule: impl FnMut(&SentRequest) -> Fault + Send + 'static) -> Self {
        watch();
        let upstream = upstream.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let upstream = upstream.expect("a server without TLS, for nothing could go wrong inside of that").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let rule = Box::new(rule);
        let state = State { upstream, rule, connections: 0, open: Vec::new(), remembers: true, arrived: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let acceptor = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = tokio::spawn(serve(stream, Arc::clone(&shared)));
                let state = &mut *shared.lock().unwrap();
                state.connections += 1;
                state.open.retain(|connection| !connection.is_finished());
                state.open.push(connection.abort_handle());
            }
        });
        Self { url, state, acceptor: acceptor.abort_handle() }
    }

    /// A server that is none of Kinto's: it answers every request as the rule says, which cannot be to pass it on.
    pub async fn instead(rule: impl FnMut(&SentRequest) -> Fault + Send + 'static) -> Self {
        Self::start("http://there.is.none.invalid", rule).await
    }

    /// The same, but it remembers nothing of what arrives.
    #[must_use]
    pub fn forgetful(self) -> Self {
        self.state().remembers = false;
        self
    }

    /// Returns the address of the proxy, with the version prefix of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address of the proxy, without the version prefix.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.url.trim_end_matches("/v1")
    }

    /// Returns the requests that have arrived.
    #[must_use]
    pub fn arrived(&self) -> Vec<SentRequest> {
        self.state().arrived.clone()
    }

    /// The [lines](SentRequest::line) of what has arrived.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.state().arrived.iter().map(SentRequest::line).collect()
    }

    /// Takes the lines of what has arrived since the last call.
    #[must_use]
    pub fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.state().arrived).iter().map(SentRequest::line).collect()
    }

    /// Returns the number of connections that were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        for connection in &self.state().open {
            connection.abort();
        }
    }
}

/// Serves a connection until it ends. What goes wrong with it is the client's to notice.
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(sent) = http1::request(&mut stream).await? {
        let (fault, upstream) = {
            let state = &mut *state.lock().unwrap();
            if state.remembers {
                state.arrived.push(sent.clone());
            }
            ((state.rule)(&sent), state.upstream.clone())
        };
        match fault {
            Fault::Answer(answer) => stream.write_all(answer.as_bytes()).await?,
            Fault::AnswerWhole(answer, gate) => {
                stream.write_all(answer.as_bytes()).await?;
                gate.arrive();
            }
            Fault::CutBefore => return Ok(()),
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                let answer = pass(&upstream, &sent).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
            Fault::Hold(gate) => {
                gate.pass().await;
                let answer = pass(&upstream, &sent).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
            Fault::HoldAnswer(gate) => {
                let answer = pass(&upstream, &sent).await?;
                gate.pass().await;
                stream.write_all(answer.as_bytes()).await?;
            }
            Fault::CutAnswer(gate) => {
                pass(&upstream, &sent).await?;
                gate.pass().await;
                return Ok(());
            }
            Fault::Alter(alter) => {
                let answer = pass(&upstream, &sent.with_body(alter)).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
            Fault::WithoutHeader(name) => {
                let answer = pass(&upstream, &sent.without_header(name)).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
            Fault::Twice => {
                pass(&upstream, &sent).await?;
                let answer = pass(&upstream, &sent).await?;
                stream.write_all(answer.as_bytes()).await?;
            }
            fault => {
                let answer = pass(&upstream, &sent).await?;
                if !give(&mut stream, fault, answer).await? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Passes a request on, and gives the whole answer.
async fn pass(upstream: &str, sent: &SentRequest) -> std::io::Result<String> {
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&http1::alone(sent)).await?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).await?;
    http1::kept_alive(&answer)
}

/// Gives the answer back, as far as the fault lets it. Tells whether the connection goes on.
async fn give(stream: &mut BufReader<TcpStream>, fault: Fault, answer: String) -> std::io::Result<bool> {
    let body = http1::body_start(&answer);
    match fault {
        Fault::CutAfter => return Ok(false),
        Fault::Truncate(length) => {
            stream.write_all(&answer.as_bytes()[..answer.len().min(body + length)]).await?;
            return Ok(false);
        }
        Fault::Stall(length) => {
            stream.write_all(&answer.as_bytes()[..answer.len().min(body + length)]).await?;
            future::pending::<()>().await;
        }
        Fault::Trickle => {
            for byte in answer.into_bytes() {
                stream.write_all(&[byte]).await?;
                tokio::task::yield_now().await;
            }
        }
        Fault::Edit(edit) => stream.write_all(edit(answer).as_bytes()).await?,
        _ => stream.write_all(answer.as_bytes()).await?,
    }
    Ok(true)
}
