//! Saving records that were read: finding out what was changed, and putting it into what was received.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kinto_client::{KintoRecord, Record, Records};
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

criterion_group!(benches, saving);
criterion_main!(benches);
