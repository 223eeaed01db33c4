//! The table of what applying a version does, and laws that hold for all rows.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SYNC: Rules =
    Rules { policy: Policy::Manual, record_type: RecordType::ANY, revision: 100, now: Timestamp::from_millis(50) };

fn body(text: &str) -> Option<Body> {
    (!text.is_empty()).then(|| text.into())
}

fn version(text: &str, last_modified: u64) -> Version {
    Version { body: body(text), last_modified: Timestamp::from_millis(last_modified) }
}

fn row(local: &str, base: Option<Version>) -> Row {
    Row { local: body(local), base, revision: 1, ..Row::default() }
}

/// The data here, the status, and the version that the server has as far as is known.
fn state(row: &Row) -> (&str, Status, Option<u64>) {
    (
        row.local.as_deref().unwrap_or_default(),
        row.status(),
        row.base.as_ref().map(|base| base.last_modified.as_millis()),
    )
}

#[test]
fn table_of_what_the_server_has() {
    use Status::{Clean, Conflict, ToCreate, ToDelete, ToUpdate};
    let base = || Some(version(r#"{"a":1,"b":1}"#, 5));
    let (old, mine, theirs) = (r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":3}"#);
    for (row, remote, local, status, known) in [
        // Clean rows are replaced whole: a field that is gone there is gone here.
        (row(old, base()), version(r#"{"c":1}"#, 6), r#"{"c":1}"#, Clean, Some(6)),
        (row(old, base()), version("", 6), "", Clean, Some(6)),
        (row("", None), version(old, 6), old, Clean, Some(6)),
        (row("", None), version("", 6), "", Clean, Some(6)),
        // An echo changes nothing.
        (row(mine, base()), version(old, 5), mine, ToUpdate, Some(5)),
        (row("", base()), version(old, 5), "", ToDelete, Some(5)),
        // Changed here.
        (row(mine, base()), version(mine, 6), mine, Clean, Some(6)),
        (row(mine, base()), version(theirs, 6), r#"{"a":2,"b":3}"#, ToUpdate, Some(6)),
        (row(mine, base()), version(r#"{"a":4,"b":1}"#, 6), mine, Conflict, Some(5)),
        (row(mine, base()), version("", 6), mine, Conflict, Some(5)),
        // Deleted here.
        (row("", base()), version("", 6), "", Clean, Some(6)),
        (row("", base()), version(theirs, 6), "", Conflict, Some(5)),
        (row("", base()), version(old, 6), "", ToDelete, Some(6)),
        // Created here.
        (row(mine, None), version(mine, 6), mine, Clean, Some(6)),
        (row(mine, None), version(theirs, 6), mine, Conflict, None),
        (row(mine, None), version("", 6), mine, ToCreate, Some(6)),
    ] {
        let after = apply(row.clone(), &remote, &SYNC).unwrap();
        assert_eq!(state(&after), (local, status, known), "{row:?} {remote:?}");
        assert_eq!(after.revision == 100, after.local != row.local, "a merge has a revision of its own: {after:?}");
    }
}

#[test]
fn policies_decide_what_cannot_be_merged() {
    let row = row(r#"{"a":2,"b":1}"#, Some(version(r#"{"a":1,"b":1}"#, 5)));
    for (side, remote, local) in [
        (Side::Local, version(r#"{"a":3,"b":9}"#, 6), r#"{"a":2,"b":9}"#),
        (Side::Remote, version(r#"{"a":3,"b":9}"#, 6), r#"{"a":3,"b":9}"#),
        (Side::Local, version("", 6), r#"{"a":2,"b":1}"#),
        (Side::Remote, version("", 6), ""),
    ] {
        let rules = Rules { policy: Policy::Prefer(side), ..SYNC };
        let after = apply(row.clone(), &remote, &rules).unwrap();
        assert_eq!((after.local.as_deref().unwrap_or_default(), after.conflict), (local, None), "{side:?}");
        assert_eq!(after.base, Some(remote));
    }
}

/// The version that the program sees is the server's, or a later time of here, and never the same for other data.
#[test]
fn version_of_changed_data_is_later_than_the_one_before() {
    let row = row(r#"{"a":1}"#, Some(version(r#"{"a":1}"#, 70)));
    assert_eq!(row.version().as_millis(), 70);
    let row = write(row, body(r#"{"a":2}"#), &SYNC);
    assert_eq!(row.version().as_millis(), 71, "the clock here is behind that of the server");
    let row = write(row, body(r#"{"a":3}"#), &Rules { now: Timestamp::from_millis(90), ..SYNC });
    assert_eq!(row.version().as_millis(), 90);
    let row = apply(row, &version(r#"{"a":1,"b":1}"#, 75), &Rules { revision: 101, ..SYNC }).unwrap();
    assert_eq!(row.version().as_millis(), 91);
    let row = apply(row, &version(r#"{"a":3,"b":1}"#, 76), &Rules { revision: 102, ..SYNC }).unwrap();
    assert_eq!(row.version().as_millis(), 76);
}

#[test]
fn created_and_deleted_before_it_was_sent_leaves_nothing() {
    let created = write(Row::default(), body(r#"{"a":1}"#), &Rules { revision: 1, ..SYNC });
    let deleted = write(created, None, &Rules { revision: 2, ..SYNC });
    assert!(deleted.is_gone() && begin_push(deleted, 3, UNKNOWN).is_none());
}

#[test]
fn undone_edit_leaves_the_received_bytes() {
    let base = version(r#"{"a":1.0,"b":2}"#, 5);
    let edited = write(row(r#"{"a":1.0,"b":2}"#, Some(base)), body(r#"{"a":3}"#), &Rules { revision: 7, ..SYNC });
    assert_eq!(edited.status(), Status::ToUpdate);
    let undone = write(edited, body(r#"{"b":2,"a":1}"#), &Rules { revision: 8, ..SYNC });
    assert_eq!(state(&undone), (r#"{"a":1.0,"b":2}"#, Status::Clean, Some(5)));
}

fn data() -> impl Strategy<Value = Value> {
    let value =
        prop_oneof![Just(json!(1)), Just(json!(2)), Just(json!("x")), Just(json!({"i": 1})), Just(json!([1, 2]))];
    prop::collection::btree_map("[abc]", value, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn state_of_server() -> impl Strategy<Value = Version> {
    (prop::option::weighted(0.8, data()), 1..9_u64).prop_map(|(data, millis)| Version {
        body: data.map(|data| data.to_string().into()),
        last_modified: Timestamp::from_millis(millis),
    })
}

/// Rows as the rules make them: written here, sent with some responses lost, and told of the server.
fn any_row() -> impl Strategy<Value = Row> {
    let step = prop_oneof![
        3 => prop::option::weighted(0.8, data()).prop_map(Step::Write),
        2 => Just(Step::Send),
        2 => state_of_server().prop_map(Step::Apply),
    ];
    (any::<bool>(), prop::collection::vec(step, 0..7)).prop_map(|(is_own_id, steps)| {
        let mut row = Row { is_own_id, ..Row::default() };
        for (number, step) in (1..).zip(steps) {
            let rules = Rules { revision: number, ..SYNC };
            row = match step {
                Step::Write(data) => write(row, data.map(|data| data.to_string().into()), &rules),
                Step::Send => begin_push(row.clone(), number, UNKNOWN).map_or(row, |(row, _)| row),
                Step::Apply(version) => apply(row, &version, &rules).unwrap(),
            };
        }
        row
    })
}

#[derive(Clone, Debug)]
enum Step {
    Write(Option<Value>),
    Send,
    Apply(Version),
}

proptest! {
    #[test]
    fn applying_twice_is_applying_once(row in any_row(), remote in state_of_server()) {
        let once = apply(row, &remote, &SYNC).unwrap();
        prop_assert_eq!(apply(once.clone(), &remote, &Rules { revision: 101, ..SYNC }).unwrap(), once);
    }

    /// Whatever the server has, what was written here is here, on the server, or in a conflict that shows it.
    #[test]
    fn no_local_change_is_dropped(row in any_row(), remote in state_of_server()) {
        let is_dirty = !matches!(row.status(), Status::Clean | Status::InDoubt);
        let after = apply(row.clone(), &remote, &SYNC).unwrap();
        let merged = after.conflict.is_none().then(|| after.local.clone());
        if after == row || !is_dirty {
            return Ok(());
        }
        match merged {
            None => prop_assert_eq!(after.local, row.local, "a conflict keeps what is here"),
            Some(merged) => {
                let fields = |body: &Option<Body>| -> serde_json::Map<String, Value> {
                    body.as_deref().map(|body| serde_json::from_str(body).unwrap()).unwrap_or_default()
                };
                let known: Vec<_> = row.journal.iter().map(|entry| fields(&entry.body)).collect();
                let (base, local, merged) = (fields(&row.base_body().cloned()), fields(&row.local), fields(&merged));
                for (key, value) in local.iter().filter(|(key, value)| base.get(*key) != Some(value)) {
                    let was_sent = known.iter().any(|sent| sent.get(key) == Some(value));
                    prop_assert!(was_sent || merged.get(key) == Some(value), "{} = {} was dropped", key, value);
                }
            }
        }
    }

    /// A row that has been sent is not clean, and is not forgotten, before there is a response.
    #[test]
    fn row_with_a_journal_is_not_clean(row in any_row()) {
        if let Some((sent, push)) = begin_push(row, 50, UNKNOWN) {
            prop_assert!(sent.status() != Status::Clean && !sent.is_gone());
            prop_assert_eq!(push == Push::Get, sent.local.is_none() && sent.base_body().is_none());
        }
    }

    /// A stored write of the newest data leaves a clean row with what the server stored.
    #[test]
    fn stored_write_leaves_a_clean_row(row in any_row()) {
        let Some((sent, push)) = begin_push(row, 50, UNKNOWN) else { return Ok(()) };
        let stored = match push {
            Push::Put { body, .. } => Some(body),
            Push::Delete { .. } => None,
            Push::Get => return Ok(()),
        };
        let stored = Version { body: stored, last_modified: Timestamp::from_millis(77) };
        let after = finish_push(sent, 50, PushResult::Stored(stored.clone()), &SYNC).unwrap();
        prop_assert_eq!(after.status(), Status::Clean);
        prop_assert_eq!(&after.local, &stored.body);
        prop_assert_eq!(after.base, Some(stored));
    }

    /// Whatever the server has lost, a conflict keeps both sides until it is resolved for what the server has then.
    #[test]
    fn loss_leaves_both_sides_of_a_conflict(row in any_row(), older in state_of_server(), is_gone in any::<bool>()) {
        let Some(conflict) = row.conflict.clone() else { return Ok(()) };
        let (after, remote) = if is_gone {
            (apply_loss(row.clone(), true, &SYNC).unwrap(), Version::gone())
        } else {
            (republish(row.clone(), &older, &SYNC), older)
        };
        let kept = after.conflict.clone().unwrap();
        prop_assert!(alike(kept.theirs().body.as_deref(), conflict.theirs().body.as_deref()));
        prop_assert_eq!((&after.local, &after.base, &kept.remote), (&row.local, &row.base, &remote));
        prop_assert!(begin_push(after.clone(), 101, UNKNOWN).is_none());
        let theirs = conflict.theirs().body.clone();
        let resolved = resolve(after, theirs.clone(), &SYNC);
        prop_assert_eq!(resolved.guard(), remote.guard());
        prop_assert!(alike(resolved.local.as_deref(), theirs.as_deref()));
        let is_there = alike(theirs.as_deref(), remote.body.as_deref());
        prop_assert_eq!(begin_push(resolved, 102, UNKNOWN).is_none(), is_there);
    }

    #[test]
    fn resolved_conflict_is_made_of_what_the_server_has(row in any_row(), choice in prop::option::of(data())) {
        let Some(conflict) = row.conflict.clone() else { return Ok(()) };
        let choice: Option<Body> = choice.map(|data| data.to_string().into());
        let after = resolve(row, choice.clone(), &SYNC);
        prop_assert!(after.conflict.is_none() && after.journal.is_empty());
        prop_assert!(alike(after.local.as_deref(), choice.as_deref()));
        prop_assert_eq!(after.base, Some(conflict.remote));
    }
}
