#![doc = include_str!("../README.md")]

use std::fmt::Write as _;

/// The colour of text and of the most important parts.
pub const INK: &str = "#1f2933";
/// The colour of explanations.
pub const FAINT: &str = "#52606d";

/// A chart that is being drawn. Positions and sizes are in pixels, from the upper left corner.
#[derive(Debug)]
pub struct Chart {
    svg: String,
}

impl Chart {
    /// Begins a chart of this width and height, with a white background.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        Self { svg }
    }

    /// Adds a line of text with these attributes. `x` is the left end, or the right one with
    /// `text-anchor="end"`; `y` is the base line.
    pub fn text(&mut self, x: f64, y: f64, text: &str, attributes: &str) {
        let text = escaped(text);
        let _ = writeln!(self.svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{text}</text>");
    }

    /// Adds a horizontal bar with rounded corners, from its upper left corner on.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        // A bar of width zero would look like a mistake.
        let width = width.max(1.5);
        let _ = writeln!(
            self.svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" rx=\"3\" fill=\"{colour}\"/>"
        );
    }

    /// Adds an SVG element, such as a line or a rectangle.
    pub fn element(&mut self, element: &str) {
        self.svg.push_str(element);
        self.svg.push('\n');
    }

    /// Ends the chart, and returns its SVG.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// The text escaped, with U+FFFD in place of characters that XML can't hold.
fn escaped(text: &str) -> String {
    let can_hold = |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if can_hold(c) => escaped.push(c),
            _ => escaped.push(char::REPLACEMENT_CHARACTER),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_well_formed() {
        let mut chart = Chart::new(10.0, 10.0);
        chart.text(1.0, 2.0, "a<b & \"c\"\u{1}\u{ffff}>", "");
        let svg = chart.finish();
        assert!(svg.contains(">a&lt;b &amp; &quot;c&quot;\u{fffd}\u{fffd}&gt;</text>"), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_bar_is_always_visible() {
        let mut chart = Chart::new(10.0, 10.0);
        chart.bar((1.0, 2.0), (0.0, 4.0), INK);
        assert!(chart.finish().contains("width=\"1.5\""));
    }
}
