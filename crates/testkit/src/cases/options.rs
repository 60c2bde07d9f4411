//! Options have an effect, or are refused.

use taploom_format::{Completion, EncodeContext, ErrorKind, Options};

use taploom_format::OptionInfo;

use super::said;
use crate::checks::{Check, Checks};
use crate::sinks::SharedSink;
use crate::subject::Subject;

pub(super) fn an_option_that_is_unknown_is_refused(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    super::control(subject, checks)?;
    let mut options = subject.options().clone();
    options.set("no_such_option_of_any_format", "1").map_err(said)?;
    match subject.plugin.check(&options) {
        Ok(()) => Err("an option that is unknown was taken: the struct of the options needs \
                       #[serde(deny_unknown_fields)]"
            .to_owned()),
        Err(error) => checks.equal("kind", &error.kind(), &ErrorKind::InvalidOption),
    }
}

/// For every option with listed values, all values are accepted, and at least one changes the file.
pub(super) fn every_option_changes_something(
    subject: &mut Subject<'_>,
    checks: &mut Checks,
) -> Check {
    let tables = subject.tables();
    for option in free_options(subject) {
        let mut changes = false;
        for value in &option.values {
            let mut options = subject.options().clone();
            options.set(&option.name, value).map_err(said)?;
            let name = &option.name;
            checks.result(subject.plugin.check(&options).map_err(|error| {
                format!("option {name} lists the value {value:?} and refuses it: {error:#}")
            }))?;
            // The other values are compared with the default.
            let mut others = tables.iter().filter(|_| *value != option.default && !changes);
            changes |= others.any(|table| {
                written(subject, &options, table) != written(subject, subject.options(), table)
            });
        }
        checks.that(changes, || {
            format!("option {} changes nothing: all of its values give the same bytes", option.name)
        })?;
    }
    Ok(())
}

/// The options with listed values. Empty if the subject sets one of them, because the effect of the
/// others may depend on it; they are tested with a subject that sets none.
pub(super) fn free_options(subject: &Subject<'_>) -> Vec<OptionInfo> {
    let mut listed = subject.plugin.options();
    listed.retain(|option| option.values.len() > 1);
    let is_free = |option: &OptionInfo| {
        let settable = |value: &String| subject.options().clone().set(&option.name, value).is_ok();
        option.values.iter().all(settable)
    };
    if listed.iter().all(is_free) { listed } else { Vec::new() }
}

/// The bytes of a table, or the error: an option may make the format refuse a cell.
fn written(
    subject: &Subject<'_>,
    options: &Options,
    table: &crate::tables::Table,
) -> Result<Vec<u8>, String> {
    let sink = SharedSink::default();
    let context = EncodeContext::default();
    let started = subject.plugin.start(options, &table.schema, &context, Box::new(sink.clone()));
    let result = started.and_then(|mut encoder| {
        encoder.write_batch(&table.given)?;
        encoder.finish(Completion::Complete)
    });
    result.map(|_| sink.bytes()).map_err(|error| format!("{:?}", error.kind()))
}
