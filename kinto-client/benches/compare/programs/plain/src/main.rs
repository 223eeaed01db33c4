//! `compare-plain WORK URL RECORDS TIMES`: does the work, and prints what came of it.

use std::{env, error::Error, fs};

use reqwest::{Client, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Serialize, Deserialize)]
struct Book {
    title: String,
    author: String,
    pages: u64,
    price: f64,
    lent: bool,
    tags: Vec<String>,
}

/// One plain struct for everything that a record holds.
#[derive(Deserialize)]
struct Whole {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "last_modified")]
    _last_modified: u64,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "author")]
    _author: String,
    pages: u64,
    #[serde(rename = "price")]
    _price: f64,
    #[serde(rename = "lent")]
    _lent: bool,
    #[serde(rename = "tags")]
    _tags: Vec<String>,
}

/// The common fields of every record, defined once for all types.
#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "last_modified")]
    _last_modified: u64,
    #[serde(flatten)]
    data: T,
}

#[derive(Deserialize)]
struct List<R> {
    data: Vec<R>,
}

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'static str,
    path: &'static str,
    body: Data<&'a Book>,
}

#[derive(Serialize, Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Answers {
    responses: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    body: Data<Envelope<Book>>,
}

const RECORDS: &str = "/buckets/bench/collections/books/records";
const BATCH: usize = 25;

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

async fn create(client: &Client, url: &str, books: &[Book]) -> Result<Vec<Envelope<Book>>, Box<dyn Error>> {
    let mut created = Vec::with_capacity(books.len());
    for chunk in books.chunks(BATCH) {
        let request = |book| Request { method: "POST", path: RECORDS, body: Data { data: book } };
        let batch = Batch { requests: chunk.iter().map(request).collect() };
        let request = client.post(format!("{url}/batch")).basic_auth("bench", Some("bench")).json(&batch);
        for answer in request.send().await?.error_for_status()?.json::<Answers>().await?.responses {
            if answer.status != 201 {
                return Err(format!("the server answered {}", answer.status).into());
            }
            created.push(answer.body.data);
        }
    }
    Ok(created)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, url, records, times] = &arguments[..] else { return Err("WORK URL RECORDS TIMES".into()) };
    let records: u64 = records.parse()?;
    let client = Client::new();
    let (mut count, mut sum) = (0, 0);
    for _ in 0..times.parse()? {
        match work.as_str() {
            "nothing" => {}
            "read" => {
                let mut all: Vec<Whole> = Vec::new();
                read(&client, url, |page| all.extend(page)).await?;
                count += all.len();
                sum += all.iter().map(|book| book.pages).sum::<u64>();
            }
            "read-envelope" => {
                let mut all: Vec<Envelope<Book>> = Vec::new();
                read(&client, url, |page| all.extend(page)).await?;
                count += all.len();
                sum += all.iter().map(|book| book.data.pages).sum::<u64>();
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
                let created = create(&client, url, &books).await?;
                count += created.len();
                sum += created.iter().map(|book| book.data.pages).sum::<u64>();
            }
            _ => return Err("there is no such work".into()),
        }
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    println!("{count} {sum} {}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}
