use std::fmt;

use super::{Action, Step};

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
    fn paint(&self, f: &mut fmt::Formatter<'_>, colour: &str, text: impl fmt::Display) -> fmt::Result {
        if self.coloured { write!(f, "\x1b[{colour}m{text}\x1b[0m") } else { write!(f, "{text}") }
    }

    fn step(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        let (colour, sign) = match step.action {
            Action::Create => (GREEN, '+'),
            Action::Change => (YELLOW, '~'),
            Action::LeaveAlone => (FAINT, '='),
            Action::Extra => (FAINT, '?'),
            Action::Delete => (RED, '-'),
        };
        let more = match (step.action, step.records()) {
            (Action::Extra, Some(records)) => format!(", which the blueprint does not have, with {}", of(records)),
            (Action::Extra, None) => ", which the blueprint does not have".to_owned(),
            (Action::Delete, Some(records)) => format!(", and the {} in it", of(records)),
            _ => String::new(),
        };
        self.paint(f, colour, format_args!("{sign} {}{more}", step.spot))?;
        writeln!(f)?;
        for difference in step.differences() {
            let colour = match difference.sign() {
                '+' => GREEN,
                '-' => RED,
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
            (Action::LeaveAlone, "to leave alone"),
            (Action::Extra, "extra"),
        ];
        let counts = counts.map(|(action, what)| (count(action), what));
        let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let nothing = if self.steps.iter().any(Step::writes) { "" } else { "nothing to do: " };
        self.paint(
            f,
            BOLD,
            format_args!("{nothing}{}", if counts.is_empty() { "0".to_owned() } else { counts.join(", ") }),
        )
    }
}
