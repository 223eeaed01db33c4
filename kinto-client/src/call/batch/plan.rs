//! Which requests of a batch go together, and in which order.

use std::{collections::VecDeque, time::Instant};

use http::Method;

use crate::wire::{batch, request::Request};

/// One request of a batch, and what has become of it so far.
#[derive(Clone)]
pub(crate) struct Job {
    /// Its place in the batch.
    pub(crate) index: usize,
    pub(crate) request: Request,
    /// It may have been carried out by an earlier try.
    pub(crate) maybe_applied: bool,
    /// When it was first sent.
    pub(crate) since: Option<Instant>,
    /// Credentials were renewed for it.
    pub(crate) renewed: bool,
    /// How often it collided with another writer, or was undone because its neighbour did.
    pub(crate) collisions: u32,
    /// How often there was no answer that tells what was done.
    pub(crate) failures: u32,
    /// With how many others it is sent at most: fewer, after a batch with it in it has failed.
    pub(crate) chunk_limit: usize,
}

impl Job {
    pub(crate) fn new(index: usize, request: Request) -> Self {
        Self {
            index,
            request,
            maybe_applied: false,
            since: None,
            renewed: false,
            collisions: 0,
            failures: 0,
            chunk_limit: usize::MAX,
        }
    }
}

/// A part of a batch that begins when the part before it has ended.
pub(super) enum Segment {
    InOrder(Vec<Job>),
    /// The records of different collections, which do not depend on one another.
    Lanes(Vec<Vec<Job>>),
}

/// Splits a batch so that the order is kept where it matters: buckets, collections and groups may be what the records
/// after them need, while records of one collection do not need those of another.
pub(super) fn segments(jobs: Vec<Job>, max_requests: usize, max_bytes: usize) -> Vec<Segment> {
    let bytes: usize = jobs.iter().map(|job| batch::size(&job.request)).sum();
    let weight: usize = jobs.iter().map(|job| batch::weight(&job.request)).sum();
    if weight <= max_requests && bytes <= max_bytes {
        return vec![Segment::InOrder(jobs)];
    }
    if let Some(records) = jobs.first().and_then(|first| records_of(&first.request))
        && jobs.iter().all(|job| is_or_is_in(&job.request.path, records))
    {
        return vec![Segment::Lanes(vec![jobs])];
    }
    let mut segments = Vec::new();
    for job in jobs {
        match (records_of(&job.request), segments.last_mut()) {
            (None, Some(Segment::InOrder(jobs))) => jobs.push(job),
            (None, _) => segments.push(Segment::InOrder(vec![job])),
            (Some(records), Some(Segment::Lanes(lanes))) => {
                let same =
                    |lane: &&mut Vec<Job>| lane.first().is_some_and(|first| is_or_is_in(&first.request.path, records));
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

/// The path of the list of records that this is about, if it is about records.
fn records_of(request: &Request) -> Option<&str> {
    let mut slashes = request.path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
    let [Some(0), Some(_), Some(kind), Some(_), Some(end)] = [(); 5].map(|()| slashes.next()) else { return None };
    let path = &request.path;
    let is_of_records = path.get(kind..)?.starts_with("/collections/") && is_or_is_in(path.get(end..)?, "/records");
    is_of_records.then(|| path.get(..end + "/records".len()))?
}

/// Takes as many jobs from the front of the queue as can go in one request.
pub(super) fn chunk(queue: &mut VecDeque<Job>, max_requests: usize, max_bytes: usize) -> Option<Vec<Job>> {
    let first = queue.pop_front()?;
    let mut bytes = batch::size(&first.request);
    let mut weight = batch::weight(&first.request);
    let mut limit = first.chunk_limit;
    if !batch::can_hold(&first.request) {
        limit = 1;
    }
    let mut chunk = vec![first];
    while let Some(next) = queue.front() {
        limit = limit.min(next.chunk_limit);
        bytes += batch::size(&next.request);
        weight += batch::weight(&next.request);
        if chunk.len() >= limit || weight > max_requests || bytes > max_bytes || !batch::can_hold(&next.request) {
            break;
        }
        if chunk.iter().any(|earlier| must_come_before(&earlier.request, &next.request)) {
            break;
        }
        chunk.extend(queue.pop_front());
    }
    Some(chunk)
}

/// Whether the second of two requests in one batch would make another thing of the first, if only the first had to be
/// sent again: it writes what the first reads or writes, or deletes what that is in.
fn must_come_before(first: &Request, second: &Request) -> bool {
    if second.method.is_safe() {
        return false;
    }
    let (earlier, later) = (place(first), place(second));
    // The questions that are answered soonest come first: a chunk is asked about each pair in it.
    (earlier == later && !(is_new(first) && is_new(second)))
        || ((first.method == Method::DELETE || (first.method.is_safe() && is_list(earlier))) && is_in(later, earlier))
        || (second.method == Method::DELETE && is_in(earlier, later))
}

/// The path of what a request is about.
fn place(request: &Request) -> &str {
    request.object.as_deref().unwrap_or(&request.path)
}

/// The server makes a new object of it, whatever there is.
fn is_new(request: &Request) -> bool {
    request.method == Method::POST && request.object.is_none()
}

fn is_in(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
}

fn is_or_is_in(path: &str, other: &str) -> bool {
    path == other || is_in(path, other)
}

/// `/buckets`, and not `/buckets/blog`.
fn is_list(path: &str) -> bool {
    !path.matches('/').count().is_multiple_of(2)
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
    fn collections_go_side_by_side_and_what_they_need_before() {
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
    fn the_records_of_one_collection_stay_where_they_are() {
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
    fn chunks_end_at_their_limits() {
        assert_eq!(chunks(&["/a", "/b", "/c", "/d", "/e"], 2, usize::MAX), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(chunks(&["/a", "/b", "/c"], 25, 205), [vec![0, 1], vec![2]]);
        assert_eq!(chunks(&["/a", "/b"], 25, 1), [[0], [1]]);
    }

    #[test]
    fn what_could_be_overtaken_goes_before() {
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
        let ensure = |id: &str| request(&format!("POST {list}")).about(format!("{list}/{id}")).repeatable();
        assert!(!must_come_before(&ensure("1"), &ensure("2")));
        assert!(must_come_before(&ensure("1"), &ensure("1")));
        assert!(must_come_before(&ensure("1"), &request(&format!("DELETE {one}"))));
    }

    #[test]
    fn two_writes_to_one_object_do_not_go_together() {
        assert_eq!(chunks(&["/a", "/b", "/a", "/c"], 25, usize::MAX), [[0, 1], [2, 3]]);
    }

    #[test]
    fn what_a_batch_cannot_hold_goes_alone() {
        assert_eq!(chunks(&["/a", "/buckets/batchy", "/b", "/c"], 25, usize::MAX), [vec![0], vec![1], vec![2, 3]]);
    }
}
