//! A line between a client and a server, which counts the bytes on it and may be slow.
//!
//! It is made of threads of this process, so that its CPU time is nobody's who is measured.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Outcome, canned::authority};

/// The payload of a packet of Ethernet.
const PACKET: usize = 1_448;

/// The speed of a line in each of its directions.
#[derive(Clone, Copy)]
pub(crate) struct Speed {
    pub(crate) bits_per_second: f64,
    /// The time that a byte takes there and back.
    pub(crate) round_trip: Duration,
}

/// A line that passes on every connection to one server, for as long as this process runs.
pub(crate) struct Line {
    pub(crate) url: String,
    bytes: Arc<AtomicU64>,
}

/// One direction of a line, which all of its connections share.
struct Direction {
    speed: Option<Speed>,
    /// The moment at which the last byte that is under way has entered it.
    is_free: Mutex<Instant>,
    bytes: Arc<AtomicU64>,
}

impl Line {
    /// Makes a line to a server at this URL.
    pub(crate) fn new(url: &str, speed: Option<Speed>) -> Outcome<Self> {
        let server = authority(url).to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let bytes = Arc::new(AtomicU64::new(0));
        let direction =
            || Arc::new(Direction { speed, is_free: Mutex::new(Instant::now()), bytes: Arc::clone(&bytes) });
        let (up, down) = (direction(), direction());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = connect(client, &server, &up, &down);
            }
        });
        Ok(Self { url, bytes })
    }

    /// Returns the number of bytes in both directions since the last call.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

fn connect(client: TcpStream, server: &str, up: &Arc<Direction>, down: &Arc<Direction>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    up.carry(client.try_clone()?, server.try_clone()?);
    down.carry(server, client);
    Ok(())
}

impl Direction {
    /// Carries everything from one end to the other, in two threads: one that takes it, and one that delivers it when it
    /// has arrived.
    fn carry(self: &Arc<Self>, mut from: TcpStream, to: TcpStream) {
        let this = Arc::clone(self);
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut packet = [0; PACKET];
            while let Ok(length @ 1..) = from.read(&mut packet) {
                let packet = packet.get(..length).unwrap_or_default();
                if sender.send((this.arrival(length), packet.to_vec())).is_err() {
                    break;
                }
            }
        });
        thread::spawn(move || deliver(&receiver, to));
    }

    /// Returns when so many bytes arrive, which enter now, or when all before them have entered.
    fn arrival(&self, length: usize) -> Option<Instant> {
        let bytes = u32::try_from(length).unwrap_or(u32::MAX);
        self.bytes.fetch_add(bytes.into(), Ordering::Relaxed);
        let Speed { bits_per_second, round_trip } = self.speed?;
        let mut is_free = self.is_free.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = Duration::from_secs_f64(f64::from(bytes) * 8.0 / bits_per_second);
        *is_free = Instant::now().max(*is_free) + takes;
        Some(*is_free + round_trip / 2)
    }
}

fn deliver(packets: &Receiver<(Option<Instant>, Vec<u8>)>, mut to: TcpStream) {
    let _ = to.set_nodelay(true);
    for (arrival, packet) in packets {
        if let Some(arrival) = arrival {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
        }
        if to.write_all(&packet).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
