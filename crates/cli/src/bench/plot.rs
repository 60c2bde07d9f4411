//! A picture of speed and size, for a talk.

use std::fmt::Write as _;

use super::report::Report;
use crate::svg::{FAINT, INK, begin, text};
use crate::terminal::grouped_by;

const WIDTH: f64 = 1120.0;
const TOP: f64 = 118.0;
const ROW: f64 = 44.0;
const BAR: f64 = 28.0;
/// Where names end, and where the bars of either panel begin and end.
const NAMES: f64 = 130.0;
const SPEED: (f64, f64) = (146.0, 590.0);
const SIZE: (f64, f64) = (700.0, 960.0);

const SPEED_COLOUR: &str = "#2b6cb0";
const SIZE_COLOUR: &str = "#c05621";

/// Bars: rows a second, the fastest first, and beside each the size of what came out.
pub(super) fn svg(report: &Report) -> String {
    let height = TOP + ROW * report.formats.len() as f64 + 62.0;
    let mut svg = begin(WIDTH, height);
    let Report { rows, columns, threads, .. } = report;
    let plural = if *threads == 1 { "thread" } else { "threads" };
    let title = format!(
        "{} rows × {columns} columns into every format, {threads} {plural}",
        grouped(*rows as f64)
    );
    text(
        &mut svg,
        30.0,
        42.0,
        &title,
        &format!("font-size=\"24\" font-weight=\"bold\" fill=\"{INK}\""),
    );
    let heading = |x: f64, heading: &str, svg: &mut String| {
        text(svg, x, 92.0, heading, &format!("font-size=\"16\" fill=\"{FAINT}\""));
    };
    heading(SPEED.0, "rows per second (longer is better)", &mut svg);
    heading(SIZE.0, "size, as a multiple of Arrow's (shorter is better)", &mut svg);

    let fastest = report.formats.iter().map(|format| format.rows_per_second).fold(0.0, f64::max);
    let largest = report.formats.iter().map(|format| format.size_ratio).fold(0.0, f64::max);
    for (index, format) in report.formats.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let middle = y + BAR / 2.0 + 6.0;
        let style = format!("font-size=\"18\" fill=\"{INK}\" text-anchor=\"end\"");
        text(&mut svg, NAMES, middle, &format.format, &style);
        let speed = (SPEED, format.rows_per_second / fastest, SPEED_COLOUR);
        bar(&mut svg, y, speed, &grouped(format.rows_per_second));
        let size = (SIZE, format.size_ratio / largest, SIZE_COLOUR);
        let label = format!("{:.2} ({:.1} MB)", format.size_ratio, format.megabytes_out);
        bar(&mut svg, y, size, &label);
    }
    let foot = format!(
        "taploom {}; {}; {}; median of {}",
        report.taploom, report.machine.processor, report.source, report.rounds
    );
    let style = format!("font-size=\"13\" fill=\"{FAINT}\"");
    text(&mut svg, 30.0, height - 22.0, &foot, &style);
    svg.push_str("</svg>\n");
    svg
}

/// A bar of a part of its panel's width, and what it stands for behind it.
fn bar(svg: &mut String, y: f64, (panel, part, colour): ((f64, f64), f64, &str), label: &str) {
    let (left, right) = panel;
    // As long as nothing, it would look like a mistake.
    let width = ((right - left) * part).max(1.5);
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"3\" fill=\"{colour}\"/>"
    );
    let style = format!("font-size=\"16\" fill=\"{INK}\"");
    text(svg, left + width + 8.0, y + BAR / 2.0 + 6.0, label, &style);
}

/// A whole number with narrow spaces between thousands.
fn grouped(number: f64) -> String {
    grouped_by('\u{202f}', number.round() as u64)
}
