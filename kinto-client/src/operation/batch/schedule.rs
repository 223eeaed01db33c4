//! Splits a batch into requests: which operations share one, and in which order.

use std::collections::VecDeque;

use http::Method;
use tokio::time::Instant;

use crate::wire::{batch, request::Request};

/// One request of a batch, with the history of its tries.
#[derive(Clone)]
pub(crate) struct Job {
    /// The position of the operation in the batch.
    pub(crate) index: usize,
    /// It is boxed because a job is moved many times between the queue and its result.
    pub(crate) request: Box<Request>,
    /// `true` if an earlier try may have been executed.
    pub(crate) maybe_applied: bool,
    /// The time at which it was first sent.
    pub(crate) since: Option<Instant>,
    /// `true` if the credentials were refreshed for it.
    pub(crate) renewed: bool,
    /// The number of conflicts with another writer, its own or those of an operation after it in the same request.
    pub(crate) collisions: u32,
    /// The number of tries without a response that tells the result.
    pub(crate) failures: u32,
    /// The maximum number of jobs in its request, which is lowered after a request with it failed as a whole.
    pub(crate) chunk_limit: usize,
}

impl Job {
    pub(crate) fn new(index: usize, request: Request) -> Self {
        Self {
            index,
            request: Box::new(request),
            maybe_applied: false,
            since: None,
            renewed: false,
            collisions: 0,
            failures: 0,
            chunk_limit: usize::MAX,
        }
    }
}

/// A part of a batch, which starts when the part before it has ended.
pub(super) enum Segment {
    InOrder(Vec<Job>),
    /// The records of different collections, which do not depend on each other.
    Lanes(Vec<Vec<Job>>),
}

/// Splits a batch so that the order is kept where it matters: records may need the buckets, collections and
/// groups before them, while records of one collection do not depend on those of another.
pub(super) fn segments(jobs: Vec<Job>, max_requests: usize, max_bytes: usize) -> Vec<Segment> {
    let fitting = jobs.iter().try_fold((0, 0), |(bytes, weight), job| {
        let (bytes, weight) = (bytes + batch::size(&job.request), weight + batch::weight(&job.request));
        (weight <= max_requests && bytes <= max_bytes).then_some((bytes, weight))
    });
    if fitting.is_some() {
        return vec![Segment::InOrder(jobs)];
    }
    if let Some(records) = jobs.first().and_then(|first| first.request.subject.records())
        && jobs.iter().all(|job| job.request.subject.is_within(records))
    {
        return vec![Segment::Lanes(vec![jobs])];
    }
    let mut segments = Vec::new();
    for job in jobs {
        match (job.request.subject.records(), segments.last_mut()) {
            (None, Some(Segment::InOrder(jobs))) => jobs.push(job),
            (None, _) => segments.push(Segment::InOrder(vec![job])),
            (Some(records), Some(Segment::Lanes(lanes))) => {
                let same =
                    |lane: &&mut Vec<Job>| lane.first().is_some_and(|first| first.request.subject.is_within(records));
                match lanes.iter_mut().find(same) {
                    Some(lane) => lane.push(job),
                    None => lanes.push(vec![job]),
                }
            }
            (Some(_), _) => segments.push(Segment::Lanes(vec![vec![job]])),
        }
    }
    segments
}

/// Takes as many jobs from the front of the queue as fit in one request.
pub(super) fn chunk(queue: &mut VecDeque<Job>, max_requests: usize, max_bytes: usize) -> Option<Vec<Job>> {
    let first = queue.pop_front()?;
    let mut bytes = batch::size(&first.request);
    let mut weight = batch::weight(&first.request);
    let mut limit = first.chunk_limit;
    if !batch::can_hold(&first.request) {
        limit = 1;
    }
    // Ids that were generated for them are those of no other.
    let mut all_generated = first.request.own_id;
    let mut chunk = vec![first];
    while let Some(next) = queue.front() {
        limit = limit.min(next.chunk_limit);
        bytes += batch::size(&next.request);
        weight += batch::weight(&next.request);
        if chunk.len() >= limit || weight > max_requests || bytes > max_bytes || !batch::can_hold(&next.request) {
            break;
        }
        all_generated &= next.request.own_id;
        if !all_generated && chunk.iter().any(|earlier| must_come_before(&earlier.request, &next.request)) {
            break;
        }
        chunk.extend(queue.pop_front());
    }
    Some(chunk)
}

