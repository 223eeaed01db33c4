//! The defects of the other clients, kinto-http.py 11.11 and kinto.js 17.1, each tried on this one. A test has the name
//! of the defect, and passes because it is not there.
//!
//! | kinto-http.py | test |
//! |---|---|
//! | 1. `safe` writes without a condition | [`writes::safe_writes_carry_no_condition`] |
//! | 2. `v1/` is cut out of ids in a batch | [`batches::ids_that_end_in_v1_are_cut`] |
//! | 3. reads in a batch raise | [`batches::reads_raise`] |
//! | 4. `if_not_exists`, `if_exists` in a batch | [`batches::if_not_exists_and_if_exists_are_forgotten`] |
//! | 5. what is of many stops after a page, and takes no filter | [`lists::deleting_all_stops_after_a_page`], [`lists::deleting_many_takes_no_filter`], [`lists::my_permissions_are_those_of_a_page`] |
//! | 6. pages are read recursively, and tried again at each level | [`lists::pages_are_read_within_pages`], [`lists::a_dead_page_is_tried_again_for_each_page_before_it`] |
//! | 7. 304 is an empty list | [`lists::not_modified_is_an_empty_list`] |
//! | 8. stale times | [`lists::the_time_of_a_list_is_remembered_for_ever`] |
//! | 9. ids are rewritten | [`writes::ids_become_other_ids`] |
//! | 10. an empty id is the default | [`writes::an_empty_id_is_the_default`] |
//! | 11. every failure is `BucketNotFound` | [`clients::every_failure_is_a_missing_bucket`] |
//! | 12. clones lose settings | [`clients::clones_lose_settings`] |
//! | 13. dry mode crashes, or writes | [`clients::a_dry_run_crashes_or_writes`] |
//! | 15. a lost create is a conflict; network errors are always tried again | [`writes::a_create_whose_answer_is_lost_is_a_conflict`], [`clients::it_tries_again_though_it_was_told_not_to`] |
//! | 17. a 5xx in a batch loses results; success is a warning | [`batches::a_server_error_takes_the_other_results_with_it`], [`batches::success_is_logged_as_a_warning`] |
//! | 18. the server is asked for its settings four times | [`batches::the_settings_are_asked_for_again_and_again`] |
//! | 19. async code that blocks | [`lists::reading_pages_holds_up_all_else`] |
//! | 20. the login listens on all interfaces, without a state, a time limit or a refresh | [`crate::openid`] |
//! | 22. examples that fail | every block of the README and of the documentation is a doc test, and `examples/*/tests.rs` run the programs |
//! | 23. wrong words in the log, a body on DELETE | [`crate::logging`], [`writes::a_delete_has_a_body`] |
//! | `Backoff` raises; a date in `Retry-After` means at once | [`clients::backoff_is_an_error_whatever_was_asked_for`], [`clients::a_date_in_retry_after_is_not_understood`] |
//!
//! | kinto.js | test |
//! |---|---|
//! | 1. pages after the first are read instead of deleted | [`lists::deleting_all_reads_the_other_pages_instead`] |
//! | 2. next pages are not tried again | [`lists::only_the_first_page_is_tried_again`] |
//! | 3. `Retry-After` alone decides | [`clients::retry_after_decides_what_is_tried_again`] |
//! | 4. `Backoff` without a listener | [`clients::backoff_is_off_without_a_listener`] |
//! | 5. the timeout ends with the headers | [`clients::the_timeout_does_not_cover_the_body`] |
//! | 6. principals with a `/` | [`writes::groups_cannot_be_given_permissions`] |
//! | 7. a `safe` update is a create | [`writes::a_safe_update_is_a_create`] |
//! | 8. a record cannot be emptied | [`writes::a_record_cannot_be_emptied`] |
//! | 9. a batch loses operations, gives placeholders, copies credentials | [`batches::what_is_added_after_waiting_is_lost`], [`batches::calls_give_placeholders`], [`batches::credentials_are_copied_into_the_body`] |
//! | 10. 304 is `undefined`; times with and without quotes; totals of -1 | [`lists::not_modified_is_an_empty_list`], [`lists::times_and_totals_differ_from_place_to_place`] |
//! | 11. nothing is escaped; the caller's data is changed; options are dropped | [`writes::ids_become_other_ids`], [`writes::what_is_filtered_by_becomes_something_else`], [`writes::the_callers_value_is_changed`], [`lists::options_of_the_call_are_lost_after_a_page`] |
//!
//! Those of kinto-http.py that cannot be tried, because there is nothing of the kind here: 14 and 16 (it uploads and
//! downloads no attachments) and 21 (it has no program for replication); of
//! kinto.js, in 11, snapshots.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kinto_client::retry::{RetryPolicy, RetryState};

mod batches;
mod clients;
mod lists;
mod scenarios;
mod writes;

/// Counts how often it is asked, and allows a second try at once.
#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl RetryPolicy for Counting {
    fn delay(&self, attempt: &RetryState) -> Option<Duration> {
        self.0.fetch_add(1, Ordering::Relaxed);
        (attempt.tries < 2).then_some(Duration::ZERO)
    }
}
