//! The way to the server: it hurts one request in ten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use kinto_tests::{Chance, Fault, SentRequest};

/// The number of times that each fault occurred.
pub(crate) type Met = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// A kind of fault, and how one of it is made.
type Kind = (&'static str, fn(&mut Chance) -> Fault);

const PAGE: &str = "<html>\n<body><h1>Oh no</h1></body></html>";

const BUSY: &str = r#"{"code":503,"errno":201,"error":"Service Unavailable"}"#;

const KINDS: [Kind; 17] = [
    ("cut before the server has heard", |_| Fault::CutBefore),
    ("cut after the server has done it", |_| Fault::CutAfter),
    ("truncated", |chance| Fault::Truncate(chance.place(60))),
    ("silent within the answer", |chance| Fault::Stall(chance.place(20))),
    ("late", |chance| Fault::Delay(Duration::from_millis(chance.below(500)))),
    ("trickled", |_| Fault::Trickle),
    ("429", |_| Fault::answer(429, &["Retry-After: 0"], "")),
    ("500, done all the same", |_| Fault::answer_instead(500, &[], "")),
    ("502 in HTML", |_| Fault::answer(502, &["Content-Type: text/html"], PAGE)),
    ("502 in HTML, done all the same", |_| Fault::answer_instead(502, &["Content-Type: text/html"], PAGE)),
    ("503", |_| Fault::answer(503, &[], "")),
    ("503, Retry-After in seconds", |_| Fault::answer(503, &["Retry-After: 1"], "")),
    ("503, Retry-After as a date", |_| Fault::answer(503, &[&format!("Retry-After: {}", soon())], "")),
    ("503, done all the same", |_| Fault::answer_instead(503, &[], BUSY)),
    ("504, done all the same", |_| Fault::answer_instead(504, &["Content-Type: text/html"], PAGE)),
    ("200 of a hotel", |_| Fault::answer(200, &["Content-Type: text/html", "ETag: \"1\""], PAGE)),
    ("flapping", |_| Fault::answer(503, &[], "")),
];

/// The number of requests after a flap that get the same response.
const FLAPS: u64 = 3;

/// Chooses a fault for each request at random.
pub(crate) fn faults(mut chance: Chance, met: Met) -> impl FnMut(&SentRequest) -> Fault + Send {
    let mut flaps = 0;
    move |_| {
        let (name, make) = if flaps > 0 {
            flaps -= 1;
            KINDS[KINDS.len() - 1]
        } else if chance.below(10) == 0 {
            KINDS[chance.place(KINDS.len())]
        } else {
            *met.lock().unwrap().entry("none").or_default() += 1;
            return Fault::Pass;
        };
        if name == "flapping" && flaps == 0 {
            flaps = chance.below(FLAPS);
        }
        *met.lock().unwrap().entry(name).or_default() += 1;
        make(&mut chance)
    }
}

fn soon() -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1))
}
