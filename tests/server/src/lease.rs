//! A lease: the connection to a launcher that keeps its server running.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::{Error, launcher, progress};

const SAY_EVERY: Duration = Duration::from_secs(3);
const START: Duration = Duration::from_secs(180);
const STOP: Duration = Duration::from_secs(20);

/// The address at which a launcher accepts leases.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) port: u16,
    pub(crate) token: String,
    pub(crate) directory: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Lease {
    connection: BufReader<TcpStream>,
    pub(crate) directory: PathBuf,
}

impl Lease {
    /// Takes a lease; `None` when nobody answers as the launcher would, so it is gone.
    pub(crate) fn take(address: &Address) -> Option<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        writeln!(&stream, "lease {}", address.token).ok()?;
        let mut connection = BufReader::new(stream);
        let mut line = String::new();
        connection.read_line(&mut line).ok()?;
        (line == "hello\n").then(|| Self { connection, directory: address.directory.clone() })
    }

    /// Waits until the server is ready and returns its address.
    pub(crate) fn url(&mut self) -> Result<String, Error> {
        let answer = self.answer("starting Kinto")?;
        answer.strip_prefix("ready ").map(str::to_owned).ok_or_else(|| self.failed(&answer))
    }

    /// Has the launcher do something, waits until it is done, and returns what it says of it.
    pub(crate) fn command(&mut self, command: &str) -> Result<String, Error> {
        writeln!(self.connection.get_ref(), "{command}").map_err(|error| Error::io(command, &error))?;
        let answer = self.answer(command)?;
        match answer.strip_prefix("done") {
            Some(said) => Ok(said.trim().to_owned()),
            None => Err(self.failed(&answer)),
        }
    }

    /// Gives the lease back and waits until the launcher closes the connection.
    pub(crate) fn give_back(&mut self) {
        let stream = self.connection.get_ref();
        if stream.shutdown(Shutdown::Write).is_ok() && stream.set_read_timeout(Some(STOP)).is_ok() {
            let mut line = String::new();
            while self.connection.read_line(&mut line).is_ok_and(|read| read > 0) {}
        }
    }

    fn answer(&mut self, doing: &str) -> Result<String, Error> {
        let start = Instant::now();
        let mut line = String::new();
        self.connection.get_ref().set_read_timeout(Some(SAY_EVERY)).map_err(|error| Error::io(doing, &error))?;
        while start.elapsed() < START {
            // What was read before the time was up stays in the line.
            match self.connection.read_line(&mut line) {
                Ok(0) => return Err(launcher::failed("the launcher has ended", &self.directory)),
                Ok(_) => match line.trim().strip_prefix("note ") {
                    Some(note) => progress::note(note),
                    None => return Ok(line.trim().to_owned()),
                },
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    progress::note(&format!("{doing} … {} s", start.elapsed().as_secs()));
                    continue;
                }
                Err(error) => return Err(launcher::failed(&error.to_string(), &self.directory)),
            }
            line.clear();
        }
        Err(launcher::failed(&format!("no answer after {} s", START.as_secs()), &self.directory))
    }

    fn failed(&self, answer: &str) -> Error {
        let text = answer.strip_prefix("failed ").and_then(|json| serde_json::from_str::<String>(json).ok());
        launcher::failed(&text.unwrap_or_else(|| answer.to_owned()), &self.directory)
    }
}
