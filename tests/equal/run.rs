//! Runs a sequence on two servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::concrete::{Asked, Memory};
use crate::normal::{Names, Times, normal};
use crate::side::Answer;
use crate::step::Step;
use crate::world::Pair;

/// The headers that nobody reads.
const IDLE: [&str; 7] = [
    "access-control-expose-headers",
    "connection",
    "content-length",
    "content-security-policy",
    "date",
    "server",
    "x-content-type-options",
];

/// Counts of what was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) requests: usize,
    /// By status and `errno`, of the answers of the first server, those within batches too.
    pub(crate) answers: BTreeMap<(u64, u64), usize>,
    /// The known differences that changed nothing, with their counts.
    pub(crate) known: BTreeMap<String, usize>,
}

impl Tally {
    fn count(&mut self, answer: &Answer) {
        self.requests += 1;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        self.seen(u64::from(answer.status.as_u16()), &body);
        for part in body.get("responses").and_then(Value::as_array).into_iter().flatten() {
            self.seen(part["status"].as_u64().unwrap_or_default(), &part["body"]);
        }
    }

    fn seen(&mut self, status: u64, body: &Value) {
        let errno = body.get("errno").and_then(Value::as_u64).unwrap_or_default();
        *self.answers.entry((status, errno)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.requests += other.requests;
        for (answer, times) in other.answers {
            *self.answers.entry(answer).or_default() += times;
        }
        for (kind, times) in other.known {
            *self.known.entry(kind).or_default() += times;
        }
    }
}

/// Two answers that are not the same.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// The number of the step.
    pub(crate) step: usize,
    asked: Asked,
    /// The request that each of the servers was sent.
    told: [String; 2],
    answers: [Answer; 2],
    /// The answers as they were compared.
    pub(crate) normal: [Value; 2],
}

/// Runs the steps on both servers, as far as they agree but for what is known already.
pub(crate) async fn run(
    pair: &mut Pair,
    steps: &[Step],
    known: &BTreeSet<String>,
    tally: &mut Tally,
) -> Option<Difference> {
    let [first, second] = &mut pair.sides;
    tokio::join!(first.reset(), second.reset());
    let start = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
    let start = i64::try_from(start).expect("a time before the year 292277026");
    let mut memories = [0, 1].map(|n: usize| Memory::new(start, pair.sides[n].origin(), &pair.people[n]));
    let mut names = [0, 1].map(|n: usize| Names::new(start, pair.sides[n].origin(), &pair.people[n]));
    let mut times = Times::default();
    for step in steps {
        tally.steps += 1;
        let [Some(one), Some(other)] = memories.each_ref().map(|memory| memory.request(step)) else { continue };
        let asked = [Asked::of(step, &one), Asked::of(step, &other)];
        let told = [&one, &other].map(|request| {
            let path = request.uri().path_and_query().map_or("", |path| path.as_str());
            format!("{} {path}\n{}", request.method(), String::from_utf8_lossy(request.body()))
        });
        let (one, other) = tokio::join!(pair.sides[0].send(one), pair.sides[1].send(other));
        tally.count(&one);
        let answers = [one, other];
        let mut found = [0, 1].map(|n: usize| {
            memories[n].remember(step.number, &answers[n]);
            normal(&mut names[n], &asked[n], &answers[n])
        });
        let [one, other] = &mut found;
        times.settle(one, other);
        if found[0] != found[1] {
            let [asked, _] = asked;
            let difference = Difference { asked, step: step.number, told, answers, normal: found };
            let kind = difference.kind();
            if !known.contains(&kind) || !difference.is_harmless() {
                return Some(difference);
            }
            *tally.known.entry(kind).or_default() += 1;
        }
    }
    None
}

impl Difference {
    /// Returns the places where the answers differ, as JSON pointers, with what is there.
    pub(crate) fn places(&self) -> Vec<(String, Value, Value)> {
        let mut places = Vec::new();
        collect(&self.normal[0], &self.normal[1], String::new(), &mut places);
        places
    }

