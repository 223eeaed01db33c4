//! Saving records that were read: finding out what was changed, and putting it into what was received.

use std::collections::BTreeMap;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kinto_client::{JsonObject, KintoRecord, Record, list::Records, object::RecordData};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

mod canned;

use canned::Book;

const RECORDS: u32 = 1_000;

fn saving(criterion: &mut Criterion) {
    let client = canned::client(&canned::page(RECORDS));
    let books = client.bucket(Book::BUCKET).collection(Book::COLLECTION);
    let runtime = Runtime::new().unwrap_or_else(|error| unreachable!("{error}"));
    let read = runtime.block_on(async { books.get_records::<Book>().await });
    let read: Records<Book> = read.unwrap_or_else(|error| unreachable!("{error}"));

    criterion.bench_function("a record, to what a save would send", |bencher| {
        bencher.iter_batched_ref(
            || read.first().cloned().into_iter().collect::<Vec<Record<Book>>>(),
            |records| {
                for record in records {
                    record.data.lent = !record.data.lent;
                    let _ = std::hint::black_box(books.save_record(record).preview());
                }
            },
            BatchSize::SmallInput,
        );
    });
    let mut group = criterion.benchmark_group("1,000 records");
    group.throughput(Throughput::Elements(RECORDS.into()));
    group.bench_function("none of which was changed", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || read.clone(),
            |mut records| {
                let books = books.clone();
                async move { books.save_records(&mut records).await.map(|saved| saved.len()) }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Keys(BTreeMap<String, u32>);

impl RecordData for Keys {}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Numbers {
    numbers: Vec<u32>,
}

impl RecordData for Numbers {}

/// The time that each key and each number takes: the same for ten times as many.
fn large_records(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap_or_else(|error| unreachable!("{error}"));
    let mut group = criterion.benchmark_group("large records");
    group.sample_size(10);
    for size in [10_000_u32, 100_000] {
        group.throughput(Throughput::Elements(size.into()));
        let stamp = JsonObject::from_iter([("id".to_owned(), json!("r")), ("last_modified".to_owned(), json!(7))]);
        let mut keys = stamp.clone();
        keys.extend((0..size).map(|number| (format!("key {number}"), json!(number))));
        let client = canned::client(&json!({ "data": keys }));
        let records = client.bucket("bench").collection("large");
        let read: Record<Keys> =
            runtime.block_on(async { records.get_record("r").await }).unwrap_or_else(|error| unreachable!("{error}"));
        group.bench_function(BenchmarkId::new("one key of many changed", size), |bencher| {
            bencher.iter_batched_ref(
                || read.clone(),
                |record| {
                    record.data.0.insert("key 7".to_owned(), 0);
                    let _ = std::hint::black_box(records.save_record(record).preview());
                },
                BatchSize::LargeInput,
            );
        });
        let mut numbers = stamp;
        numbers.insert("numbers".to_owned(), (0..size).collect());
        let client = canned::client(&json!({ "data": numbers }));
        let records = client.bucket("bench").collection("large");
        let read: Record<Numbers> =
            runtime.block_on(async { records.get_record("r").await }).unwrap_or_else(|error| unreachable!("{error}"));
        group.bench_function(BenchmarkId::new("all numbers of a list changed", size), |bencher| {
            bencher.iter_batched_ref(
                || read.clone(),
                |record| {
                    record.data.numbers.iter_mut().for_each(|number| *number += size);
                    let _ = std::hint::black_box(records.save_record(record).preview());
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, saving, large_records);
criterion_main!(benches);
