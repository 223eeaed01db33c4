//! `compare-plain WORK URL RECORDS TIMES`: does the work, and prints what came of it.

use std::{env, error::Error, fs};

use reqwest::{Client, Url};
use serde::{Deserialize, de::DeserializeOwned};

mod batch;
mod book;
mod calls;

use book::{Book, Envelope, Whole, book};
use calls::Calls;

const RECORDS: &str = "/buckets/bench/collections/books/records";

#[derive(Deserialize)]
struct List<R> {
    data: Vec<R>,
}

/// Reads a list, and gives each page to `take`.
async fn read<R: DeserializeOwned>(
    client: &Client,
    url: &str,
    mut take: impl FnMut(Vec<R>),
) -> Result<(), Box<dyn Error>> {
    let mut next = Some(Url::parse(&format!("{url}{RECORDS}"))?);
    while let Some(page) = next.take() {
        let response = client.get(page).basic_auth("bench", Some("bench")).send().await?.error_for_status()?;
        if let Some(url) = response.headers().get("next-page") {
            next = Some(Url::parse(url.to_str()?)?);
        }
        take(response.json::<List<R>>().await?.data);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, url, records, times] = &arguments[..] else { return Err("WORK URL RECORDS TIMES".into()) };
    let records: u64 = records.parse()?;
    let client = Client::builder().user_agent(concat!("compare-plain/", env!("CARGO_PKG_VERSION"))).build()?;
    let (mut count, mut sum, mut durations) = (0, 0, Vec::new());
    // What was read or created is kept to the end, as by kinto-client.
    let (mut lists, mut enveloped) = (Vec::new(), Vec::new());
    for _ in 0..times.parse()? {
        match work.as_str() {
            "nothing" => {}
            "read" => {
                let mut all: Vec<Whole> = Vec::new();
                read(&client, url, |page| all.extend(page)).await?;
                count += all.len();
                sum += all.iter().map(|book| book.pages).sum::<u64>();
                lists.push(all);
            }
            "read-envelope" => {
                let mut all: Vec<Envelope<Book>> = Vec::new();
                read(&client, url, |page| all.extend(page)).await?;
                count += all.len();
                sum += all.iter().map(|book| book.data.pages).sum::<u64>();
                enveloped.push(all);
            }
            "stream" => {
                let take = |page: Vec<Whole>| {
                    count += page.len();
                    sum += page.iter().map(|book| book.pages).sum::<u64>();
                };
                read(&client, url, take).await?;
            }
            "stream-envelope" => {
                let take = |page: Vec<Envelope<Book>>| {
                    count += page.len();
                    sum += page.iter().map(|book| book.data.pages).sum::<u64>();
                };
                read(&client, url, take).await?;
            }
            "create" => {
                let books: Vec<Book> = (0..records).map(book).collect();
                let created = batch::create(&client, url, &books).await?;
                count += created.len();
                sum += created.iter().map(|book| book.data.pages).sum::<u64>();
                enveloped.push(created);
            }
            "create-from" => count += batch::create_guarded(&client, url, records).await?,
            "gets" | "gets-at-once" | "saves" => {
                let Calls { sum: more, durations: each } = calls::make(work, &client, url, records).await?;
                count += each.len();
                sum += more;
                durations.extend(each);
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
