//! Draws a chart of speed and size.

use taploom_charts::{Chart, FAINT, INK};

use super::report::Report;
use crate::terminal::{grouped_by, harmless};

const WIDTH: f64 = 1120.0;
const TOP: f64 = 118.0;
const ROW: f64 = 44.0;
const BAR: f64 = 28.0;
/// The right end of the names, and the left and right ends of the bars in both panels.
const NAMES: f64 = 130.0;
const SPEED: (f64, f64) = (146.0, 590.0);
const SIZE: (f64, f64) = (700.0, 960.0);

const SPEED_COLOUR: &str = "#2b6cb0";
const SIZE_COLOUR: &str = "#c05621";

/// Draws the bars: rows per second, the fastest first, and next to it the size of the output.
pub(super) fn svg(report: &Report) -> String {
    let height = TOP + ROW * report.formats.len() as f64 + 62.0;
    let mut chart = Chart::new(WIDTH, height);
    let Report { rows, columns, threads, .. } = report;
    let plural = if *threads == 1 { "thread" } else { "threads" };
    let title = format!(
        "{} rows × {columns} columns into every format, {threads} {plural}",
        grouped(*rows as f64)
    );
    let style = format!("font-size=\"24\" font-weight=\"bold\" fill=\"{INK}\"");
    chart.text(30.0, 42.0, &title, &style);
    let style = format!("font-size=\"16\" fill=\"{FAINT}\"");
    chart.text(SPEED.0, 92.0, "rows per second (longer is better)", &style);
    chart.text(SIZE.0, 92.0, "size, as a multiple of Arrow's (shorter is better)", &style);

    let fastest = report.formats.iter().map(|format| format.rows_per_second).fold(0.0, f64::max);
    let largest = report.formats.iter().map(|format| format.size_ratio).fold(0.0, f64::max);
    for (index, format) in report.formats.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let middle = y + BAR / 2.0 + 6.0;
        let style = format!("font-size=\"18\" fill=\"{INK}\" text-anchor=\"end\"");
        chart.text(NAMES, middle, &format.format, &style);
        let speed = (SPEED, format.rows_per_second / fastest, SPEED_COLOUR);
        bar(&mut chart, y, speed, &grouped(format.rows_per_second));
        let size = (SIZE, format.size_ratio / largest, SIZE_COLOUR);
        let label = format!("{:.2} ({:.1} MB)", format.size_ratio, format.megabytes_out);
        bar(&mut chart, y, size, &label);
    }
    let foot = format!(
        "taploom {}; {}; {}; median of {}",
        report.taploom, report.machine.processor, report.source, report.rounds
    );
    let style = format!("font-size=\"13\" fill=\"{FAINT}\"");
    chart.text(30.0, height - 22.0, &harmless(&foot), &style);
    chart.finish()
}

/// Draws a bar that takes a fraction of its panel's width, and a label to the right of it.
fn bar(chart: &mut Chart, y: f64, (panel, part, colour): ((f64, f64), f64, &str), label: &str) {
    let (left, right) = panel;
    let width = (right - left) * part;
    chart.bar((left, y), (width, BAR), colour);
    let style = format!("font-size=\"16\" fill=\"{INK}\"");
    chart.text(left + width.max(1.5) + 8.0, y + BAR / 2.0 + 6.0, label, &style);
}

/// A number with narrow spaces between groups of three digits.
fn grouped(number: f64) -> String {
    grouped_by('\u{202f}', number.round() as u64)
}
