//! `compare-client WORK URL RECORDS TIMES`: does the work, and prints what came of it.

use std::{env, error::Error, fs};

use futures_util::TryStreamExt as _;
use kinto_client::{Client, list::Conditional};

mod book;
mod calls;
mod streams;

use book::{Book, book};
use calls::Calls;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, url, records, times] = &arguments[..] else { return Err("WORK URL RECORDS TIMES".into()) };
    let records: u64 = records.parse()?;
    let new_client = || Client::builder(url).auth(("bench", "bench")).build();
    let client = new_client()?;
    let books = client.typed::<Book>();
    let (mut count, mut sum, mut durations) = (0, 0, Vec::new());
    // What was read or created is kept to the end: many small lists are to need the memory that one long one needs.
    let (mut read, mut created) = (Vec::new(), Vec::new());
    for _ in 0..times.parse()? {
        match work.as_str() {
            "nothing" => {}
            "new-client" => _ = new_client()?,
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
            "gets" | "gets-at-once" | "saves" => {
                let Calls { sum: more, durations: each } = calls::make(work, &books, records).await?;
                count += each.len();
                sum += more;
                durations.extend(each);
            }
            "create-from" | "overwrite-from" | "save-from" | "delete-from" => {
                count += streams::write(work, &new_client()?.typed(), records).await?;
            }
            "check" => count += streams::check(&books, records).await?,
            "clear" => streams::clear(&client).await?,
            "save" => {
                let mut all = books.get_records().await?;
                for book in all.iter_mut().step_by(100) {
                    book.data.lent = !book.data.lent;
                }
                count += books.save_records(&mut all).await?.len();
            }
            "save-all" => {
                let mut all = books.get_records().await?;
                for book in &mut all {
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
