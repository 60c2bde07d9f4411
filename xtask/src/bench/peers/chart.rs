//! Draws the CPU seconds of programs as bars, a group for each table.

use taploom_charts::{Chart, FAINT, INK};

const WIDTH: f64 = 1120.0;
const TOP: f64 = 92.0;
/// The left ends of the two groups that stand side by side.
const LEFT: [f64; 2] = [30.0, 580.0];
/// Within a group: the right end of the names, and the left and right ends of the bars.
const NAMES: f64 = 138.0;
const BARS: (f64, f64) = (148.0, 390.0);
const ROW: f64 = 26.0;
const BAR: f64 = 18.0;
const HEADING: f64 = 26.0;
const GAP: f64 = 30.0;

const OURS: &str = "#2b6cb0";
const OTHERS: &str = "#a0aec0";

/// A bar that is this many times as long as Taploom's is drawn broken.
const BREAK: f64 = 10.0;

/// The programs that handled one table.
pub(super) struct Group {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) name: String,
    pub(super) seconds: f64,
    pub(super) is_ours: bool,
}

/// The chart in SVG. Groups stand in pairs, and each has a scale of its own.
pub(super) fn draw(title: &str, foot: &str, groups: &[Group]) -> String {
    let heights = groups.chunks(LEFT.len()).map(|pair| pair.iter().map(height).fold(0.0, f64::max));
    let heights: Vec<f64> = heights.collect();
    let whole = TOP + heights.iter().sum::<f64>() + 40.0;
    let mut chart = Chart::new(WIDTH, whole);
    let style = format!("font-size=\"24\" font-weight=\"bold\" fill=\"{INK}\"");
    chart.text(30.0, 42.0, title, &style);
    let style = format!("font-size=\"15\" fill=\"{FAINT}\"");
    let scales = "CPU seconds (shorter is better), and how many times those of taploom";
    chart.text(30.0, 66.0, scales, &style);
    let mut y = TOP;
    for (pair, height) in groups.chunks(LEFT.len()).zip(&heights) {
        for (left, group) in LEFT.iter().zip(pair) {
            group.draw(&mut chart, *left, y);
        }
        y += height;
    }
    chart.text(30.0, whole - 18.0, foot, &format!("font-size=\"13\" fill=\"{FAINT}\""));
    chart.finish()
}

fn height(group: &Group) -> f64 {
    HEADING + ROW * group.bars.len() as f64 + GAP
}

impl Group {
    fn draw(&self, chart: &mut Chart, left: f64, top: f64) {
        let style = format!("font-size=\"17\" font-weight=\"bold\" fill=\"{INK}\"");
        chart.text(left, top + 14.0, &self.title, &style);
        let ours = self.bars.iter().find(|bar| bar.is_ours).map_or(f64::NAN, |bar| bar.seconds);
        let longest = self.bars.iter().map(|bar| bar.seconds).fold(0.0, f64::max);
        let scale = (BARS.1 - BARS.0) / longest.min(BREAK * ours);
        let mut bars: Vec<&Bar> = self.bars.iter().collect();
        bars.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        for (index, bar) in bars.into_iter().enumerate() {
            let y = top + HEADING + ROW * index as f64;
            let base = y + BAR / 2.0 + 5.0;
            let weight = if bar.is_ours { " font-weight=\"bold\"" } else { "" };
            let style = format!("font-size=\"15\" fill=\"{INK}\"{weight}");
            chart.text(left + NAMES, base, &bar.name, &format!("{style} text-anchor=\"end\""));
            let width = (bar.seconds * scale).min(BARS.1 - BARS.0);
            let colour = if bar.is_ours { OURS } else { OTHERS };
            chart.bar((left + BARS.0, y), (width, BAR), colour);
            if bar.seconds > BREAK * ours {
                broken(chart, left + BARS.0 + width - 24.0, y);
            }
            let times = match bar.is_ours {
                true => String::new(),
                false => format!("  ({} ×)", digits(bar.seconds / ours)),
            };
            let label = format!("{}{times}", digits(bar.seconds));
            chart.text(left + BARS.0 + width + 8.0, base, &label, &style);
        }
    }
}

/// A gap across a bar, which says that the bar is longer than drawn.
fn broken(chart: &mut Chart, x: f64, y: f64) {
    let (top, bottom) = (y - 1.0, y + BAR + 1.0);
    chart.element(&format!(
        "<polygon points=\"{},{bottom} {},{top} {},{top} {},{bottom}\" fill=\"#ffffff\"/>",
        x,
        x + 6.0,
        x + 12.0,
        x + 6.0
    ));
}

/// A number with about three digits.
fn digits(number: f64) -> String {
    match number {
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, seconds: f64, is_ours: bool) -> Bar {
        Bar { name: name.to_owned(), seconds, is_ours }
    }

    #[test]
    fn the_fastest_comes_first_and_long_bars_are_broken() {
        let bars =
            vec![bar("slow", 50.0, false), bar("taploom", 1.0, true), bar("fast", 0.5, false)];
        let svg = draw("title", "foot", &[Group { title: "CSV".to_owned(), bars }]);
        let at = |text: &str| svg.find(text).unwrap_or_else(|| panic!("{text} is missing: {svg}"));
        assert!(at(">fast<") < at(">taploom<") && at(">taploom<") < at(">slow<"));
        assert!(svg.contains("50.0  (50.0 ×)"));
        assert_eq!(svg.matches("<polygon").count(), 1);
    }
}
