//! The cases that every format has to pass: one for each promise of the contract.
//!
//! Whether a case applies depends only on the subject's declarations, before anything is written,
//! so a format can't evade a case by failing in the right place.

mod batches;
mod context;
mod endings;
mod errors;
mod large;
mod memory;
mod metadata;
mod options;
mod refusals;
mod rows;
mod scratch;
mod sinks;
mod state;
mod summary;
mod threads;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use taploom_format::Datatype;

use crate::checks::{Check, Checks, Verdict};
use crate::failures::panic_message;
use crate::subject::Subject;
use crate::tables::Table;

/// One test of a format.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The promise that it tests.
    pub name: &'static str,
    applies: fn(&Subject<'_>) -> Result<(), String>,
    test: fn(&mut Subject<'_>, &mut Checks) -> Check,
}

impl Case {
    /// Whether the case applies, by the subject's declarations.
    ///
    /// # Errors
    /// The reason, in one sentence, if it does not.
    pub fn applies(&self, subject: &Subject<'_>) -> Result<(), String> {
        (self.applies)(subject)
    }

    /// Runs the case. A panic of the format is a failure as well.
    ///
    /// # Errors
    /// The fault of the format, if it does not pass.
    pub fn run(&self, subject: &mut Subject<'_>) -> Result<Verdict, String> {
        if let Err(reason) = self.applies(subject) {
            return Ok(Verdict::NotApplicable { reason });
        }
        let mut checks = Checks::default();
        let run = catch_unwind(AssertUnwindSafe(|| (self.test)(subject, &mut checks)));
        run.unwrap_or_else(|panic| {
            Err(format!(
                "the format panicked, which no input may cause: {}",
                panic_message(&*panic)
            ))
        })?;
        checks.verdict()
    }
}

macro_rules! cases {
    (@applies) => { |_| Ok(()) };
    (@applies $applies:ident) => { $applies };
    ($($group:ident { $($name:ident $(if $applies:ident)?,)* })*) => {
        /// All cases. Their order does not matter.
        pub const CASES: &[Case] = &[$($(Case {
            name: stringify!($name),
            applies: cases!(@applies $($applies)?),
            test: $group::$name,
        }),*),*];
    };
}

cases! {
    rows {
        every_table_reads_back,
        a_result_without_rows_is_a_whole_file,
        sliced_arrays_read_back,
        values_beneath_nulls_are_not_written,
        fields_that_are_not_nullable_read_back,
        null_elements_read_back_or_are_named,
        columns_keep_their_order_and_their_cells,
    }
    large {
        many_rows_read_back,
        many_lists_read_back if has_lists,
        a_batch_of_200_000_rows_reads_back,
        batches_of_one_row_read_back,
        texts_beyond_65_535_bytes_read_back,
        lists_beyond_65_535_elements_read_back if has_lists,
    }
    batches {
        an_empty_batch_adds_nothing,
        the_same_bytes_whatever_the_batch_size,
        the_same_bytes_from_two_starts,
    }
    threads {
        the_same_bytes_on_any_number_of_threads,
        an_error_on_several_threads_is_the_same_error,
    }
    sinks {
        a_sink_that_takes_one_byte_at_a_time,
        a_sink_that_is_interrupted,
        a_sink_that_needs_a_flush_gets_it,
        a_sink_whose_flush_fails_is_an_error,
        a_sink_that_fails_is_an_error_at_every_byte,
        a_sink_that_fails_once_is_an_error,
        a_closed_sink_is_a_cancellation,
    }
    endings {
        dropped_without_finish_nothing_reads_as_whole,
        nothing_is_written_by_drop,
        overflow_is_reported,
        failure_is_reported,
        failure_after_an_error_is_reported,
        completion_after_an_error_is_refused,
    }
    errors {
        a_schema_that_changes_names_the_column,
        a_cell_that_does_not_fit_names_column_and_row,
        nothing_follows_an_error,
    }
    refusals {
        a_type_that_is_not_supported_names_the_column,
        a_type_that_is_declared_as_refused_is_refused if refuses_something,
        more_columns_than_there_may_be_are_an_error if limits_columns,
        a_value_that_stands_for_null_is_named if reserves_something,
        a_null_that_can_not_be_is_named if lacks_nulls,
        a_list_of_another_shape_is_named if takes_pairs,
        an_envelope_is_written_or_refused,
    }
    options {
        an_option_that_is_unknown_is_refused,
        every_option_changes_something if has_options,
    }
    state {
        two_encoders_at_once_do_not_mix,
        an_encoder_may_move_to_another_thread,
    }
    context {
        results_of_one_context_do_not_mix,
        results_of_one_context_at_once_do_not_mix,
        a_context_keeps_little_between_results if counts_heap,
    }
    summary {
        data_bytes_are_those_of_the_rows,
        cells_that_were_cut_are_counted,
        cells_that_were_altered_are_counted,
    }
    metadata {
        metadata_of_columns_read_back if keeps_columns,
        metadata_of_the_table_read_back if keeps_table,
        no_metadata_are_kept_undeclared,
    }
    memory {
        buffered_bytes_stay_within_the_budget,
        buffered_bytes_are_what_the_heap_holds if counts_heap,
        no_heap_is_left_behind if counts_heap,
    }
    scratch {
        no_temporary_file_is_left_behind,
    }
}

fn has_lists(subject: &Subject<'_>) -> Result<(), String> {
    let takes = !large::long_lists(subject).is_empty();
    takes.then_some(()).ok_or_else(|| "the format refuses lists of any length".to_owned())
}

fn refuses_something(subject: &Subject<'_>) -> Result<(), String> {
    let refuses = refusals::shapes().any(|(datatype, shape)| subject.refuses(datatype, shape));
    refuses.then_some(()).ok_or_else(|| "no type is declared as refused".to_owned())
}

fn limits_columns(subject: &Subject<'_>) -> Result<(), String> {
    let limit = subject.most_columns().map(drop);
    limit.ok_or_else(|| "no limit to the number of columns is declared".to_owned())
}

fn reserves_something(subject: &Subject<'_>) -> Result<(), String> {
    let reserves = refusals::shapes().any(|(datatype, _)| subject.reserved(datatype).is_some());
    reserves.then_some(()).ok_or_else(|| "no value is declared to stand for null".to_owned())
}

fn lacks_nulls(subject: &Subject<'_>) -> Result<(), String> {
    let lacks = refusals::shapes().any(|(datatype, shape)| {
        !subject.refuses(datatype, shape) && !subject.has_null_in(datatype, shape)
    });
    lacks.then_some(()).ok_or_else(|| "every type that the format holds has a null".to_owned())
}

fn takes_pairs(subject: &Subject<'_>) -> Result<(), String> {
    let takes = !subject.refuses(Datatype::Int, Some("2x*"));
    takes.then_some(()).ok_or_else(|| "the format refuses lists of pairs".to_owned())
}

fn has_options(subject: &Subject<'_>) -> Result<(), String> {
    let has_some = !options::free_options(subject).is_empty();
    has_some.then_some(()).ok_or_else(|| "no option with listed values is free".to_owned())
}

fn keeps_columns(subject: &Subject<'_>) -> Result<(), String> {
    match subject.keeps() {
        Some(keeps) if keeps.columns.is_empty() => {
            Err("the format is declared to keep no metadata of columns".to_owned())
        }
        _ => Ok(()),
    }
}

fn keeps_table(subject: &Subject<'_>) -> Result<(), String> {
    match subject.keeps() {
        Some(keeps) if keeps.table.is_empty() => {
            Err("the format is declared to keep no metadata of the table".to_owned())
        }
        _ => Ok(()),
    }
}

fn counts_heap(_: &Subject<'_>) -> Result<(), String> {
    let meter = taploom_heap_meter::HeapMeter::start().map(drop);
    meter.ok_or_else(|| {
        "the test program does not install taploom_testkit::CountingAllocator as its \
         #[global_allocator]"
            .to_owned()
    })
}

/// Checks that a table of two numbers reads back. Otherwise an error or an incomplete file would prove
/// nothing.
fn control(subject: &mut Subject<'_>, checks: &mut Checks) -> Check {
    let numbers = Arc::new(arrow_array::Int32Array::from(vec![1, 2])) as ArrayRef;
    let table = Table::new("control", &[("n".to_owned(), Arc::clone(&numbers), numbers)]);
    let table = subject.table(table)?;
    subject
        .reads_back(
            checks,
            &table,
            std::slice::from_ref(&table.given),
            std::slice::from_ref(&table.expected),
        )
        .map(drop)
        .map_err(|why| format!("this case shows nothing, for a plain table fails already: {why}"))
}

fn split(batch: &RecordBatch, size: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    (0..rows).step_by(size).map(|row| batch.slice(row, size.min(rows - row))).collect()
}

fn said(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}
