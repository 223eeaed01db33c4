//! Decoding a page of 1,000 records: into structs, as JSON, and no further than into slices of the page.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kinto_client::{KintoRecord, Value};
use tokio::runtime::Runtime;

mod canned;

use canned::{Book, Nothing};

const RECORDS: u32 = 1_000;

fn reading(criterion: &mut Criterion) {
    let client = canned::client(&canned::page(RECORDS));
    let books = client.bucket(Book::BUCKET).collection(Book::COLLECTION);
    let runtime = || Runtime::new().unwrap_or_else(|error| unreachable!("{error}"));
    let mut group = criterion.benchmark_group("a page of 1,000 records");
    group.throughput(Throughput::Elements(RECORDS.into()));
    group.bench_function("typed", |bencher| {
        bencher.to_async(runtime()).iter(|| async { books.get_records::<Book>().await });
    });
    group.bench_function("as JSON", |bencher| {
        bencher.to_async(runtime()).iter(|| async { books.get_records::<Value>().await });
    });
    group.bench_function("raw slices", |bencher| {
        bencher.to_async(runtime()).iter(|| async { books.get_records::<Nothing>().await });
    });
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
