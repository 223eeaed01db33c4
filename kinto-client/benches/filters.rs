//! Encoding the query of a list: filters, orders and fields.

use criterion::{Criterion, criterion_group, criterion_main};
use kinto_client::{KintoRecord, Value};

mod canned;

use canned::Book;

fn filters(criterion: &mut Criterion) {
    let client = canned::client(&Value::Null);
    let books = client.typed::<Book>();
    let f = Book::fields();
    criterion.bench_function("one filter", |bencher| {
        bencher.iter(|| books.get_records().filter(f.lent.eq(false)).count().preview());
    });
    criterion.bench_function("five filters", |bencher| {
        bencher.iter(|| {
            let books = books.get_records().filter(f.lent.eq(false)).filter(f.title.like("*number*"));
            let books = books.filter(f.pages.ge(300_u64)).filter(f.price.lt(20.0));
            books.filter(f.tags.contains_any(["fiction", "shelf-7"])).count().preview()
        });
    });
}

criterion_group!(benches, filters);
criterion_main!(benches);
