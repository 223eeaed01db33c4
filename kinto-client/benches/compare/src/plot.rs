//! Pictures of what was measured.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Outcome, many, measure::Cost, report::Report};

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const OTHERS: RGBColor = RGBColor(0xb0, 0xb8, 0xc0);
const WIDTH: u32 = 860;
const BAR: u32 = 26;
/// The position of the bars, and the length of the longest.
const LABELS: i32 = 250;
const LENGTH: f64 = 500.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The contents of a panel of bars.
struct Panel {
    title: &'static str,
    unit: &'static str,
    of: fn(&Cost) -> f64,
}

const CPU: Panel = Panel { title: "CPU time for each record", unit: "µs", of: |cost| cost.cpu };
const WALL: Panel = Panel { title: "Elapsed time for each record", unit: "µs", of: |cost| cost.wall };
const PEAK: Panel = Panel { title: "Peak memory of the process", unit: "MB", of: |cost| cost.peak / 1024.0 };
const CALLS: [Panel; 3] = [
    Panel { title: "CPU time for each call", ..CPU },
    Panel { title: "Half of the calls take at most", unit: "µs", of: |cost| latency(cost, 0) },
    Panel { title: "99 % of the calls take at most", unit: "µs", of: |cost| latency(cost, 1) },
];

const EDITS: [Panel; 2] = [
    Panel { title: "Half of the edits take at most", unit: "µs", of: |cost| latency(cost, 0) },
    Panel { title: "99 % of the edits take at most", unit: "µs", of: |cost| latency(cost, 1) },
];

fn latency(cost: &Cost, share: usize) -> f64 {
    cost.latency.and_then(|shares| shares.get(share).copied()).unwrap_or(f64::NAN)
}

/// Draws a picture of each comparison, and one of how costs grow.
pub(crate) fn draw(report: &Report, out: &Path) -> Outcome {
    for table in &report.tables {
        match table.id {
            "read" | "stream" | "create" | "kinto-read" | "kinto-create" | "store" => {
                bars(table.id, &table.title, &table.costs, &[CPU, WALL, PEAK], out)?;
            }
            "gets" | "gets-at-once" | "saves" => bars(table.id, &table.title, &table.costs, &CALLS, out)?,
            "local-pull" => bars(table.id, &table.title, &table.costs, &[CPU, WALL, PEAK], out)?,
            "local-edits" => bars(table.id, &table.title, &table.costs, &EDITS, out)?,
            "local-push" => bars(table.id, &table.title, &table.costs, &[CPU], out)?,
            "compression" => bars(table.id, &table.title, &table.costs, &[CPU, PEAK], out)?,
            "line" | "line-long-pages" => bars(table.id, &table.title, &table.costs, &[WALL], out)?,
            _ => {}
        }
    }
    let streams = report.tables.iter().filter(|table| many::WORKS.iter().any(|(_, id, _)| *id == table.id));
    let costs: Vec<_> = streams.flat_map(|table| table.costs.iter().cloned()).collect();
    if !costs.is_empty() {
        bars("many", "Writing the records of a stream, canned, batches of 25", &costs, &[CPU, PEAK], out)?;
    }
    growth(report, out)
}

fn bars(id: &str, title: &str, costs: &[Cost], panels: &[Panel], out: &Path) -> Outcome {
    let file = out.join(format!("{id}.svg"));
    let (rows, count) = (u32::try_from(costs.len())?, u32::try_from(panels.len())?);
    let panel = BAR * rows + 40;
    let root = SVGBackend::new(&file, (WIDTH, 50 + panel * count)).into_drawing_area();
    root.fill(&WHITE)?;
    text(&root, title, (10, 24), 17.0, HPos::Left)?;
    let (_, areas) = root.split_vertically(44);
    for (area, panel) in areas.split_evenly((panels.len(), 1)).iter().zip(panels) {
        draw_panel(area, costs, panel)?;
    }
    root.present()?;
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "a bar is some hundred pixels long")]
fn draw_panel(area: &Area<'_>, costs: &[Cost], Panel { title, unit, of }: &Panel) -> Outcome {
    text(area, &format!("{title} ({unit})"), (LABELS, 12), 13.0, HPos::Left)?;
    let most = costs.iter().map(of).fold(0.0, f64::max);
    let ours = costs.first().map_or(f64::NAN, of);
    for (row, cost) in (0..).zip(costs) {
        let value = of(cost);
        let (top, middle) = (26 + row * BAR.cast_signed(), 26 + row * BAR.cast_signed() + 9);
        let end = LABELS + (LENGTH * value / most) as i32;
        let color = if row == 0 { OURS } else { OTHERS };
        area.draw(&Rectangle::new([(LABELS, top), (end, top + 18)], color.filled()))?;
        text(area, &cost.label, (LABELS - 8, middle), 13.0, HPos::Right)?;
        let times = if row == 0 { String::new() } else { format!("  ({:.2}×)", value / ours) };
        text(area, &format!("{value:.2}{times}"), (end + 6, middle), 12.0, HPos::Left)?;
    }
    Ok(())
}

fn text(area: &Area<'_>, text: &str, at: (i32, i32), size: f64, anchor: HPos) -> Outcome {
    let style = ("sans-serif", size).into_text_style(area).pos(Pos::new(anchor, VPos::Center));
    Ok(area.draw_text(text, &style, at)?)
}

/// CPU time for each record, at each size, relative to the smallest.
fn growth(report: &Report, out: &Path) -> Outcome {
    let names = [("lists", "lists", OURS), ("pages", "streams", GREEN), ("batches", "batches", RED)];
    let tables: Vec<_> = names
        .iter()
        .filter_map(|(id, name, color)| Some((report.tables.iter().find(|table| table.id == *id)?, *name, *color)))
        .collect();
    if tables.is_empty() {
        return Ok(());
    }
    let file = out.join("growth.svg");
    let root = SVGBackend::new(&file, (WIDTH, 320)).into_drawing_area();
    root.fill(&WHITE)?;
    let most = tables.iter().flat_map(|(table, ..)| &table.costs).map(|cost| cost.cpu).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption("CPU time for each record as lists and batches grow (µs)", ("sans-serif", 17))
        .margin(14)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d((20_f64..150_000.0).log_scale(), 0.0..most * 1.2)?;
    chart.configure_mesh().disable_x_mesh().x_desc("records in one call").draw()?;
    for (table, name, color) in tables {
        let size = |cost: &Cost| cost.label.split(' ').next().and_then(|size| size.parse::<f64>().ok());
        let points: Vec<_> = table.costs.iter().filter_map(|cost| Some((size(cost)?, cost.cpu))).collect();
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(4))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().border_style(OTHERS).background_style(WHITE).draw()?;
    root.present()?;
    Ok(())
}
