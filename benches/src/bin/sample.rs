//! Keeps all rows of the first ids of every group with a plain loop over the batches of the Parquet crate, as a
//! program written for this purpose would. `cargo xtask bench sample` compares it with `taploom sample`.
//!
//! ```text
//! bench-sample FILE OUT N
//! ```
//!
//! The columns `group` and `id` are integers of 64 bits without nulls.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::process::ExitCode;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use taploom_benches::Outcome;

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench-sample: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome {
    let [file, out, number] = arguments else {
        return Err("usage: bench-sample FILE OUT N".to_owned());
    };
    let number = number.parse().map_err(|_| format!("{number} is not a number"))?;
    sample(file, out, number).map_err(|error| error.to_string())
}

fn sample(file: &str, out: &str, number: usize) -> Result<(), Box<dyn std::error::Error>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?
        .with_batch_size(BATCH_ROWS)
        .build()?;
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut firsts = FirstIds { number, ids: HashMap::new(), last: None };
    for batch in reader {
        let batch = batch?;
        let kept = filter_record_batch(&batch, &firsts.kept(&batch)?)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(ArrowWriter::try_new(File::create(out)?, batch.schema(), None)?),
        };
        if kept.num_rows() > 0 {
            writer.write(&kept)?;
        }
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}

struct FirstIds {
    number: usize,
    /// The ids that are kept of every group.
    ids: HashMap<i64, HashSet<i64>>,
    /// The last group and id, and whether their rows are kept.
    last: Option<(i64, i64, bool)>,
}

impl FirstIds {
    fn kept(&mut self, batch: &RecordBatch) -> Outcome<BooleanArray> {
        let column = |name: &str| {
            let column = batch
                .column_by_name(name)
                .and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.ok_or_else(|| format!("the column {name} is not one of 64-bit integers"))
        };
        let (groups, ids) = (column("group")?.values(), column("id")?.values());
        Ok(groups.iter().zip(ids).map(|(group, id)| Some(self.keeps(*group, *id))).collect())
    }

    fn keeps(&mut self, group: i64, id: i64) -> bool {
        if let Some((last_group, last_id, keeps)) = self.last
            && (last_group, last_id) == (group, id)
        {
            return keeps;
        }
        let ids = self.ids.entry(group).or_default();
        let keeps = ids.contains(&id) || ids.len() < self.number && ids.insert(id);
        self.last = Some((group, id, keeps));
        keeps
    }
}
