//! The results: as tables, as JSON, and compared with the goals.

use std::{fs, path::Path};

use serde::Serialize;
use serde_json::Value;

use crate::{Outcome, measure::Cost};

#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) tables: Vec<Table>,
    pub(crate) targets: Vec<Target>,
    pub(crate) facts: Vec<Fact>,
}

/// The same work done by several programs, ours first.
#[derive(Serialize)]
pub(crate) struct Table {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) rounds: usize,
    pub(crate) costs: Vec<Cost>,
}

/// A measurement of our program and of the one by hand, without a bound.
#[derive(Serialize)]
pub(crate) struct Fact {
    pub(crate) what: &'static str,
    pub(crate) ours: f64,
    pub(crate) plain: f64,
}

/// Something that was to be reached.
#[derive(Serialize)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) at_most: f64,
    /// The number of digits to print after the decimal point.
    #[serde(skip)]
    pub(crate) digits: usize,
}

impl Report {
    /// Adds a table, and prints it.
    pub(crate) fn table(&mut self, table: Table) -> &Table {
        println!("\n{} ({} rounds, medians)", table.title, table.rounds);
        println!(
            "{:<34}{:>13}{:>8}{:>13}{:>8}{:>11}{:>12}{}",
            "",
            "CPU/record",
            "ratio",
            "wall/record",
            "ratio",
            "peak",
            "start",
            if table.costs.iter().any(|cost| cost.latency.is_some()) { "         p50         p99" } else { "" },
        );
        let first = table.costs.first();
        for cost in &table.costs {
            let ratio = |ours: Option<f64>, own: f64| ours.map_or(f64::NAN, |ours| ours / own);
            let latency = cost.latency.map(|[half, most]| format!("{half:>9.0} µs{most:>9.0} µs"));
            println!(
                "{:<34}{:>10.2} µs{:>8.2}{:>10.2} µs{:>8.2}{:>8.1} MB{:>9.0} ms{}",
                cost.label,
                cost.cpu,
                ratio(first.map(|first| first.cpu), cost.cpu),
                cost.wall,
                ratio(first.map(|first| first.wall), cost.wall),
                cost.peak / 1024.0,
                cost.start_cpu,
                latency.unwrap_or_default(),
            );
        }
        self.tables.push(table);
        self.tables.last().unwrap_or_else(|| unreachable!("one was just added"))
    }

    pub(crate) fn target(&mut self, what: impl Into<String>, measured: f64, at_most: f64, digits: usize) {
        self.targets.push(Target { what: what.into(), measured, at_most, digits });
    }

    pub(crate) fn fact(&mut self, what: &'static str, [ours, plain]: [f64; 2]) {
        self.facts.push(Fact { what, ours, plain });
    }

    pub(crate) fn print_targets(&self) {
        println!("\n{:<82}{:>10}{:>10}", "target", "measured", "at most");
        for Target { what, measured, at_most, digits } in &self.targets {
            let met = if measured <= at_most { "" } else { "  MISSED" };
            println!("{what:<82}{measured:>10.digits$}{at_most:>10.digits$}{met}");
        }
    }

    /// Writes it as JSON, in the place of what an earlier run has written of the same.
    pub(crate) fn write(&self, out: &Path) -> Outcome {
        fs::create_dir_all(out)?;
        let file = out.join("results.json");
        let mut results = serde_json::to_value(self)?;
        if let Ok(earlier) = fs::read(&file) {
            add_others(&mut results, serde_json::from_slice(&earlier)?);
        }
        fs::write(&file, serde_json::to_string_pretty(&results)? + "\n")?;
        println!("\nwritten to {}", out.display());
        Ok(())
    }
}

/// Adds what only an earlier run has measured.
fn add_others(results: &mut Value, mut earlier: Value) {
    for (list, name) in [("tables", "id"), ("targets", "what"), ("facts", "what")] {
        let others = earlier.get_mut(list).and_then(Value::as_array_mut);
        let (Some(list), Some(others)) = (results[list].as_array_mut(), others) else { continue };
        others.retain(|other| list.iter().all(|known| known[name] != other[name]));
        list.append(others);
    }
}

impl Table {
    /// The cost of the program of this label.
    pub(crate) fn cost(&self, label: &str) -> Option<&Cost> {
        self.costs.iter().find(|cost| cost.label == label)
    }

    /// The ratio of our cost to that of the program of this label, where it was there to be measured.
    pub(crate) fn ratio(&self, label: &str, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let other = self.cost(label)?;
        Some(of(self.costs.first()?) / of(other))
    }
}
