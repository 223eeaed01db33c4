use std::{collections::BTreeMap, fmt};

use futures_util::{StreamExt as _, TryStreamExt as _};
use kinto_client::{
    Call, Error, ErrorKind, Filter, Value,
    local::{LocalCollection, LocalList, Store},
    object::RecordData,
};
use kinto_tests::{Chance, Fixture, evaluator::Stored};
use serde::Deserialize;

use super::Case;

/// Puts records there, and reads what came of them by other means than the library's lists.
pub(crate) async fn store(fixture: &Fixture, records: Vec<Value>) -> Vec<Stored> {
    fixture.fill((0..).zip(records).map(|(place, data): (usize, Value)| (format!("r{place:03}"), data))).await;
    held(fixture).await
}

pub(crate) async fn held(fixture: &Fixture) -> Vec<Stored> {
    let answer = fixture.plain.get(&fixture.records).await.json();
    let read = |record: &Value| {
        let mut data = record.clone();
        let fields = data.as_object_mut().expect("an object");
        let (id, time) = (fields.remove("id").expect("an id"), fields.remove("last_modified").expect("a time"));
        let id = id.as_str().expect("text").to_owned();
        Stored { id, last_modified: time.as_u64().expect("milliseconds"), data }
    };
    let mut stored: Vec<Stored> = answer["data"].as_array().expect("a list").iter().map(read).collect();
    stored.sort_by(|one, other| one.id.cmp(&other.id));
    stored
}

/// Reasons for which a query may be refused before it is sent.
const REFUSALS: [&str; 4] =
    ["twice", "in two calls", "several lists or objects in a list", "lists and objects among several values"];

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "s", default)]
    _s: Option<Value>,
}

/// Returns the records in a store, without a network.
pub(crate) async fn in_a_store<T: RecordData>(fixture: &Fixture) -> LocalCollection<T> {
    let store = Store::in_memory().await.expect("a store");
    store.bind(&fixture.todos).await.expect("the records of a collection")
}

/// Asks by every end. Returns false if the query was refused.
pub(crate) async fn check<T: RecordData>(
    fixture: &Fixture,
    local: &LocalCollection<T>,
    case: &Case<'_, T>,
    chance: &mut Chance,
    shown: &str,
) -> bool {
    let expected = &case.expected;
    let get = || {
        let mut call = fixture.todos.get_records::<T>();
        if let Some(filter) = &case.filter {
            call = call.filter(filter.clone());
        }
        case.sort.iter().cloned().fold(call, kinto_client::Call::sort)
    };
    let size = u32::try_from(chance.place(7) + 1).expect("a small number");
    let all = match get().await {
        Ok(all) => all,
        Err(error) => {
            let here = get_local(local, case).await.err().expect("it is refused there");
            assert_eq!(without_context(&here), without_context(&error), "{shown}: in a store");
            let known = REFUSALS.iter().any(|reason| error.to_string().contains(reason));
            assert!(error.is_invalid() && known, "{shown}: {error}");
            return false;
        }
    };
    assert_eq!(ids(all.iter().map(|record| &record.id)), *expected, "{shown}: a list");
    check_local(local, case, size, shown).await;
    let mut counted = fixture.todos.get_records::<T>();
    if let Some(filter) = &case.filter {
        counted = counted.filter(filter.clone());
    }
    let counted = counted.count().await;
    assert_eq!(of(counted, shown), expected.len(), "{shown}: a count");
    match chance.place(8) {
        0 => {
            let first = of(get().first().await, shown);
            assert_eq!(
                first.map(|record| record.id.to_string()).as_deref(),
                expected.first().copied(),
                "{shown}: first"
            );
        }
        1 => match get().one().await {
            Ok(record) => assert_eq!([record.id.as_str()], expected[..], "{shown}: one"),
            Err(error) if error.is_not_found() => assert!(expected.is_empty(), "{shown}: none"),
            Err(error) => assert!(error.kind() == ErrorKind::MultipleResults && expected.len() > 1, "{shown}: {error}"),
        },
        2 => {
            let mut streamed: Vec<_> = of(get().page_size(size).stream().try_collect().await, shown);
            if case.sort.is_empty() {
                // A stream without an order comes oldest first, so that nothing is missed.
                streamed.reverse();
            }
            assert_eq!(ids(streamed.iter().map(|record| &record.id)), *expected, "{shown}: a stream by {size}");
        }
        3 => {
            let mut pages = get().page_size(size).pages();
            let mut read = Vec::new();
            while let Some(page) = pages.next().await {
                let page = of(page, shown);
                read.extend(page.items.iter().map(|record| record.id.to_string()));
                let Some(token) = page.next else { continue };
                let rest = of(get().page_size(size).resume(token).await, shown);
                let rest = ids(rest.iter().map(|record| &record.id));
                assert_eq!(rest, expected[read.len().min(expected.len())..], "{shown}: resumed after {read:?}");
            }
            assert_eq!(read, *expected, "{shown}: pages of {size}");
        }
        4 if case.sort.is_empty() => {
            let both = of(get().page_size(size).parallel().await, shown);
            assert_eq!(ids(both.iter().map(|record| &record.id)), *expected, "{shown}: from both ends by {size}");
        }
        5 => {
            let pinned = of(get().page_size(size).consistent().await, shown);
            assert_eq!(ids(pinned.iter().map(|record| &record.id)), *expected, "{shown}: consistent, by {size}");
        }
        6 => {
            let each = of(get().page_size(size).lenient().await, shown);
            let read: Vec<String> = each.iter().map(|one| one.as_ref().expect("JSON").id.to_string()).collect();
            assert_eq!(read, *expected, "{shown}: lenient");
        }
        7 => {
            let some = of(get().limit(3).select_as::<Part>().await, shown);
            let most = expected.len().min(3);
            assert_eq!(ids(some.iter().map(|record| &record.id)), expected[..most], "{shown}: three, of one field");
        }
        _ => {}
    }
    true
}