/// Returns true if retrying `first` after `second` has run could change the result, so that they must not share
/// a batch.
///
/// That is so if `second` writes what `first` reads or writes, or deletes an object that contains it.
fn must_come_before(first: &Request, second: &Request) -> bool {
    if second.method.is_safe() {
        return false;
    }
    let (earlier, later) = (&first.subject, &second.subject);
    // The cheapest conditions come first, since a chunk checks each pair in it.
    (earlier == later && !(first.is_of_new_object() && second.is_of_new_object()))
        || ((first.method == Method::DELETE || (first.method.is_safe() && earlier.is_list()))
            && later.is_below(earlier))
        || (second.method == Method::DELETE && earlier.is_below(later))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(paths: &[&str]) -> Vec<Job> {
        let request = |path: &&str| Request::new(Method::PUT, (*path).to_owned());
        paths.iter().map(request).enumerate().map(|(index, request)| Job::new(index, request)).collect()
    }

    fn chunks(paths: &[&str], max_requests: usize, max_bytes: usize) -> Vec<Vec<usize>> {
        let mut queue = VecDeque::from(jobs(paths));
        std::iter::from_fn(|| chunk(&mut queue, max_requests, max_bytes))
            .map(|chunk| chunk.iter().map(|job| job.index).collect())
            .collect()
    }

    #[test]
    fn segments_run_collections_concurrently_after_their_parents() {
        let record = |collection: &str, id: u8| format!("/buckets/b/collections/{collection}/records/{id}");
        let (a1, a2, b1) = (record("a", 1), record("a", 2), record("b", 1));
        let paths = ["/buckets/b", "/buckets/b/collections/a", &a1, &b1, &a2, "/buckets/b/groups/g", &a1];
        let shape: Vec<Vec<Vec<usize>>> = segments(jobs(&paths), 3, usize::MAX)
            .into_iter()
            .map(|segment| match segment {
                Segment::InOrder(jobs) => vec![jobs],
                Segment::Lanes(lanes) => lanes,
            })
            .map(|lanes| lanes.iter().map(|lane| lane.iter().map(|job| job.index).collect()).collect())
            .collect();
        assert_eq!(shape, [vec![vec![0, 1]], vec![vec![2, 4], vec![3]], vec![vec![5]], vec![vec![6]]]);
        assert!(matches!(&segments(jobs(&paths), 7, usize::MAX)[..], [Segment::InOrder(jobs)] if jobs.len() == 7));
    }

    #[test]
    fn segments_keep_order_of_records_in_one_collection() {
        let records = |ids: &[&str]| ids.iter().map(|id| format!("/buckets/b/collections/{id}")).collect::<Vec<_>>();
        let lanes = |paths: &[String]| -> Vec<Vec<usize>> {
            let paths: Vec<_> = paths.iter().map(String::as_str).collect();
            let [Segment::Lanes(lanes)] = &segments(jobs(&paths), 1, usize::MAX)[..] else { panic!("one of lanes") };
            lanes.iter().map(|lane| lane.iter().map(|job| job.index).collect()).collect()
        };
        assert_eq!(lanes(&records(&["c/records/1", "c/records", "c/records/2"])), [[0, 1, 2]]);
        assert_eq!(lanes(&records(&["c/records/1", "cc/records/1", "c/records"])), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn chunk_ends_at_size_and_count_limits() {
        assert_eq!(chunks(&["/a", "/b", "/c", "/d", "/e"], 2, usize::MAX), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(chunks(&["/a", "/b", "/c"], 25, 205), [vec![0, 1], vec![2]]);
        assert_eq!(chunks(&["/a", "/b"], 25, 1), [[0], [1]]);
    }

    #[test]
    fn chunk_ends_before_request_that_could_change_retry() {
        let (list, one, two) = ("/buckets/b/groups", "/buckets/b/groups/1", "/buckets/b/groups/2");
        let request = |line: &str| {
            let (method, path) = line.split_once(' ').unwrap();
            Request::new(method.parse().unwrap(), path.to_owned())
        };
        let together = |first: &str, second: &str| !must_come_before(&request(first), &request(second));
        for (first, second, expected) in [
            (format!("PUT {one}"), format!("PUT {two}"), true),
            (format!("PUT {one}"), format!("PUT {one}"), false),
            (format!("PUT {one}"), format!("GET {one}"), true),
            (format!("GET {one}"), format!("GET {one}"), true),
            (format!("GET {one}"), format!("DELETE {one}"), false),
            (format!("GET {list}"), format!("PUT {one}"), false),
            (format!("GET {list}"), format!("POST {list}"), false),
            (format!("PUT {one}"), format!("HEAD {list}"), true),
            (format!("POST {list}"), format!("POST {list}"), true),
            (format!("POST {list}"), format!("PUT {one}"), true),
            ("PUT /buckets/b".to_owned(), format!("PUT {one}"), true),
            ("GET /buckets/b".to_owned(), format!("PUT {one}"), true),
            ("DELETE /buckets/b".to_owned(), format!("PUT {one}"), false),
            (format!("PUT {one}"), "DELETE /buckets/b".to_owned(), false),
            (format!("PUT {one}"), "DELETE /buckets/bb".to_owned(), true),
        ] {
            assert_eq!(together(&first, &second), expected, "{first}, {second}");
        }
        let ensure = |id: &str| Request::post(format!("{list}/{id}").into()).repeatable();
        assert!(!must_come_before(&ensure("1"), &ensure("2")));
        assert!(must_come_before(&ensure("1"), &ensure("1")));
        assert!(must_come_before(&ensure("1"), &request(&format!("DELETE {one}"))));
    }

    #[test]
    fn chunk_never_has_two_writes_to_one_object() {
        assert_eq!(chunks(&["/a", "/b", "/a", "/c"], 25, usize::MAX), [[0, 1], [2, 3]]);
    }

    #[test]
    fn chunk_has_single_request_when_batch_cannot_hold_it() {
        assert_eq!(chunks(&["/a", "/buckets/batchy", "/b", "/c"], 25, usize::MAX), [vec![0], vec![1], vec![2, 3]]);
    }
}
