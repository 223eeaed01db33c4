use std::{fmt, pin::pin, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

/// The handling of a request by a [`Proxy`](crate::Proxy).
pub enum Fault {
    /// Passes it on, and the answer back.
    Pass,
    /// Answers with these bytes, and passes nothing on. [`Fault::answer`] writes them.
    Answer(String),
    /// Answers with these bytes, passes nothing on, and arrives at the gate when the client has taken nearly all of them.
    AnswerWhole(String, Gate),
    /// Closes the connection, and passes nothing on.
    CutBefore,
    /// Passes it on after that time.
    Delay(Duration),
    /// Passes it on, so that the server does what it says, and closes the connection instead of answering.
    CutAfter,
    /// Passes it on twice, and the second response back: as nginx does with PUT and DELETE when the first server fails.
    Twice,
    /// Passes it on without a header, and the response back: as nginx does with the preconditions of what it may cache.
    WithoutHeader(&'static str),
    /// Passes it on, and closes the connection after that many bytes of the answer's body.
    Truncate(usize),
    /// Passes it on, and is silent for ever after that many bytes of the answer's body.
    Stall(usize),
    /// Passes it on, and the answer back byte by byte.
    Trickle,
    /// Passes it on, and this in place of the answer, which it is given.
    Edit(Box<dyn FnOnce(String) -> String + Send>),
    /// Passes it on with another body, made of its own, and the answer back.
    Alter(Box<dyn FnOnce(String) -> String + Send>),
    /// Waits until the gate is opened, and passes it on then.
    Hold(Gate),
    /// Passes it on, and the answer back when the gate is opened; it arrives at the gate when the server has answered.
    HoldAnswer(Gate),
    /// Passes it on, and closes the connection when the gate is opened; it arrives there when the server has answered.
    CutAnswer(Gate),
}

impl Fault {
    /// An answer with that status and body. `headers` are whole lines.
    #[must_use]
    pub fn answer(status: u16, headers: &[&str], body: &str) -> Self {
        let mut answer = format!("HTTP/1.1 {status} Test\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            answer.extend([header, "\r\n"]);
        }
        Self::Answer(answer + "\r\n" + body)
    }

    /// Passes it on, and such an answer back in place of the server's.
    #[must_use]
    pub fn answer_instead(status: u16, headers: &[&str], body: &str) -> Self {
        let Self::Answer(answer) = Self::answer(status, headers, body) else { unreachable!("it is one") };
        Self::Edit(Box::new(|_| answer))
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::answer(status, &["Content-Type: application/json"], &body.to_string())
    }

    /// An answer that sends the client on to another address.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        let header = format!("Location: {location}");
        Self::answer(status, &[&header, "Content-Type: text/html"], "<html>moved</html>")
    }

    /// Passes it on, and the answer back with each `from` in it replaced.
    pub fn replace(from: impl Into<String>, to: impl Into<String>) -> Self {
        let (from, to) = (from.into(), to.into());
        Self::Edit(Box::new(move |answer| answer.replace(&from, &to)))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fault")
    }
}

/// A gate at which requests wait until the test opens it: [`Fault::Hold`].
#[derive(Clone, Debug)]
pub struct Gate {
    arrivals: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { arrivals: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// Waits until a request has come to the gate; another one with each call.
    pub async fn arrival(&self) {
        self.arrivals.acquire().await.expect("it is never closed").forget();
    }

    /// Starts `held`, does `meanwhile` while its request waits at the gate, and then lets it go on to its end.
    pub async fn overtake<T>(&self, held: impl IntoFuture<Output = T>, meanwhile: impl Future<Output = ()>) -> T {
        let mut held = pin!(held.into_future());
        tokio::select! {
            _ = &mut held => panic!("it ended before any request came to the gate"),
            () = self.arrival() => {}
        }
        meanwhile.await;
        self.open();
        held.await
    }

    /// Lets through all that wait, and all that will come.
    pub fn open(&self) {
        self.open.close();
    }

    pub(crate) fn arrive(&self) {
        self.arrivals.add_permits(1);
    }

    /// Waits until the gate is opened.
    pub async fn pass(&self) {
        self.arrive();
        // It has no permits, and ends with an error when the gate is opened.
        let _ = self.open.acquire().await;
    }
}
