use std::fmt;

use super::{
    difference::Difference,
    step::{Action, Step},
};

/// The text of a plan.
pub(crate) struct Show<'a> {
    pub(crate) steps: &'a [Step],
    pub(crate) notes: &'a [String],
    pub(crate) coloured: bool,
}

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const FAINT: &str = "2";
const BOLD: &str = "1";

impl Show<'_> {
    fn count(&self, is_meant: impl Fn(&Difference) -> bool) -> usize {
        self.steps.iter().flat_map(Step::differences).filter(|difference| is_meant(difference)).count()
    }

    /// Returns the parts of objects that the blueprint lacks.
    fn extra(&self) -> Vec<String> {
        let members = self.count(|difference| matches!(difference, Difference::UnmanagedMember(_)));
        let grants = self.count(|difference| matches!(difference, Difference::UnmanagedGrant { .. }));
        let all =
            [some(members, "extra member", "extra members"), some(grants, "extra permission", "extra permissions")];
        all.into_iter().flatten().collect()
    }

    /// Returns the parts that the plan removes.
    fn taken(&self) -> Vec<String> {
        let values = self.count(|difference| matches!(difference, Difference::Attribute { after: None, .. }));
        let members = self.count(|difference| matches!(difference, Difference::Leaves(_)));
        let grants = self.count(|difference| matches!(difference, Difference::Revoked { .. }));
        let deleted = self.steps.iter().filter(|step| step.action == Action::Delete);
        let records = deleted.filter_map(Step::records).sum();
        let all = [
            some(values, "value", "values"),
            some(members, "member", "members"),
            some(grants, "permission", "permissions"),
            some(records, "record", "records"),
        ];
        all.into_iter().flatten().collect()
    }

    fn paint(&self, f: &mut fmt::Formatter<'_>, colour: &str, text: impl fmt::Display) -> fmt::Result {
        if self.coloured { write!(f, "\x1b[{colour}m{text}\x1b[0m") } else { write!(f, "{text}") }
    }

    fn step(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        let (colour, sign) = match step.action {
            Action::Create => (GREEN, '+'),
            Action::Change => (YELLOW, '~'),
            Action::NoOp => (FAINT, '='),
            Action::Unmanaged => (FAINT, '?'),
            Action::Delete => (RED, '-'),
        };
        let more = match (step.action, step.records()) {
            (Action::Unmanaged, Some(records)) => format!(", which the blueprint does not have, with {}", of(records)),
            (Action::Unmanaged, None) => ", which the blueprint does not have".to_owned(),
            (Action::Delete, Some(records)) => format!(", and the {} in it", of(records)),
            _ => String::new(),
        };
        self.paint(f, colour, format_args!("{sign} {}{more}", step.target))?;
        writeln!(f)?;
        for difference in step.differences() {
            let colour = match difference.sign() {
                '+' => GREEN,
                '-' => RED,
                '?' => FAINT,
                _ => YELLOW,
            };
            f.write_str("    ")?;
            self.paint(f, colour, format_args!("{} {difference}", difference.sign()))?;
            writeln!(f)?;
        }
        for note in step.notes() {
            f.write_str("    ")?;
            self.paint(f, BOLD, format_args!("! {note}"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

fn of(records: usize) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{records} records") }
}

impl fmt::Display for Show<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps {
            self.step(f, step)?;
        }
        for note in self.notes {
            self.paint(f, BOLD, format_args!("! {note}"))?;
            writeln!(f)?;
        }
        let count = |action| self.steps.iter().filter(|step| step.action == action).count();
        let counts = [
            (Action::Create, "to create"),
            (Action::Change, "to change"),
            (Action::Delete, "to delete"),
            (Action::NoOp, "to leave alone"),
            (Action::Unmanaged, "extra"),
        ];
        let counts = counts.map(|(action, what)| (count(action), what));
        let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let nothing = if self.steps.iter().any(Step::writes) { "" } else { "nothing to do: " };
        let counts = if counts.is_empty() { "0".to_owned() } else { counts.join(", ") };
        self.paint(f, BOLD, format_args!("{nothing}{counts}"))?;
        let (extra, taken) = (self.extra(), self.taken());
        if !extra.is_empty() {
            self.paint(f, BOLD, format_args!(", {}", extra.join(", ")))?;
        }
        if !taken.is_empty() {
            self.paint(f, BOLD, format_args!("; takes away {}", taken.join(", ")))?;
        }
        Ok(())
    }
}

/// Formats a number of things; `None` for zero.
fn some(number: usize, one: &str, more: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {more}")),
    }
}
