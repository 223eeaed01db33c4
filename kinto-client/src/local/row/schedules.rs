//! Schedules that broke earlier rules, by the number of the rule that they led to, and random ones.

use proptest::prelude::*;

use super::{
    model::{Tape, World},
    *,
};

fn rules(revision: u64) -> Rules {
    Rules { policy: Policy::Manual, record_type: RecordType::ANY, revision, now: Timestamp::from_millis(revision) }
}

fn body(text: &str) -> Body {
    text.into()
}

fn version(text: &str, last_modified: u64) -> Version {
    Version { body: Some(body(text)), last_modified: Timestamp::from_millis(last_modified) }
}

fn tombstone(last_modified: u64) -> Version {
    Version { body: None, last_modified: Timestamp::from_millis(last_modified) }
}

/// A clean row of this version.
fn stored(version: &Version) -> Row {
    apply(Row::default(), version, &rules(1)).unwrap()
}

/// The row after this was written and sent.
fn sent(row: Row, local: Option<Body>, attempt: u64) -> Row {
    begin_push(write(row, local, &rules(attempt)), attempt, UNKNOWN).unwrap().0
}

/// A record that is made, deleted and made again does not take the response to the first creation for one to the second.
#[test]
fn rule_1_response_to_an_earlier_life_of_the_record_leaves_the_data() {
    let row = sent(Row::default(), Some(body(r#"{"a":1}"#)), 1);
    let row = write(write(row, None, &rules(2)), Some(body(r#"{"a":2}"#)), &rules(3));
    let row = finish_push(row, 1, PushResult::Stored(version(r#"{"a":1}"#, 5)), &rules(4)).unwrap();
    assert_eq!((row.local.as_deref(), row.revision, row.status()), (Some(r#"{"a":2}"#), 3, Status::ToUpdate));
}

/// A merge while a write is out counts as a change: the late response, which does not have it, must not replace it.
#[test]
fn rule_1_merge_while_a_write_is_out_survives_its_response() {
    let row = sent(stored(&version(r#"{"a":1}"#, 5)), Some(body(r#"{"a":2}"#)), 2);
    let row = apply(row, &version(r#"{"a":2,"b":1}"#, 7), &rules(3)).unwrap();
    assert_eq!((row.local.as_deref(), row.revision), (Some(r#"{"a":2,"b":1}"#), 3));
    let row = finish_push(row, 2, PushResult::Stored(version(r#"{"a":2}"#, 6)), &rules(4)).unwrap();
    assert_eq!((row.local.as_deref(), row.base), (Some(r#"{"a":2,"b":1}"#), Some(version(r#"{"a":2,"b":1}"#, 7))));
}

#[test]
fn rule_2_creation_that_is_deleted_while_it_is_out_is_deleted_on_the_server() {
    let row = sent(Row { is_own_id: true, ..Row::default() }, Some(body(r#"{"a":1}"#)), 1);
    let row = write(row, None, &rules(2));
    assert!(!row.is_gone());
    let (row, push) = begin_push(row, 3, UNKNOWN).unwrap();
    assert_eq!(push, Push::Get, "there is no version to delete yet");
    let row = apply(row, &version(r#"{"a":1}"#, 5), &rules(4)).unwrap();
    let (row, push) = begin_push(row, 5, UNKNOWN).unwrap();
    assert_eq!(push, Push::Delete { guard: Guard::Version(Timestamp::from_millis(5)) });
    assert!(finish_push(row, 5, PushResult::Stored(tombstone(6)), &rules(6)).unwrap().is_gone());
}

/// The server has to leave the version that the edit was sent for; otherwise the edit could be executed later.
#[test]
fn rule_2_edit_that_is_undone_while_it_is_out_is_sent_again() {
    let row = sent(stored(&version(r#"{"a":1}"#, 5)), Some(body(r#"{"a":2}"#)), 2);
    let row = write(row, Some(body(r#"{"a":1}"#)), &rules(3));
    assert_eq!(row.status(), Status::InDoubt);
    let (row, push) = begin_push(row, 4, UNKNOWN).unwrap();
    assert_eq!(push, Push::Put { body: r#"{"a":1}"#.into(), guard: Guard::Version(Timestamp::from_millis(5)) });
    let executed = PushResult::Failed { existing: version(r#"{"a":2}"#, 6), in_doubt: false };
    let row = finish_push(row, 4, executed, &rules(5)).unwrap();
    assert_eq!((row.local.as_deref(), row.status()), (Some(r#"{"a":1}"#), Status::ToUpdate));
    assert_eq!(row.base, Some(version(r#"{"a":2}"#, 6)));
}

/// A creation whose response was lost, and that was deleted since, is forgotten once it can no longer be executed.
#[test]
fn rule_2_absent_record_is_forgotten_when_its_creation_is_too_old_to_arrive() {
    let row = Row { is_own_id: true, ..Row::default() };
    let row = write(row, Some(body(r#"{"a":1}"#)), &rules(1));
    let (row, _) = begin_push(row, 1, Timestamp::from_millis(500)).unwrap();
    let row = write(row, None, &rules(2));
    assert!(!confirm_absent(row.clone(), Timestamp::from_millis(500)).is_gone());
    assert!(confirm_absent(row, Timestamp::from_millis(501)).is_gone());
}

#[test]
fn rule_3_lost_response_and_an_edit_are_no_conflict() {
    let row = sent(stored(&version(r#"{"a":1}"#, 5)), Some(body(r#"{"a":2}"#)), 2);
    let row = write(row, Some(body(r#"{"a":3}"#)), &rules(3));
    let row = apply(row, &version(r#"{"a":2}"#, 6), &rules(4)).unwrap();
    assert_eq!((row.local.as_deref(), row.status()), (Some(r#"{"a":3}"#), Status::ToUpdate));
    assert_eq!((row.base, row.journal), (Some(version(r#"{"a":2}"#, 6)), vec![]));
}

#[test]
fn rule_3_record_of_an_id_made_here_proves_its_creation() {
    let row = sent(Row { is_own_id: true, ..Row::default() }, Some(body(r#"{"a":1,"b":1}"#)), 1);
    let row = write(row, Some(body(r#"{"a":2,"b":1}"#)), &rules(2));
    let row = apply(row, &version(r#"{"a":1,"b":7}"#, 5), &rules(3)).unwrap();
    assert_eq!((row.local.as_deref(), row.status()), (Some(r#"{"a":2,"b":7}"#), Status::ToUpdate));
}

#[test]
fn rule_3_what_may_have_been_sent_or_not_is_a_conflict_where_it_matters() {
    let row = sent(stored(&version(r#"{"a":1,"b":1}"#, 5)), Some(body(r#"{"a":2,"b":1}"#)), 2);
    let clear = apply(row.clone(), &version(r#"{"a":2,"b":9}"#, 7), &rules(3)).unwrap();
    assert_eq!((clear.local.as_deref(), clear.status()), (Some(r#"{"a":2,"b":9}"#), Status::Clean));
    let unclear = apply(row, &version(r#"{"a":1,"b":9}"#, 7), &rules(3)).unwrap();
    assert_eq!((unclear.local.as_deref(), unclear.status()), (Some(r#"{"a":2,"b":1}"#), Status::Conflict));
}

#[test]
fn rule_3_precondition_that_failed_with_another_version_removes_its_entry() {
    let row = sent(stored(&version(r#"{"a":1,"b":1}"#, 5)), Some(body(r#"{"a":2,"b":1}"#)), 2);
    let existing = version(r#"{"a":1,"b":9}"#, 7);
    let sure = PushResult::Failed { existing: existing.clone(), in_doubt: false };
    let sure = finish_push(row.clone(), 2, sure, &rules(3)).unwrap();
    assert_eq!((sure.local.as_deref(), sure.status()), (Some(r#"{"a":2,"b":9}"#), Status::ToUpdate));
    let in_doubt = finish_push(row, 2, PushResult::Failed { existing, in_doubt: true }, &rules(3)).unwrap();
    assert_eq!(in_doubt.status(), Status::Conflict);
}

#[test]
fn rule_3_entries_of_several_tries_are_kept_until_the_server_has_left_their_version() {
    let row = sent(stored(&version(r#"{"a":1}"#, 5)), Some(body(r#"{"a":2}"#)), 2);
    let row = finish_push(row, 2, PushResult::Lost, &rules(3)).unwrap();
    let row = sent(row, Some(body(r#"{"a":3}"#)), 4);
    assert_eq!(row.journal.len(), 2);
    let row = apply(row, &version(r#"{"a":1}"#, 5), &rules(6)).unwrap();
    assert_eq!(row.journal.len(), 2, "an echo of the base says nothing of them");
    let row = apply(row, &version(r#"{"a":2}"#, 6), &rules(7)).unwrap();
    assert_eq!((row.local.as_deref(), row.journal.len()), (Some(r#"{"a":3}"#), 0));
}

/// Otherwise the next change of another field would be merged with the newer base, and the losing value pushed.
#[test]
fn rule_4_conflict_does_not_dissolve_in_a_later_change() {
    let row = write(stored(&version(r#"{"a":1,"b":1}"#, 5)), Some(body(r#"{"a":2,"b":1}"#)), &rules(2));
    let row = apply(row, &version(r#"{"a":3,"b":1}"#, 6), &rules(3)).unwrap();
    let row = apply(row, &version(r#"{"a":3,"b":4}"#, 7), &rules(4)).unwrap();
    assert_eq!((row.status(), row.local.as_deref()), (Status::Conflict, Some(r#"{"a":2,"b":1}"#)));
    assert_eq!(row.base, Some(version(r#"{"a":1,"b":1}"#, 5)));
    assert!(begin_push(row.clone(), 5, UNKNOWN).is_none());
    let equal = apply(row.clone(), &version(r#"{"b":1,"a":2}"#, 8), &rules(6)).unwrap();
    assert_eq!((equal.status(), equal.base), (Status::Clean, Some(version(r#"{"b":1,"a":2}"#, 8))));
    let written = write(row, Some(body(r#"{"a":3,"b":4}"#)), &rules(7));
    assert_eq!((written.status(), written.base), (Status::Clean, Some(version(r#"{"a":3,"b":4}"#, 7))));
}

/// A write is stamped before it waits for its row, so that the version of a record can be older than the one before it.
#[test]
fn rule_5_version_with_an_earlier_time_is_applied() {
    let row = apply(stored(&version(r#"{"a":1}"#, 9)), &version(r#"{"a":2}"#, 8), &rules(2)).unwrap();
    assert_eq!((row.local.as_deref(), row.status()), (Some(r#"{"a":2}"#), Status::Clean));
}

#[test]
fn rule_9_refusal_leaves_with_the_next_change() {
    let refused = |revision| {
        let problem = Problem {
            revision,
            collection: Timestamp::from_millis(1),
            status: 400,
            errno: Some(107),
            message: "too long".to_owned(),
            field: Some("a".to_owned()),
        };
        PushResult::Refused { problem, in_doubt: false }
    };
    let row = sent(stored(&version(r#"{"a":1,"b":1}"#, 5)), Some(body(r#"{"a":2,"b":1}"#)), 2);
    let edited = write(row.clone(), Some(body(r#"{"a":3,"b":1}"#)), &rules(3));
    assert_eq!(finish_push(edited, 2, refused(2), &rules(4)).unwrap().problem, None, "it is about older data");
    let row = finish_push(row, 2, refused(2), &rules(4)).unwrap();
    assert!(row.problem.is_some() && row.journal.is_empty() && begin_push(row.clone(), 5, UNKNOWN).is_none());
    let written = write(row.clone(), Some(body(r#"{"a":4,"b":1}"#)), &rules(6));
    assert!(begin_push(written, 7, UNKNOWN).is_some());
    let pulled = apply(row, &version(r#"{"a":1,"b":2}"#, 6), &rules(8)).unwrap();
    assert!(begin_push(pulled, 9, UNKNOWN).is_some());
}

/// What is gone without a deletion is sent again or deleted here, by choice; what was changed here is in no case dropped.
#[test]
fn rule_6_loss_on_the_server_is_republished_or_followed() {
    let clean = stored(&version(r#"{"a":1}"#, 5));
    let edited = write(clean.clone(), Some(body(r#"{"a":2}"#)), &rules(2));
    let again = apply_loss(clean.clone(), true, &rules(3)).unwrap();
    assert_eq!((again.status(), again.guard()), (Status::ToCreate, Guard::Absent));
    assert!(apply_loss(clean, false, &rules(3)).unwrap().is_gone());
    assert_eq!(apply_loss(edited, false, &rules(3)).unwrap().status(), Status::Conflict);
}

/// The side of the others exists here only, once the server has lost it.
#[test]
fn rule_6_conflict_keeps_both_sides_when_the_server_loses_the_record() {
    let row = write(stored(&version(r#"{"a":1}"#, 500_000)), Some(body(r#"{"a":2}"#)), &rules(2));
    let theirs = version(r#"{"a":3,"b":1}"#, 600_000);
    let row = apply(row, &theirs, &rules(3)).unwrap();
    let older = version(r#"{"a":0}"#, 400_000);
    let (gone, older) = (
        apply_loss(row.clone(), true, &rules(4)).unwrap(),
        republish(republish(row, &version(r#"{"a":1}"#, 500_000), &rules(4)), &older, &rules(5)),
    );
    for (row, guard) in [(gone, Guard::Absent), (older, Guard::Version(Timestamp::from_millis(400_000)))] {
        let conflict = row.conflict.clone().unwrap();
        assert_eq!((row.local.as_deref(), conflict.theirs()), (Some(r#"{"a":2}"#), &theirs));
        assert!(begin_push(row.clone(), 6, UNKNOWN).is_none());
        // Either side can be chosen, by a resolution or an edit, and is sent in place of what the server has.
        for choice in [r#"{"a":3,"b":1}"#, r#"{"a":2}"#] {
            let resolved = resolve(row.clone(), Some(body(choice)), &rules(7));
            let (_, push) = begin_push(resolved, 8, UNKNOWN).unwrap();
            assert_eq!(push, Push::Put { body: body(choice), guard });
        }
        let written = write(row.clone(), Some(body(r#"{"a":3,"b":1}"#)), &rules(7));
        let (_, push) = begin_push(written, 8, UNKNOWN).unwrap();
        assert_eq!(push, Push::Put { body: body(r#"{"a":3,"b":1}"#), guard });
        // Another device brings it back.
        let again = apply(row, &version(r#"{"a":3,"b":1}"#, 700_000), &rules(7)).unwrap();
        let conflict = again.conflict.unwrap();
        assert_eq!((conflict.remote, conflict.lost), (version(r#"{"a":3,"b":1}"#, 700_000), None));
    }
}

/// The writer of the older version has not seen what the server has lost.
#[test]
fn rule_6_change_after_a_loss_is_merged_with_what_was_lost() {
    let row = write(stored(&version(r#"{"a":1}"#, 5)), Some(body(r#"{"a":2}"#)), &rules(2));
    let row = apply(row, &version(r#"{"a":3,"b":1,"c":1}"#, 6), &rules(3)).unwrap();
    let row = republish(row, &version(r#"{"a":1,"c":1}"#, 4), &rules(4));
    let changed = apply(row.clone(), &version(r#"{"a":1,"c":7}"#, 9), &rules(5)).unwrap();
    let conflict = changed.conflict.unwrap();
    assert_eq!(conflict.theirs(), &version(r#"{"a":3,"c":7,"b":1}"#, 9));
    assert_eq!(conflict.remote, version(r#"{"a":1,"c":7}"#, 9));
    let deleted = apply(row, &tombstone(9), &rules(5)).unwrap();
    let conflict = deleted.conflict.unwrap();
    assert_eq!(conflict.theirs(), &version(r#"{"a":3,"b":1,"c":1}"#, 6));
    assert_eq!(conflict.remote, tombstone(9));
}

/// Its precondition holds as long as there is no record: a tombstone of before does not end it.
#[test]
fn rule_2_creation_on_its_way_outlives_an_older_tombstone() {
    let created = write(Row::default(), Some(body(r#"{"a":1}"#)), &rules(1));
    let (sent, _) = begin_push(created, 2, Timestamp::from_millis(1)).unwrap();
    let deleted = write(sent, None, &rules(3));
    let row = apply(deleted, &tombstone(4), &rules(4)).unwrap();
    assert_eq!((row.status(), row.journal.len()), (Status::InDoubt, 1));
    // It arrives, and is known as what was sent from here.
    let row = apply(row, &version(r#"{"a":1}"#, 5), &rules(5)).unwrap();
    assert_eq!((row.status(), row.local, row.journal.len()), (Status::ToDelete, None, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// Devices edit, delete, sync and are killed, requests and responses are late or lost: at the end all devices have what
    /// the server has, and every value is there, was replaced or deleted by somebody who saw it, or lost a conflict that
    /// somebody resolved.
    #[test]
    fn devices_converge_and_lose_nothing(
        devices in 2..4_usize,
        decides in any::<bool>(),
        tape in prop::collection::vec(any::<u16>(), 0..400),
    ) {
        let outcome = World::new(devices, decides).run(&mut Tape::new(tape));
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}
