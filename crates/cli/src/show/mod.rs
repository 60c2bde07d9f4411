//! `taploom show`: the first rows of a source, and its columns.

mod cells;
mod json;

use std::io::Write;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use taploom::pipeline::{RowSource, Step};
use taploom::sources::{ColumnList, Request};
use taploom::{Column, Ending, Error, ErrorKind, Result, ResultSchema};
use taploom_inspect::type_name;

use self::cells::ShownColumn;
use crate::resources::ResourceArguments;
use crate::say;
use crate::terminal::{Align, Table, TableColumn, Width, grouped, harmless, shown_name};
use crate::values::from_zero;
use crate::wanted::WantedArguments;

/// Maximum number of rows. All of them are in memory when the table is laid out.
const MOST_ROWS: u64 = 10_000;
/// Maximum number of rows that are read at a time.
const BATCH_ROWS: usize = 2000;

/// The arguments of `taploom show`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    // The help of this argument comes from the registry of sources.
    source: String,
    /// Query for a source that takes one; without it, demo gives all rows of its table stars
    #[arg(short, long, value_name = "SQL", allow_hyphen_values = true)]
    query: Option<String>,
    /// Number of rows to show; no more than these are read
    #[arg(short = 'n', long, value_name = "ROWS", default_value_t = 10, allow_negative_numbers = true,
          value_parser = rows_to_show)]
    rows: u64,
    /// Print JSON, for programs: all columns, with numbers in full
    #[arg(long)]
    json: bool,
    /// Width of the tables in characters; 0 shows all columns [default: the terminal's, or 80]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = from_zero)]
    width: Option<u64>,
    /// Which TABLE of a VOTable file with several: its number (from 1), ID or name
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Format of a file that can't be known by its content or name, with options, as for encode
    #[arg(long, value_name = "FORMAT[;OPTION=VALUE]...")]
    input_format: Option<String>,
    /// JSON file with the VO metadata of the columns, as for encode
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    #[command(flatten)]
    wanted: WantedArguments,
    #[command(flatten)]
    resources: ResourceArguments,
}

fn rows_to_show(text: &str) -> std::result::Result<u64, String> {
    from_zero(text).ok().filter(|rows| *rows <= MOST_ROWS).ok_or_else(|| {
        format!("a whole number from 0 to {MOST_ROWS}; taploom encode writes more rows to a file")
    })
}

/// The first rows of a source.
struct FirstRows {
    schema: ResultSchema,
    batches: Vec<RecordBatch>,
    /// Number of these rows.
    shown: u64,
    /// Number of rows of the source, if it is known.
    total: Option<u64>,
    /// Whether more rows follow.
    has_more: bool,
    notes: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let resources = arguments.resources.resources()?;
    // One more row shows whether there are more.
    let most = arguments.rows + 1;
    let (select, condition) = (arguments.wanted.select()?, arguments.wanted.condition()?);
    // Only a few of many rows may meet the condition.
    let batch_rows = if condition.is_some() { BATCH_ROWS as u64 } else { most };
    let request = Request::new(&arguments.source)
        .with_query(arguments.query.as_deref())
        .with_table(arguments.table.as_deref())
        .with_input_format(arguments.input_format.as_deref())
        .with_columns(arguments.columns.as_deref().map(ColumnList::read).transpose()?)
        .with_batch_rows(usize::try_from(batch_rows).unwrap_or(usize::MAX).min(BATCH_ROWS))
        .with_most_rows(most)
        .with_select(select)
        .with_condition(condition)
        .with_resources(resources.for_source());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Error::new(ErrorKind::Internal, "can't start a runtime for the source").with_source(error)
    })?;
    let first = runtime.block_on(async {
        let source = taploom::sources::open(&request).await?;
        FirstRows::read(source, arguments.rows).await
    })?;
    let text = match arguments.json {
        true => json::document(&first)?,
        false => first.text(Width::of(arguments.width)),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(Error::sink)?;
    first.notes.iter().for_each(|note| say(note));
    Ok(())
}

