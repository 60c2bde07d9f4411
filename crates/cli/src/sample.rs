//! `taploom sample`.

use arrow_array::RecordBatch;
use taploom::expressions::SelectList;
use taploom::pipeline::{Ending, Flow, RowSource, Sample, Transform, Transformed};
use taploom::{Result, ResultSchema};

use crate::encode;
use crate::values::at_least_one;

/// The arguments of `taploom sample`.
#[derive(clap::Args)]
pub(crate) struct SampleArguments {
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    encode: encode::Arguments,
}

/// Which rows are sampled.
#[derive(clap::Args)]
pub(crate) struct Sampling {
    /// Column whose values are the groups; null is a group
    #[arg(short, long, value_name = "COLUMN")]
    group: String,
    /// Column of the ids, of which the first of every group are kept with all their rows; null is an id
    #[arg(short, long, value_name = "COLUMN")]
    id: String,
    /// Number of ids that are kept of every group
    #[arg(short = 'n', long = "number", value_name = "N", value_parser = at_least_one)]
    number: usize,
    /// Print what was read and kept on standard error
    #[arg(long)]
    stats: bool,
}

pub(crate) fn run(arguments: &SampleArguments) -> Result<()> {
    encode::run_sampled(&arguments.encode, Some(&arguments.sampling))
}

impl Sampling {
    /// The wanted columns, and behind them the group and the id.
    pub(crate) fn with_keys(&self, wanted: Option<SelectList>) -> SelectList {
        wanted.unwrap_or_else(SelectList::all).and(&self.group).and(&self.id)
    }

    /// Samples the rows of a source whose last columns are the group and the id, and leaves these two out.
    pub(crate) fn around(&self, source: Box<dyn RowSource>) -> Result<Box<dyn RowSource>> {
        let columns = source.schema().columns().len();
        let (group, id) = (columns.saturating_sub(2), columns.saturating_sub(1));
        let most = u32::try_from(self.number).unwrap_or(u32::MAX);
        let sample = Sample::new(source.schema(), group, id, most)?.without_last(2)?;
        Ok(match self.stats {
            true => Box::new(Transformed::new(source, Told(sample))),
            false => Box::new(Transformed::new(source, sample)),
        })
    }
}

/// A sample that says at its end what it has seen.
struct Told(Sample);

impl Transform for Told {
    fn schema(&self) -> &ResultSchema {
        self.0.schema()
    }

    fn rows(&mut self, batch: RecordBatch) -> Result<Flow> {
        self.0.rows(batch)
    }

    fn end(&mut self, ending: Ending) -> Result<Ending> {
        let counts = self.0.counts();
        Ok(self.0.end(ending)?.with_note(format!(
            "{} of {} rows kept: {} ids of {} groups; {} runs of rows with the same group and id",
            counts.rows_kept, counts.rows, counts.ids_kept, counts.groups, counts.runs
        )))
    }

    fn rows_hint(&self, rows_in: Option<u64>) -> Option<u64> {
        self.0.rows_hint(rows_in)
    }
}
