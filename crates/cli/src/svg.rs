//! Helpers for SVG plots.

use std::fmt::Write as _;

use crate::terminal::harmless;

/// The colour of text and of the most important parts.
pub(crate) const INK: &str = "#1f2933";
/// The colour of explanations.
pub(crate) const FAINT: &str = "#52606d";

/// The beginning of a plot, with a white background.
pub(crate) fn begin(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    )
}

/// Adds a line of text with these attributes.
pub(crate) fn text(svg: &mut String, x: f64, y: f64, text: &str, style: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>", escaped(text));
}

/// The text without characters that XML can't hold, and escaped.
pub(crate) fn escaped(text: &str) -> String {
    let text = harmless(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
