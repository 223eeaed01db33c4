//! Makes a sequence that shows a difference as short as it can be.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::{Difference, Tally, run};
use crate::step::Step;
use crate::world::Pair;

/// The largest number of tries to make a sequence shorter.
const TRIES: usize = 250;

/// A shorter sequence that ends with a difference at the same step.
pub(crate) async fn shrink(
    pair: &mut Pair,
    steps: &[Step],
    known: &BTreeSet<String>,
    found: Difference,
) -> (Vec<Step>, Difference) {
    let end = steps.iter().position(|step| step.number == found.step).map_or(steps.len(), |at| at + 1);
    let mut shrinking = Shrinking { pair, known, steps: steps[..end].to_vec(), found, tries: TRIES };
    shrinking.drop_steps().await;
    shrinking.drop_details().await;
    shrinking.drop_steps().await;
    (shrinking.steps, shrinking.found)
}

struct Shrinking<'a> {
    pair: &'a mut Pair,
    known: &'a BTreeSet<String>,
    steps: Vec<Step>,
    found: Difference,
    tries: usize,
}

impl Shrinking<'_> {
    /// Takes those steps instead, if they show a difference at the same place.
    async fn keep(&mut self, steps: Vec<Step>) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let is_same = |found: &Difference| found.step == self.found.step && found.kind() == self.found.kind();
        match run(self.pair, &steps, self.known, &mut Tally::default()).await {
            Some(found) if is_same(&found) => {
                (self.steps, self.found) = (steps, found);
                true
            }
            _ => false,
        }
    }

    /// Drops many steps at once first, then fewer, the late ones before the early.
    async fn drop_steps(&mut self) {
        let mut size = self.steps.len() / 2;
        while size > 0 {
            let mut end = self.steps.len().saturating_sub(1);
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut fewer = self.steps.clone();
                fewer.drain(start..end);
                self.keep(fewer).await;
                end = start;
            }
            size /= 2;
        }
    }

    /// Drops headers, parameters of queries, and parts of bodies.
    async fn drop_details(&mut self) {
        for at in (0..self.steps.len()).rev() {
            for header in (0..self.steps[at].headers.len()).rev() {
                let mut steps = self.steps.clone();
                let (name, _) = steps[at].headers.remove(header);
                if name != "Content-Type" {
                    self.keep(steps).await;
                }
            }
            self.shrink_query(at).await;
            self.shrink_batch(at).await;
            self.shrink_body(at).await;
        }
    }

    async fn shrink_query(&mut self, at: usize) {
        let mut index = 0;
        loop {
            let Some((path, query)) = self.steps[at].path.split_once('?') else { return };
            let mut pairs: Vec<&str> = query.split('&').collect();
            if index >= pairs.len() || self.tries == 0 {
                return;
            }
            pairs.remove(index);
            let path = if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) };
            let mut steps = self.steps.clone();
            steps[at].path = path;
            if !self.keep(steps).await {
                index += 1;
            }
        }
    }

    /// Drops parts of a batch, many at once first.
    async fn shrink_batch(&mut self, at: usize) {
        let parts = |steps: &[Step]| -> Option<(Value, usize)> {
            let body: Value = serde_json::from_str(steps[at].body.as_deref()?).ok()?;
            let length = body.get("requests")?.as_array()?.len();
            Some((body, length))
        };
        let Some((_, length)) = parts(&self.steps) else { return };
        let mut size = length / 2;
        while size > 0 {
            let mut end = parts(&self.steps).map_or(0, |(_, length)| length);
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut steps = self.steps.clone();
                let Some((mut body, _)) = parts(&steps) else { return };
                body["requests"].as_array_mut().expect("a list").drain(start..end);
                steps[at].body = Some(body.to_string());
                self.keep(steps).await;
                end = start;
            }
            size /= 2;
        }
    }

    async fn shrink_body(&mut self, at: usize) {
        let mut index = 0;
        loop {
            let body = self.steps[at].body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
            let Some(mut body) = body else { return };
            let mut left = index;
            if !remove(&mut body, &mut left) {
                return;
            }
            let mut steps = self.steps.clone();
            steps[at].body = Some(body.to_string());
            // What came after the removed part has its place now.
            if !self.keep(steps).await {
                index += 1;
            }
            if self.tries == 0 {
                return;
            }
        }
    }
}

/// Removes one part of a value, counted in the order of the text; returns false if there are not as many.
fn remove(value: &mut Value, left: &mut usize) -> bool {
    match value {
        Value::Array(items) => {
            for index in 0..items.len() {
                if *left == 0 {
                    items.remove(index);
                    return true;
                }
                *left -= 1;
                if remove(&mut items[index], left) {
                    return true;
                }
            }
            false
        }
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if *left == 0 {
                    fields.remove(&name);
                    return true;
                }
                *left -= 1;
                if fields.get_mut(&name).is_some_and(|value| remove(value, left)) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}