impl FirstRows {
    async fn read(mut source: impl RowSource, most: u64) -> Result<Self> {
        let schema = source.schema().clone();
        let total = source.rows_hint();
        let (mut batches, mut shown) = (Vec::new(), 0);
        let (has_more, ending) = loop {
            // A source that knows its number of rows is not asked for another row.
            if shown == most
                && let Some(total) = total
            {
                break (total > shown, source.stop());
            }
            match source.next().await? {
                Step::End(ending) => break (ending.overflowed, ending),
                Step::Rows(batch) if batch.num_rows() == 0 => {}
                Step::Rows(_) if shown == most => break (true, source.stop()),
                Step::Rows(batch) => {
                    let rows = batch.num_rows() as u64;
                    let wanted = rows.min(most - shown);
                    shown += wanted;
                    batches.push(batch.slice(0, usize::try_from(wanted).unwrap_or(usize::MAX)));
                    if wanted < rows {
                        break (true, source.stop());
                    }
                }
            }
        };
        let Ending { notes, .. } = ending;
        // Either all rows were read, or the source knows their number.
        let total = if has_more { total } else { Some(shown) };
        Ok(Self { schema, batches, shown, total, has_more, notes })
    }

    /// The tables for a terminal.
    fn text(&self, width: Width) -> String {
        let columns = self.schema.columns();
        if columns.is_empty() {
            return "no columns\n".to_owned();
        }
        let shown: Vec<ShownColumn> =
            (0..columns.len()).map(|index| ShownColumn::new(&self.batches, index)).collect();
        let nulls: Vec<u64> = shown.iter().map(|column| column.nulls).collect();
        let mut text = String::new();
        if self.shown > 0 {
            let units = columns.iter().any(|column| column.metadata().unit.is_some());
            let rows = shown.into_iter().zip(columns);
            let rows =
                Table::new(rows.map(|(shown, column)| row_column(shown, column, units)).collect());
            text.push_str(&rows.text(width));
        }
        text.push_str(&self.count());
        text.push_str("\n\n");
        text.push_str(&column_table(&self.schema, &nulls).text(width));
        text
    }

    /// The line below the rows.
    fn count(&self) -> String {
        let rows = |number: u64| match number {
            1 => "1 row".to_owned(),
            number => format!("{} rows", grouped(number)),
        };
        let columns = match self.schema.columns().len() {
            1 => "1 column".to_owned(),
            number => format!("{} columns", grouped(number as u64)),
        };
        let shown = match (self.has_more, self.total) {
            (false, _) if self.shown == 0 => "no rows".to_owned(),
            (false, _) => rows(self.shown),
            (true, Some(total)) if total > self.shown => {
                format!("first {} of {}", grouped(self.shown), rows(total))
            }
            (true, _) => format!("first {}; more follow", rows(self.shown)),
        };
        format!("{shown}, {columns}")
    }
}

/// A column of the table with the rows.
fn row_column(shown: ShownColumn, column: &Column, units: bool) -> TableColumn {
    let mut head = vec![shown_name(column.name())];
    if units {
        head.push(column.metadata().unit.as_deref().map(harmless).unwrap_or_default());
    }
    TableColumn { head, cells: shown.cells, align: shown.align }
}

/// The table with the columns of a source: name, type, unit, UCD, nulls among the rows shown, description.
fn column_table(schema: &ResultSchema, nulls: &[u64]) -> Table {
    let columns = schema.columns();
    let texts = |name: &str, align, text: &dyn Fn(&Column) -> Option<String>| {
        let cells = columns.iter().map(|column| text(column).map(|text| harmless(&text)));
        TableColumn::new(name, align, cells.map(Option::unwrap_or_default).collect())
    };
    let types = columns.iter().zip(schema.arrow().fields());
    let types = types.map(|(column, field)| harmless(&type_name(column, field.data_type())));
    let names = columns.iter().map(|column| shown_name(column.name()));
    let nulls = nulls.iter().map(u64::to_string).collect();
    Table::new(vec![
        TableColumn::new("column", Align::Lines, names.collect()),
        TableColumn::new("type", Align::Lines, types.collect()),
        texts("unit", Align::Lines, &|column| column.metadata().unit.clone()),
        texts("UCD", Align::Lines, &|column| column.metadata().ucd.clone()),
        TableColumn::new("nulls", Align::Right, nulls),
        texts("description", Align::Lines, &|column| column.metadata().description.clone()),
    ])
    .without_empty_columns()
}
