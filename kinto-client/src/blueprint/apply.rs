use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Lists,
    observed::{Present, Seen, Survey},
    plan::{
        difference::MatchMode,
        requests::{Guard, Write, writes},
        step::{Action, Step},
    },
    target::Target,
};
use super::{
    plan::Plan,
    survey::{count, look, survey},
    write::{Carry, Remove},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, sealed},
    wire::{request::Precondition, timestamp::Timestamp},
};

/// Applies a plan.
pub struct Apply<'p> {
    pub(crate) plan: &'p Plan,
    /// `true` if all objects are compared with the plan before the first change.
    pub(crate) looks_first: bool,
}

/// The report of an applied plan.
#[derive(Clone, Debug)]
pub struct ApplyReport {
    steps: Vec<Step>,
}

impl ApplyReport {
    /// Returns the steps that were executed.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// Formats one line per object: `created collection app/todo`.
impl fmt::Display for ApplyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("nothing to do");
        }
        for (i, step) in self.steps.iter().enumerate() {
            let did = match step.action {
                Action::Create => "created",
                Action::Delete => "deleted",
                _ => "changed",
            };
            write!(f, "{}{did} {}", if i == 0 { "" } else { "\n" }, step.target)?;
        }
        Ok(())
    }
}

impl sealed::Action for Apply<'_> {
    const NAME: &'static str = "Apply";

    type Output = ApplyReport;

    async fn run(self, client: Client) -> Result<ApplyReport> {
        let plan = self.plan;
        let steps = || plan.steps.iter().filter(|step| step.writes());
        let mut passed = BTreeSet::new();
        if self.looks_first && !plan.is_empty() {
            let context = CallContext::new("apply the plan to", client.url());
            passed = plan.look_again(&client).await.map_err(|error| {
                let progress = "no step of the plan was done: make a new plan and apply it".to_owned();
                context.attach(error.in_plan(progress))
            })?;
        }
        let is_passed = |step: &Step| passed.contains(step.path());
        let steps = steps().filter(|step| !is_passed(step));
        let writes = writes(&steps);
        let mut left = BTreeMap::new();
        for (at, write) in writes.iter().enumerate() {
            match plan.carry_out(&client, write, &left).await {
                Ok(Some(as_of)) => drop(left.insert(write.step.path(), as_of)),
                Ok(None) => {}
                Err(error) => return Err(error.in_plan(progress(&writes, at))),
            }
        }
        Ok(ApplyReport { steps: steps.cloned().collect() })
    }
}

