//! Plots a Parquet file: columns from left to right, row groups from top to bottom, and darker cells for
//! more bytes. Bars above and beside the map show sums.

use taploom_charts::{Chart, FAINT, INK};
use taploom_inspect::Inspection;

use crate::terminal::{bytes, cut, grouped, harmless, shown_name};

const WIDTH: f64 = 1200.0;
/// The edges of the map.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 960.0;
const TOP: f64 = 228.0;
/// Height of the bars above the map, and width of the bars beside it.
const COLUMN_BARS: f64 = 110.0;
const GROUP_BARS: f64 = 130.0;
/// Maximum numbers of cells in the map; further columns and row groups share cells.
const MOST_COLUMNS: usize = 178;
const MOST_GROUPS: usize = 90;
/// The map shows column names up to this number of columns.
const MOST_NAMES: usize = 60;
/// Maximum length of a name in characters.
const NAME: usize = 26;
/// Number of columns in the sentence about the largest ones.
const LARGEST: usize = 5;

/// The colours for no bytes and for the largest cell.
const LIGHT: [f64; 3] = [236.0, 242.0, 248.0];
const DARK: [f64; 3] = [11.0, 60.0, 115.0];
const BAR: &str = "#2b6cb0";

/// The plot of a file; `None` if it has no column chunks.
pub(super) fn svg(inspection: &Inspection) -> Option<String> {
    let parquet = inspection.parquet.as_ref()?;
    let columns = inspection.columns.len();
    let sizes = parquet.chunk_bytes.as_slice();
    if columns == 0 || sizes.is_empty() || !sizes.len().is_multiple_of(columns) {
        return None;
    }
    let map = Map::new(sizes, columns);
    let row_height = (420.0 / map.rows() as f64).clamp(4.0, 60.0);
    let bottom = TOP + row_height * map.rows() as f64;
    let has_names = columns <= MOST_NAMES;
    let names: Vec<String> =
        inspection.columns.iter().map(|column| cut(&shown_name(&column.name), NAME)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let below = if has_names { longest as f64 * 6.0 + 24.0 } else { 34.0 };
    let height = bottom + below + 74.0;
    let mut chart = Chart::new(WIDTH, height);
    titles(&mut chart, inspection, &map);

    let cell = (RIGHT - LEFT) / map.columns as f64;
    let most = map.cells.iter().copied().max().unwrap_or(0);
    for (index, size) in map.cells.iter().enumerate() {
        let (row, column) = (index / map.columns, index % map.columns);
        let x = LEFT + cell * column as f64;
        let y = TOP + row_height * row as f64;
        let gap = if cell > 6.0 && row_height > 6.0 { 1.0 } else { 0.0 };
        chart.element(&format!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\"/>",
            cell - gap,
            row_height - gap,
            colour(*size, most)
        ));
    }
    column_bars(&mut chart, &map, cell);
    group_bars(&mut chart, &map, row_height);
    if has_names {
        let style = format!("font-size=\"11\" fill=\"{INK}\" text-anchor=\"end\"");
        for (index, name) in names.iter().enumerate() {
            let (x, y) = (LEFT + cell * (index as f64 + 0.5) + 4.0, bottom + 12.0);
            chart.text(x, y, name, &format!("{style} transform=\"rotate(-60 {x:.1} {y:.1})\""));
        }
    } else {
        let shared = shared(columns, map.columns_each);
        let said = format!("{} columns, in the order of the file{shared}", grouped(columns as u64));
        chart.text(LEFT, bottom + 20.0, &said, &format!("font-size=\"13\" fill=\"{FAINT}\""));
    }
    legend(&mut chart, most, height);
    Some(chart.finish())
}

fn titles(chart: &mut Chart, inspection: &Inspection, map: &Map) {
    let name = inspection.file.rsplit('/').next().unwrap_or(&inspection.file);
    let title = format!("{}: where the bytes are", cut(&harmless(name), 60));
    chart.text(
        30.0,
        40.0,
        &title,
        &format!("font-size=\"24\" font-weight=\"bold\" fill=\"{INK}\""),
    );
    let sum: u64 = map.column_sums.iter().sum();
    let facts = format!(
        "{} in {} row groups × {} columns; file {}",
        bytes(sum),
        grouped(map.groups as u64),
        grouped(inspection.columns.len() as u64),
        bytes(inspection.bytes)
    );
    let style = format!("font-size=\"15\" fill=\"{FAINT}\"");
    chart.text(30.0, 64.0, &facts, &style);
    let mut order: Vec<usize> = (0..map.column_sums.len()).collect();
    order.sort_by_key(|column| std::cmp::Reverse(map.column_sums[*column]));
    let largest = order.iter().take(LARGEST).map(|column| {
        let share = map.column_sums[*column] as f64 / (sum.max(1)) as f64 * 100.0;
        let name = inspection.columns.get(*column).map_or("", |column| column.name.as_str());
        format!("{} {share:.1}%", cut(&shown_name(name), NAME))
    });
    let largest = largest.collect::<Vec<_>>().join(", ");
    chart.text(30.0, 86.0, &format!("largest columns: {largest}"), &style);
}