fn get_local<T: RecordData>(local: &LocalCollection<T>, case: &Case<'_, T>) -> Call<'static, LocalList<T>> {
    let mut call = local.get_records();
    if let Some(filter) = &case.filter {
        call = call.filter(filter.clone());
    }
    case.sort.iter().cloned().fold(call, Call::sort)
}

/// Asks a store, by every end.
async fn check_local<T: RecordData>(local: &LocalCollection<T>, case: &Case<'_, T>, size: u32, shown: &str) {
    let expected = &case.expected;
    let get = || get_local(local, case);
    let all = of(get().await, shown);
    assert_eq!(ids(all.iter().map(|record| &record.id)), *expected, "{shown}: a list in a store");
    let streamed: Vec<_> = of(get().stream().try_collect().await, shown);
    assert_eq!(ids(streamed.iter().map(|record| &record.id)), *expected, "{shown}: a stream of a store");
    let limit = usize::try_from(size).expect("a small number");
    let some = of(get().limit(limit).await, shown);
    assert_eq!(ids(some.iter().map(|record| &record.id)), expected[..limit.min(expected.len())], "{shown}: a limit");
    let first = of(get().first().await, shown);
    let first = first.map(|record| record.id.to_string());
    assert_eq!(first.as_deref(), expected.first().copied(), "{shown}: the first of a store");
    match get().one().await {
        Ok(record) => assert_eq!([record.id.as_str()], expected[..], "{shown}: one of a store"),
        Err(error) if error.is_not_found() => assert!(expected.is_empty(), "{shown}: none of a store"),
        Err(error) => assert!(error.kind() == ErrorKind::MultipleResults && expected.len() > 1, "{shown}: {error}"),
    }
    assert_eq!(of(get().count().await, shown), expected.len(), "{shown}: a count of a store");
}

/// Returns the message after what failed, which names another place.
fn without_context(error: &Error) -> String {
    let message = error.to_string();
    message.split_once(": ").map_or(message.clone(), |(_, reason)| reason.to_owned())
}

/// Deletes what matches, and puts it there again.
pub(crate) async fn delete<T: RecordData>(
    fixture: &Fixture,
    stored: Vec<Stored>,
    filter: Option<Filter<T>>,
    mut expected: Vec<String>,
    shown: &str,
) -> Vec<Stored> {
    let mut call = fixture.todos.typed::<T>().delete_all_records();
    if let Some(filter) = filter {
        call = call.filter(filter);
    }
    let deleted = match call.await {
        Ok(deleted) => deleted,
        Err(error) => {
            assert!(error.is_invalid(), "{shown}: deleting: {error}");
            assert_eq!(held(fixture).await.len(), stored.len(), "{shown}: what is refused deletes nothing");
            return stored;
        }
    };
    let mut deleted = ids(deleted.iter().map(|tombstone| &tombstone.id));
    deleted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(deleted, expected, "{shown}: deleted");
    let left = held(fixture).await;
    assert_eq!(left.len() + deleted.len(), stored.len(), "{shown}: left after deleting");
    let gone: BTreeMap<String, Value> = stored.into_iter().map(|record| (record.id, record.data)).collect();
    fixture.fill(gone.into_iter().filter(|(id, _)| deleted.contains(id))).await;
    held(fixture).await
}

fn of<T>(outcome: Result<T, Error>, shown: &str) -> T {
    outcome.unwrap_or_else(|error| panic!("{shown}: {error}"))
}

fn ids<I: fmt::Display>(ids: impl Iterator<Item = I>) -> Vec<String> {
    ids.map(|id| id.to_string()).collect()
}
