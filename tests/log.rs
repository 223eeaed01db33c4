use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::{Level, subscriber::DefaultGuard};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::watch::{secret_in, watch};

/// The log of this thread during the lifetime of this value, as it would be written to a terminal.
#[derive(Debug)]
pub struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins to write down what is logged, at `DEBUG` and above, without times.
    #[must_use]
    pub fn start() -> Self {
        watch();
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_span_events(FmtSpan::NONE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Returns the log so far, after checking that it contains no secret.
    #[must_use]
    pub fn text(&self) -> String {
        let text = String::from_utf8(self.text.0.lock().unwrap().clone()).expect("logs are text");
        assert_eq!(secret_in(&text), None, "{text}");
        text
    }

    /// The lines that the library under test has logged, without the place in the source, and with `…` for durations.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = self.text();
        let ours = text.lines().filter(|line| line.contains(" kinto_client::"));
        ours.map(|line| without_times(line.trim_start())).collect()
    }
}

/// `milliseconds=…` and `delay=…` instead of what differs from run to run; and no name of a module.
fn without_times(line: &str) -> String {
    let words = line.split(' ').filter(|word| !word.starts_with("kinto_client::"));
    let word = |word: &str| match word.split_once('=') {
        Some((name @ ("milliseconds" | "delay" | "remaining"), value)) => {
            let rest = value.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == 'µ');
            format!("{name}=…{rest}")
        }
        _ => word.to_owned(),
    };
    words.map(word).collect::<Vec<_>>().join(" ")
}

impl Write for Text {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