/// The number of bytes in each cell of the map.
struct Map {
    /// Number of cells in a row of the map.
    columns: usize,
    /// Number of columns and of row groups of the file in each cell.
    columns_each: usize,
    groups_each: usize,
    cells: Vec<u64>,
    /// Sums by column and by row group of the file.
    column_sums: Vec<u64>,
    groups: usize,
}

impl Map {
    fn new(sizes: &[u64], columns: usize) -> Self {
        let groups = sizes.len() / columns;
        // Every cell has the same number of columns, so that none is darker for having more.
        let columns_each = columns.div_ceil(MOST_COLUMNS);
        let groups_each = groups.div_ceil(MOST_GROUPS);
        let across = columns.div_ceil(columns_each);
        let mut cells = vec![0_u64; across * groups.div_ceil(groups_each)];
        let mut column_sums = vec![0_u64; columns];
        for (index, size) in sizes.iter().enumerate() {
            let (group, column) = (index / columns, index % columns);
            let cell = &mut cells[group / groups_each * across + column / columns_each];
            *cell = cell.saturating_add(*size);
            column_sums[column] = column_sums[column].saturating_add(*size);
        }
        Self { columns: across, columns_each, groups_each, cells, column_sums, groups }
    }

    fn rows(&self) -> usize {
        self.cells.len() / self.columns
    }

    fn row_sum(&self, row: usize) -> u64 {
        self.cells[row * self.columns..][..self.columns].iter().sum()
    }

    fn column_sum(&self, column: usize) -> u64 {
        self.cells.iter().skip(column).step_by(self.columns).sum()
    }
}

/// How many of the columns or row groups share a bar, if they do.
fn shared(number: usize, each: usize) -> String {
    match number % each {
        _ if each == 1 => String::new(),
        0 => format!(", {each} to a bar"),
        rest => format!(", {each} to a bar, {rest} in the last"),
    }
}

/// The colour is linear in the square root of the size, so that small sizes can be distinguished.
fn colour(size: u64, most: u64) -> String {
    let part = (size as f64 / most.max(1) as f64).sqrt();
    let [red, green, blue] = [0, 1, 2].map(|at| LIGHT[at] + (DARK[at] - LIGHT[at]) * part);
    format!("#{:02x}{:02x}{:02x}", red as u8, green as u8, blue as u8)
}

fn column_bars(chart: &mut Chart, map: &Map, cell: f64) {
    let sums: Vec<u64> = (0..map.columns).map(|column| map.column_sum(column)).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    for (column, sum) in sums.iter().enumerate() {
        let height = COLUMN_BARS * *sum as f64 / most as f64;
        let gap = if cell > 6.0 { 1.0 } else { 0.0 };
        rectangle(chart, LEFT + cell * column as f64, TOP - 6.0 - height, cell - gap, height);
    }
    let style = format!("font-size=\"12\" fill=\"{FAINT}\" text-anchor=\"end\"");
    chart.text(LEFT - 8.0, TOP - COLUMN_BARS + 4.0, &bytes(most), &style);
    chart.text(LEFT - 8.0, TOP - 6.0, "0", &style);
}

fn group_bars(chart: &mut Chart, map: &Map, row_height: f64) {
    let sums: Vec<u64> = (0..map.rows()).map(|row| map.row_sum(row)).collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let left = RIGHT + 8.0;
    let style = format!("font-size=\"12\" fill=\"{FAINT}\"");
    for (row, sum) in sums.iter().enumerate() {
        let width = GROUP_BARS * *sum as f64 / most as f64;
        let gap = if row_height > 6.0 { 1.0 } else { 0.0 };
        let y = TOP + row_height * row as f64;
        rectangle(chart, left, y, width, row_height - gap);
        // Each bar gets a number if there is enough room.
        if row_height >= 12.0 {
            chart.text(left + width + 6.0, y + row_height / 2.0 + 4.0, &bytes(*sum), &style);
        }
    }
    let label = format!("row groups{}", shared(map.groups, map.groups_each));
    chart.text(left, TOP - 10.0, &label, &style);
    let last = TOP + row_height * map.rows() as f64;
    let style = format!("font-size=\"12\" fill=\"{FAINT}\" text-anchor=\"end\"");
    chart.text(LEFT - 8.0, TOP + 10.0, "1", &style);
    if map.rows() > 1 {
        chart.text(LEFT - 8.0, last - 2.0, &grouped(map.groups as u64), &style);
    }
}

fn rectangle(chart: &mut Chart, x: f64, y: f64, width: f64, height: f64) {
    chart.element(&format!(
        "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{BAR}\"/>"
    ));
}

/// Draws the colour scale.
fn legend(chart: &mut Chart, most: u64, height: f64) {
    const STEPS: u64 = 40;
    let y = height - 40.0;
    let style = format!("font-size=\"12\" fill=\"{FAINT}\"");
    chart.text(LEFT, y + 11.0, "0", &style);
    for step in 0..STEPS {
        chart.element(&format!(
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"6.2\" height=\"14\" fill=\"{}\"/>",
            LEFT + 14.0 + 6.0 * step as f64,
            // The colour scale is linear in the square root of the size.
            colour(step * step, (STEPS - 1) * (STEPS - 1))
        ));
    }
    let label = format!("{} per cell of the map (square roots)", bytes(most));
    chart.text(LEFT + 22.0 + 6.0 * STEPS as f64, y + 11.0, &label, &style);
}
