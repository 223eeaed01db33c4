//! `compare-local WORK URL RECORDS TIMES`: does the work, and prints what came of it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use kinto_client::{
    Client, KintoRecord,
    local::{LocalCollection, Store},
};
use tokio::task::block_in_place;

mod book;
mod by_hand;

use book::{Book, book};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The number of queries of which the time is taken.
const QUERIES: u64 = 100;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, url, records, times] = &arguments[..] else { return Err("WORK URL RECORDS TIMES".into()) };
    let records: u64 = records.parse()?;
    let client = Client::builder(url).auth(("bench", "bench")).build()?;
    let (mut count, mut sum, mut durations) = (0, 0, Vec::new());
    for _ in 0..times.parse()? {
        let folder = Folder::new()?;
        match work.as_str() {
            "nothing" => {}
            "pull" => {
                let books = open(&folder.file(), &client).await?;
                count += books.sync().await?.received;
            }
            "pull-by-hand" => count += by_hand::pull(&folder.file(), &client).await?,
            "query" => {
                let books = open(&folder.file(), &client).await?;
                books.sync().await?;
                let fields = Book::fields();
                for number in 0..QUERIES {
                    let start = Instant::now();
                    let first = books.get_records().filter(fields.pages.ge(100 + number)).sort(fields.pages.asc());
                    let first = first.limit(20).await?;
                    durations.push(start.elapsed());
                    sum += first.iter().map(|book| book.data.pages).sum::<u64>();
                    count += first.len();
                }
            }
            "edits" | "updates" => {
                let books = filled(&folder.file(), &client, records).await?;
                let pages = Book::fields().pages;
                for number in 0..records {
                    let start = Instant::now();
                    let id = format!("b{number}");
                    let edited = match work.as_str() {
                        "edits" => books.edit_record(id).set(pages, 1100 + number % 900).await?,
                        _ => books.update_record(id, |book| book.pages += 1000).await?,
                    };
                    durations.push(start.elapsed());
                    sum += edited.data.pages;
                    count += 1;
                }
            }
            "edits-blocking" => {
                let books = filled(&folder.file(), &client, records).await?;
                let pages = Book::fields().pages;
                block_in_place(|| {
                    for number in 0..records {
                        let edit = books.edit_record(format!("b{number}")).set(pages, 1100 + number % 900);
                        sum += timed(&mut durations, || edit.call())?.data.pages;
                        count += 1;
                    }
                    Ok::<_, kinto_client::Error>(())
                })?;
            }
            "edits-by-hand" => {
                durations.extend(by_hand::edit(&folder.file(), records)?);
                count += durations.len();
            }
            "pull-and-push" | "pull-and-edit" => {
                let books = open(&folder.file(), &client).await?;
                books.pull().await?;
                // In few transactions: what they cost is taken off, and has to be small beside a push.
                let changed = books.update_records(|book| book.lent = !book.lent).await?.changed;
                count += if work == "pull-and-push" { books.push().await?.sent } else { changed };
            }
            _ => return Err("there is no such work".into()),
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    print!("{count} {sum} {}", peak.trim().trim_end_matches(" kB"));
    durations.sort_unstable();
    for percent in [50, 99] {
        if let Some(duration) = durations.get(durations.len() * percent / 100) {
            print!(" {:.1}", duration.as_secs_f64() * 1e6);
        }
    }
    println!();
    Ok(())
}

/// A store with so many books.
async fn filled(file: &Path, client: &Client, records: u64) -> Outcome<LocalCollection<Book>> {
    let books = open(file, client).await?;
    for number in 0..records {
        books.create_record(book(number)).id(format!("b{number}")).await?;
    }
    Ok(books)
}

async fn open(file: &Path, client: &Client) -> Outcome<LocalCollection<Book>> {
    Ok(Store::open(file).await?.collection::<Book>(client).await?)
}

fn timed<T, E>(durations: &mut Vec<Duration>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let outcome = work();
    durations.push(start.elapsed());
    outcome
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let name = format!("compare-local-{}-{}", std::process::id(), Instant::now().elapsed().as_nanos());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn file(&self) -> PathBuf {
        self.0.join("books.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
