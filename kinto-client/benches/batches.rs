//! Building a batch and reading its answers: 1,000 records in requests of 25, as most servers take them.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kinto_client::KintoRecord;
use tokio::runtime::Runtime;

mod canned;

use canned::{Book, book, id};

const RECORDS: u32 = 1_000;

fn batches(criterion: &mut Criterion) {
    let client = canned::client(&canned::answers(25));
    let books = client.bucket(Book::BUCKET).collection(Book::COLLECTION);
    let runtime = || Runtime::new().unwrap_or_else(|error| unreachable!("{error}"));
    let mut group = criterion.benchmark_group("a batch of 1,000 records");
    group.throughput(Throughput::Elements(RECORDS.into()));
    group.bench_function("create_records", |bencher| {
        bencher.to_async(runtime()).iter_batched(
            || (0..RECORDS).map(book).collect::<Vec<_>>(),
            |new| async { books.create_records(new).await },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("a Batch with tickets", |bencher| {
        bencher.to_async(runtime()).iter_batched(
            || (0..RECORDS).map(|number| (id(number), book(number))).collect::<Vec<_>>(),
            |new| async {
                let mut batch = client.batch();
                for (id, book) in new {
                    batch.add(books.create_record(book).id(id));
                }
                batch.execute().await
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, batches);
criterion_main!(benches);