    /// The part of a batch that they differ in, if one is.
    fn part(&self) -> Option<usize> {
        let (place, ..) = self.places().into_iter().next()?;
        place.strip_prefix("/body/responses/")?.split('/').next()?.parse().ok()
    }

    /// Returns where they differ first, and with which statuses: what differences of one cause have in common, most likely.
    pub(crate) fn kind(&self) -> String {
        let part = self.part();
        let answers = self.normal.each_ref().map(|answer| part.map_or(answer, |at| &answer["body"]["responses"][at]));
        let [one, other] = answers.map(|answer| {
            let errno = answer["body"].get("errno").map_or_else(String::new, |errno| format!("/{errno}"));
            format!("{}{errno}", answer["status"])
        });
        let mut places = Vec::new();
        collect(answers[0], answers[1], String::new(), &mut places);
        let place = |(place, ..): &(String, Value, Value)| {
            let parts = place.split('/').map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
            parts.collect::<Vec<_>>().join("/")
        };
        let mut places: Vec<String> = places.iter().map(place).collect();
        places.dedup();
        places.truncate(3);
        let of = if part.is_some() { "in a batch " } else { "" };
        format!("{of}{one} and {other} at {}", places.join(" "))
    }

    /// The request, as far as it is the same for differences of one cause.
    pub(crate) fn shape(&self) -> String {
        let parts = self.asked.parts();
        let asked = self.part().and_then(|at| parts.get(at)).unwrap_or(&self.asked);
        format!("{} {}", asked.method, shape(&asked.path, &asked.query))
    }

    /// Returns the requests and the responses: of a batch only the part that differs.
    pub(crate) fn said(&self) -> [String; 2] {
        [0, 1].map(|n: usize| {
            let Answer { status, headers, body } = &self.answers[n];
            let headers = headers.iter().filter(|(name, _)| !IDLE.contains(&name.as_str()));
            let headers =
                headers.map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
            let headers: String = headers.collect();
            let body = String::from_utf8_lossy(body);
            if let Some(part) = self.part() {
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                return format!("part {part} -> {}", body["responses"][part]);
            }
            format!("{}\n-> {status}\n{headers}{body}", self.told[n])
        })
    }

    /// Tells whether both servers are in the same state all the same, so that the sequence may go on.
    fn is_harmless(&self) -> bool {
        let statuses = self.normal.each_ref().map(|answer| {
            let parts = answer["body"].get("responses").and_then(Value::as_array);
            let parts = parts.map(|parts| parts.iter().map(|part| part["status"].clone()).collect::<Vec<_>>());
            (answer["status"].clone(), parts)
        });
        let is_refused = |answer: &Value| answer["status"].as_u64().is_some_and(|status| status >= 300);
        let is_safe = matches!(self.asked.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        is_safe || statuses[0] == statuses[1] || self.normal.iter().all(is_refused)
    }
}

fn collect(one: &Value, other: &Value, at: String, places: &mut Vec<(String, Value, Value)>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = format!("{at}/{name}");
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => collect(one, other, at, places),
                    (one, other) => {
                        let [one, other] =
                            [one, other].map(|value| value.cloned().unwrap_or_else(|| "(nothing)".into()));
                        places.push((at, one, other));
                    }
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                collect(one, other, format!("{at}/{index}"), places);
            }
        }
        _ if one == other => {}
        _ => places.push((at, one.clone(), other.clone())),
    }
}

/// A path without the ids in it, and with the names of its parameters.
fn shape(path: &str, query: &str) -> String {
    let path = path.split('/').enumerate().map(|(index, part)| {
        let is_id = index >= 2 && index % 2 == 0 && part != "default";
        if is_id { "*" } else { part }
    });
    let path: Vec<&str> = path.collect();
    let names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    if query.is_empty() { path.join("/") } else { format!("{}?{}", path.join("/"), names.join("&")) }
}
