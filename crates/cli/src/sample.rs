//! `taploom sample`.

use taploom::Result;
use taploom::expressions::FirstIds;
use taploom::sources::SampleStats;

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

/// Which rows are in the sample.
#[derive(clap::Args)]
pub(crate) struct Sampling {
    /// Column whose values are the groups; null is a group
    #[arg(short, long, value_name = "COLUMN")]
    group: String,
    /// Column of the ids; the rows of the first ids of every group are kept; null is an id
    #[arg(short, long, value_name = "COLUMN")]
    id: String,
    /// Number of ids to keep per group
    #[arg(short = 'n', long = "number", value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    number: usize,
    /// Print on standard error how many rows were read and kept, and how they were decided
    #[arg(long)]
    stats: bool,
}

pub(crate) fn run(arguments: &SampleArguments) -> Result<()> {
    encode::run_sampled(&arguments.encode, Some(&arguments.sampling))
}

impl Sampling {
    /// The sample as part of a request.
    pub(crate) fn first_ids(&self) -> FirstIds {
        let number = u32::try_from(self.number).unwrap_or(u32::MAX);
        FirstIds::new(&self.group, &self.id, number)
    }

    /// Sentences on what was read and kept, if requested.
    pub(crate) fn told(&self, stats: &SampleStats) -> Vec<String> {
        if !self.stats {
            return Vec::new();
        }
        let report = stats.report();
        let mut lines = vec![format!(
            "{} of {} rows kept: {} ids of {} groups; {} runs of rows with the same group and id",
            report.rows_kept, report.rows, report.ids_kept, report.groups, report.runs
        )];
        lines.push(format!(
            "rows decided by bounds: {}, by dictionary codes: {}, by decoded values: {}",
            report.rows_by_bounds, report.rows_by_codes, report.rows_by_values
        ));
        if report.row_groups > 0 {
            lines.push(format!(
                "{} of {} row groups had no such row, and only their keys were read; key pages read: {}, passed over \
                 by their bounds: {}",
                report.row_groups_skipped,
                report.row_groups,
                report.key_pages,
                report.key_pages_skipped
            ));
        }
        lines
    }
}
