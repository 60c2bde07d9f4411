//! Makes Arrow files of rows for other programs, and runs `ArrowWriter` as one of them; for `cargo xtask
//! bench encodings`.
//!
//! ```text
//! bench-rows make TABLE ROWS ARROW_FILE            at most ROWS rows of a table of `tables`
//! bench-rows arrow-writer CODEC ARROW_FILE PARQUET_FILE
//! ```
//!
//! Files of rows are Arrow IPC streams. `ArrowWriter` has its default properties and a codec, `snappy` or `zstd`.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::process::ExitCode;

use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use taploom_benches::{Outcome, codec, tables};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", table, rows, out] => make(table, rows, out),
        ["arrow-writer", codec, rows, out] => arrow_writer(codec, rows, out),
        _ => Err("usage: bench-rows make TABLE ROWS ARROW_FILE, or \
                  bench-rows arrow-writer CODEC ARROW_FILE PARQUET_FILE"
            .to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench-rows: {why}");
            ExitCode::FAILURE
        }
    }
}

fn make(table: &str, rows: &str, out: &str) -> Outcome {
    let rows = rows.parse().map_err(|_| format!("{rows} is not a number of rows"))?;
    let mut batches = tables::table(table, rows)?.peekable();
    let schema = batches.peek().ok_or("the table has no rows")?.schema();
    let failed = |error: &dyn std::fmt::Display| format!("can't write {out}: {error}");
    let file = File::create(out).map_err(|error| failed(&error))?;
    let mut writer =
        StreamWriter::try_new(BufWriter::new(file), &schema).map_err(|error| failed(&error))?;
    for batch in batches {
        writer.write(&batch).map_err(|error| failed(&error))?;
    }
    writer.finish().map_err(|error| failed(&error))?;
    writer.get_mut().flush().map_err(|error| failed(&error))
}

fn arrow_writer(codec_name: &str, rows: &str, out: &str) -> Outcome {
    let properties = WriterProperties::builder().set_compression(codec(codec_name)?).build();
    let unread = |error: &dyn std::fmt::Display| format!("can't read {rows}: {error}");
    let failed = |error: &dyn std::fmt::Display| format!("can't write {out}: {error}");
    let file = File::open(rows).map_err(|error| unread(&error))?;
    let batches =
        StreamReader::try_new(BufReader::new(file), None).map_err(|error| unread(&error))?;
    let file = File::create(out).map_err(|error| failed(&error))?;
    let mut writer = ArrowWriter::try_new(file, batches.schema(), Some(properties))
        .map_err(|error| failed(&error))?;
    for batch in batches {
        writer.write(&batch.map_err(|error| unread(&error))?).map_err(|error| failed(&error))?;
    }
    writer.close().map(drop).map_err(|error| failed(&error))
}
