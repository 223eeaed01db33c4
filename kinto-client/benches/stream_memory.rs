//! Peak memory of streaming a list: that of 200,000 records is to be that of 20,000.
//!
//! `cargo bench -p kinto-client --bench stream_memory` prints it, on Linux, as the system measured it of a process that
//! did nothing else: this program runs itself for each, against a server of canned pages in the process that waits.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    thread,
};

use futures_util::TryStreamExt as _;
use kinto_client::{Client, KintoRecord};
use serde::{Deserialize, Serialize};

const PAGE: u64 = 1_000;
const LISTS: [u64; 2] = [20_000, 200_000];
/// Of how many runs the median counts: what is in memory at once depends on which thread is faster.
const RUNS: usize = 9;
/// The share by which the memory for the larger list may be higher.
const TOLERANCE: f64 = 0.1;

#[derive(Serialize, Deserialize, KintoRecord)]
struct Item {
    title: String,
    number: u64,
    tags: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--stream", url, records] => stream(url, records.parse()?),
        // Whoever runs all targets as tests does not wait for this.
        _ if arguments.iter().any(|argument| argument == "--bench") => measure(),
        _ => Ok(()),
    }
}

/// Streams in other processes and compares.
fn measure() -> Result<(), Box<dyn Error>> {
    let mut peaks = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (records, peaks) in LISTS.into_iter().zip(&mut peaks) {
            peaks.push(run(records)?);
        }
    }
    let mut medians = [0.0; 2];
    for ((records, peaks), median) in LISTS.into_iter().zip(&mut peaks).zip(&mut medians) {
        peaks.sort_unstable();
        let middle = peaks.get(RUNS / 2).copied().ok_or("no run")?;
        println!("{records:>7} records: {middle:>5} kB at most ({peaks:?})");
        *median = f64::from(middle);
    }
    let [small, large] = medians;
    let more = large / small - 1.0;
    println!("the larger list took {:+.1} %", more * 100.0);
    if more > TOLERANCE { Err(format!("that is more than {:.0} %", TOLERANCE * 100.0).into()) } else { Ok(()) }
}

/// Lets a process of its own stream so many records, and gives the most memory that it ever had, in kB.
fn run(records: u64) -> Result<u32, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(&connection, records));
        }
    });
    let output = Command::new(env::current_exe()?).args(["--stream", &url, &records.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Streams, and prints the most memory that this process ever had, in kB.
#[tokio::main]
async fn stream(url: &str, expected: u64) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(url).build()?;
    let items = client.bucket("bench").collection("items");
    let mut stream = items.get_records::<Item>().stream();
    let (mut records, mut sum) = (0, 0);
    while let Some(record) = stream.try_next().await? {
        records += 1;
        sum += record.data.number;
    }
    if (records, sum) != (expected, expected * (expected - 1) / 2) {
        return Err(format!("{records} of {expected} records arrived").into());
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system does not tell")?;
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

/// Answers each request of a connection with the page that its token names.
fn serve(connection: &TcpStream, records: u64) -> io::Result<()> {
    let mut requests = BufReader::new(connection);
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let token = line.split_once("_token=").and_then(|(_, rest)| rest.split([' ', '&']).next());
        let first: u64 = token.and_then(|token| token.parse().ok()).unwrap_or(0);
        while !matches!(line.as_str(), "\r\n" | "") {
            line.clear();
            requests.read_line(&mut line)?;
        }
        let mut body = "{\"data\":[".to_owned();
        for number in first..records.min(first + PAGE) {
            let comma = if number == first { "" } else { "," };
            let id = format!("{number:032}");
            let _ = write!(
                body,
                "{comma}{{\"id\":\"{id}\",\"last_modified\":{},\"title\":\"The record with the number {number}\",\
                 \"number\":{number},\"tags\":[\"one\",\"two\"],\"note\":\"what the type does not know\"}}",
                1_700_000_000_000 + number
            );
        }
        body.push_str("]}");
        let host = connection.local_addr()?;
        let next = match first + PAGE {
            next if next < records => {
                format!("Next-Page: http://{host}/v1/buckets/bench/collections/items/records?_token={next}\r\n")
            }
            _ => String::new(),
        };
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1700000000000\"\r\n";
        (&mut &*connection).write_all(format!("{head}{next}Content-Length: {length}\r\n\r\n{body}").as_bytes())?;
    }
}
