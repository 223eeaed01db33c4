//! Places in JSON.

use std::fmt;

use serde_json::Value;

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// The current position in the JSON during a walk.
#[derive(Clone, Copy)]
pub(super) struct At<'x> {
    parent: Option<&'x At<'x>>,
    step: StepRef<'x>,
}

#[derive(Clone, Copy)]
enum StepRef<'x> {
    Root,
    Key(&'x str),
    Item(usize),
}

impl<'x> At<'x> {
    pub(super) const ROOT: At<'static> = At { parent: None, step: StepRef::Root };

    pub(super) fn key(&'x self, key: &'x str) -> At<'x> {
        At { parent: Some(self), step: StepRef::Key(key) }
    }

    pub(super) fn item(&'x self, index: usize) -> At<'x> {
        At { parent: Some(self), step: StepRef::Item(index) }
    }

    pub(super) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    pub(super) fn path(&self) -> Path {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(At { parent, step }) = at {
            match step {
                StepRef::Root => {}
                StepRef::Key(key) => steps.push(Step::Key((*key).to_owned())),
                StepRef::Item(index) => steps.push(Step::Item(*index)),
            }
            at = *parent;
        }
        steps.reverse();
        Path(steps)
    }
}

/// The path of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// The path of what has the same type, as far as it can be told: all items of a list are alike.
    pub(super) fn of_type(&self) -> Self {
        let alike = |step: &Step| match step {
            Step::Key(_) => step.clone(),
            Step::Item(_) => Step::Item(0),
        };
        Self(self.0.iter().map(alike).collect())
    }

    pub(super) fn with(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }

    /// Returns the value at the path.
    pub(super) fn value_in<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Item(index) => value.get(index),
        })
    }

    /// The keys alone.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
    }

    /// The path itself, and that of everything it is in, up to the whole.
    pub(super) fn upwards(&self) -> impl Iterator<Item = Self> {
        (0..=self.0.len()).rev().map(|length| Self(self.0.get(..length).unwrap_or_default().to_vec()))
    }

    pub(super) fn is_in(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
