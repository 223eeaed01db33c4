//! `compare-client WORK URL RECORDS TIMES`: does the work, and prints what came of it.

use std::{env, error::Error, fs};

use futures_util::TryStreamExt as _;
use kinto_client::{Client, KintoRecord, list::Conditional};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "bench", collection = "books")]
struct Book {
    title: String,
    author: String,
    pages: u64,
    price: f64,
    lent: bool,
    tags: Vec<String>,
}

fn book(number: u64) -> Book {
    Book {
        title: format!("The book with the number {number}, in two volumes"),
        author: format!("Author {}", number % 1000),
        pages: 100 + number % 900,
        price: f64::from(u32::try_from(number % 10_000).unwrap_or_default()) / 100.0,
        lent: number.is_multiple_of(3),
        tags: vec!["fiction".to_owned(), format!("shelf-{}", number % 50)],
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, url, records, times] = &arguments[..] else { return Err("WORK URL RECORDS TIMES".into()) };
    let records: u64 = records.parse()?;
    let client = Client::builder(url).auth(("bench", "bench")).build()?;
    let books = client.typed::<Book>();
    let (mut count, mut sum) = (0, 0);
    // What was read or created is kept to the end: many small lists are to need the memory that one long one needs.
    let (mut read, mut created) = (Vec::new(), Vec::new());
    for _ in 0..times.parse()? {
        match work.as_str() {
            "nothing" => {}
            "prepare" => {
                let bucket = client.bucket("bench");
                bucket.create().if_not_exists().await?;
                bucket.create_collection("books").if_not_exists().await?;
                bucket.create_collection("locks").if_not_exists().await?;
            }
            "read" => {
                let all = books.get_records().await?;
                count += all.len();
                sum += all.iter().map(|book| book.data.pages).sum::<u64>();
                read.push(all);
            }
            "read-parallel" => {
                let all = books.get_records().parallel().await?;
                count += all.len();
                sum += all.iter().map(|book| book.data.pages).sum::<u64>();
                read.push(all);
            }
            "stream" => {
                let mut all = books.get_records().stream();
                while let Some(book) = all.try_next().await? {
                    count += 1;
                    sum += book.data.pages;
                }
            }
            "create" => {
                let all = books.create_records((0..records).map(book)).await?;
                count += all.len();
                sum += all.iter().map(|book| book.data.pages).sum::<u64>();
                created.push(all);
            }
            "save" => {
                let mut all = books.get_records().await?;
                for book in all.iter_mut().step_by(100) {
                    book.data.lent = !book.data.lent;
                }
                count += books.save_records(&mut all).await?.len();
            }
            "update" | "update-fenced" => {
                let books = match work.as_str() {
                    "update" => books.clone(),
                    _ => books.fenced_by(&client.bucket("bench").collection("locks")),
                };
                books.create_record(book(0)).id("updated").if_not_exists().await?;
                for _ in 0..records {
                    sum += books.update_record("updated", |book| book.pages += 1).await?.data.pages;
                    count += 1;
                }
            }
            "unchanged" => {
                let known = books.get_records().limit(1).await?.last_modified;
                let Conditional::NotModified = books.get_records().if_changed_since(known).await? else {
                    return Err("it has changed".into());
                };
            }
            _ => return Err("there is no such work".into()),
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    println!("{count} {sum} {}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}