/// Describes which writes were done before the one at index `at` failed, and which were not.
fn progress(writes: &[Write<'_>], at: usize) -> String {
    let (done, left) = writes.split_at_checked(at).unwrap_or((writes, &[]));
    let all = |writes: &[Write<'_>]| writes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let done = if done.is_empty() { "nothing".to_owned() } else { all(done) };
    format!("steps done: {done}; steps not done: {}; make a new plan for the rest and apply it", all(left))
}

impl Plan {
    /// Compares all objects with the state that the plan was made from, and returns the paths of those that are as
    /// wanted already.
    async fn look_again(&self, client: &Client) -> Result<BTreeSet<&str>> {
        let steps = || self.steps.iter().filter(|step| step.writes());
        let extras = steps().any(|step| step.action == Action::Delete);
        let now = survey(client, &self.wanted, extras, false).await?;
        let mut passed = BTreeSet::new();
        for step in steps() {
            let is_done = match step.action {
                Action::Delete => is_deleted(step, &now)?,
                _ => self.is_made(step, now.at(&step.target))?,
            };
            if is_done {
                passed.insert(step.path());
            }
        }
        Ok(passed)
    }

    fn is_made(&self, step: &Step, now: &Seen) -> Result<bool> {
        match (now, step.last_modified) {
            (Seen::Absent, None) => Ok(false),
            (Seen::Present(present), Some(seen)) if present.last_modified == seen => Ok(false),
            (Seen::Present(present), _) if self.is_as_wanted(&step.target, present) => Ok(true),
            (Seen::Absent, Some(_)) => Err(outdated(step, "is no longer there")),
            (_, Some(_)) => Err(outdated(step, "was changed")),
            (_, None) => Err(outdated(step, "was created by another client, with other contents")),
        }
    }

    fn is_as_wanted(&self, target: &Target, present: &Present) -> bool {
        self.step_from(target, present).is_some_and(|step| !step.writes())
    }

    /// Returns true if the object is as one request of the plan makes it; others may be to follow.
    fn is_as_written(&self, write: &Write<'_>, guard: Precondition, present: &Present) -> bool {
        let has_data = write.data.iter().all(|(key, value)| present.data.get(key) == Some(value));
        let Some(found) = &present.permissions else { return false };
        let is_new = guard == Precondition::Absent;
        let names = found.keys().filter(|_| is_new).chain(write.lists.keys());
        let is_list_same = |name: &String| {
            let [mut sent, mut found] = [&write.lists, found].map(|lists| lists.get(name).cloned().unwrap_or_default());
            if name == "write" {
                // The server adds the writer.
                sent.remove(&self.me.id);
                found.remove(&self.me.id);
            }
            sent == found
        };
        has_data && names.into_iter().all(is_list_same)
    }

    /// Returns the step that an object in this state needs.
    fn step_from(&self, target: &Target, present: &Present) -> Option<Step> {
        let wanted = self.wanted.iter().find(|wanted| wanted.target == *target)?;
        Some(Step::new(wanted, &Seen::Present(present.clone()), &self.me, self.mode))
    }

    /// Sends one request of the plan and returns the version of the object after it.
    async fn carry_out(
        &self,
        client: &Client,
        write: &Write<'_>,
        left: &BTreeMap<&str, Timestamp>,
    ) -> Result<Option<Timestamp>> {
        let target = &write.step.target;
        let guard = match write.guard {
            Guard::Absent => Precondition::Absent,
            Guard::Seen(as_of) => Precondition::Unchanged(as_of),
            Guard::Left => match left.get(write.step.path()) {
                Some(as_of) => Precondition::Unchanged(*as_of),
                None => return Ok(None),
            },
            Guard::Deleted(if_match) => {
                // The version of a collection says nothing of its records.
                if write.step.records.is_some() && Some(count(client, target).await?) != write.step.records {
                    return Err(outdated(write.step, "has other records now"));
                }
                sealed::Action::run(Remove { target, if_match }, client.clone()).await?;
                return Ok(None);
            }
        };
        if write.step.is_hidden() && self.mode == MatchMode::AtLeast {
            return self.reveal(client, target, guard).await.map(Some);
        }
        let carry = Carry { target, guard, data: &write.data, lists: &write.lists };
        match sealed::Action::run(carry, client.clone()).await {
            // It may have been executed before, and its response lost. An object that is as planned counts as done.
            Err(error) if error.is_conflict() && error.may_have_been_applied() => match look(client, target).await? {
                Some(present) if self.is_as_wanted(target, &present) || self.is_as_written(write, guard, &present) => {
                    Ok(Some(present.last_modified))
                }
                _ => Err(error),
            },
            result => result.map(|present| Some(present.last_modified)),
        }
    }

    /// Adds principals to lists of permissions that are not visible yet, in two requests: any write adds the
    /// writer to the object's `write` list, and the response to those in that list includes the permissions.
    async fn reveal(&self, client: &Client, target: &Target, guard: Precondition) -> Result<Timestamp> {
        let nothing = Carry { target, guard, data: &serde_json::Map::new(), lists: &Lists::new() };
        let present = sealed::Action::run(nothing, client.clone()).await?;
        if present.permissions.is_none() {
            return Err(Error::not_visible());
        }
        let Some(step) = self.step_from(target, &present).filter(Step::writes) else {
            return Ok(present.last_modified);
        };
        let guard = Precondition::Unchanged(present.last_modified);
        let carry = Carry { target, guard, data: step.data(), lists: step.lists() };
        sealed::Action::run(carry, client.clone()).await.map(|present| present.last_modified)
    }
}

fn is_deleted(step: &Step, now: &Survey) -> Result<bool> {
    let Some(extra) = now.extras.iter().find(|extra| extra.target == step.target) else { return Ok(true) };
    if Some(extra.last_modified) != step.last_modified {
        return Err(outdated(step, "was changed"));
    }
    if extra.records != step.records {
        return Err(outdated(step, "has other records now"));
    }
    Ok(false)
}

fn outdated(step: &Step, what: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("since the plan was made, {} {what}", step.target)).because("")
}

impl fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Apply").field(self.plan).finish()
    }
}
