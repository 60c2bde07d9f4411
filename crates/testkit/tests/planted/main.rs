//! Encoders with one planted fault each. For every fault, the case that it names has to fail.
//!
//! `cargo test -p taploom-testkit --test planted` prints the number of caught faults and of all
//! faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics, and so do some encoders with a planted fault"
)]

mod cells;
mod encoder;
mod faults;
mod format;
mod oracle;

use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use libtest_mimic::{Arguments, Failed, Trial};
use taploom_format::{Options, ResultSchema};
use taploom_testkit::{
    CASES, CountingAllocator, Decoded, KeptMetadata, Oracle, Subject, Verdict, run,
};

use crate::faults::{Fault, GROUPS, HARMLESS, Planted};
use crate::format::{NARROW_COLUMNS, Shape, has_null, is_refused, reserved};
use crate::oracle::PlantedOracle;

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

static CAUGHT: AtomicUsize = AtomicUsize::new(0);

fn main() {
    // The panics are part of the faults.
    std::panic::set_hook(Box::new(|_| {}));
    let mut trials = vec![
        Trial::test("every_switch_is_planted_once", every_switch_is_planted_once),
        Trial::test("nothing_that_never_works_passes", nothing_that_never_works_passes),
        Trial::test("metadata_must_be_declared", metadata_must_be_declared),
    ];
    for shape in [Shape::Reporting, Shape::CutShort, Shape::Narrow, Shape::Bare] {
        trials.push(Trial::test(format!("without a fault::{shape:?}"), move || {
            let report = run(&mut subject(shape, Fault::None, &mut PlantedOracle));
            match report.failed.is_empty() {
                true => Ok(()),
                false => Err(Failed::from(report.to_string())),
            }
        }));
    }
    let mut planted = 0;
    for (group, faults) in GROUPS {
        for fault in *faults {
            planted += 1;
            let name = format!("{group}::{}", fault.what.replace(' ', "_"));
            trials.push(Trial::test(name, || is_caught(fault).map_err(Failed::from)));
        }
    }
    for fault in HARMLESS {
        let name = format!("made harmless by the driver::{}", fault.what.replace(' ', "_"));
        trials.push(Trial::test(name, || is_harmless(fault).map_err(Failed::from)));
    }
    let arguments = Arguments::from_args();
    let all = arguments.filter.is_none() && arguments.skip.is_empty();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if all && !arguments.list {
        println!("caught by name / planted: {} / {planted}", CAUGHT.load(Ordering::SeqCst));
        println!("{} more are made harmless by the driver", HARMLESS.len());
    }
    conclusion.exit();
}

/// The case that the fault names fails, with a message that says what is wrong.
fn is_caught(planted: &Planted) -> Result<(), String> {
    let case = CASES
        .iter()
        .find(|case| case.name == planted.caught_by)
        .ok_or_else(|| format!("case {} does not exist", planted.caught_by))?;
    let mut oracle = PlantedOracle;
    let mut subject = subject(planted.shape, planted.fault, &mut oracle);
    match case.run(&mut subject) {
        Err(why) if why.contains(planted.says) => {
            CAUGHT.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        Err(why) => Err(format!("the message has not the words {:?}: {why}", planted.says)),
        Ok(verdict) => Err(format!("an encoder that {} is not caught: {verdict}", planted.what)),
    }
}

/// The case that would catch the fault passes, because the fault has no effect.
fn is_harmless(planted: &Planted) -> Result<(), String> {
    let case = CASES.iter().find(|case| case.name == planted.caught_by);
    let case = case.ok_or_else(|| format!("case {} does not exist", planted.caught_by))?;
    let mut oracle = PlantedOracle;
    match case.run(&mut subject(planted.shape, planted.fault, &mut oracle))? {
        Verdict::Passed { .. } => Ok(()),
        verdict @ Verdict::NotApplicable { .. } => Err(verdict.to_string()),
    }
}

fn subject(shape: Shape, fault: Fault, oracle: &mut dyn Oracle) -> Subject<'_> {
    let mut options = Options::default();
    options.set("fault", format!("{fault:?}")).unwrap();
    if shape == Shape::Narrow {
        options.set("narrow", "true").unwrap();
    }
    if shape == Shape::Bare {
        options.set("bare", "true").unwrap();
    }
    let keeps = if shape == Shape::Bare { KeptMetadata::NONE } else { KeptMetadata::ALL };
    let subject = Subject::new(shape.plugin(), oracle).with_options(options).keeping(keeps);
    match shape {
        Shape::Narrow => subject
            .refusing(is_refused)
            .reserving(reserved)
            .with_nulls_in(has_null)
            .with_columns_at_most(NARROW_COLUMNS),
        _ => subject,
    }
}

fn every_switch_is_planted_once() -> Result<(), Failed> {
    let planted: Vec<Fault> =
        GROUPS.iter().flat_map(|(_, faults)| *faults).chain(HARMLESS).map(|f| f.fault).collect();
    let wrong: Vec<&Fault> = Fault::ALL
        .iter()
        .filter(|fault| planted.iter().filter(|other| other == fault).count() != 1)
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("not planted once: {wrong:?}").into()) }
}

/// An oracle that reads nothing.
struct Unable;

impl Oracle for Unable {
    fn decode(&mut self, _: &[u8], _: &ResultSchema) -> Result<Decoded, String> {
        Err("nothing is read".to_owned())
    }
}

/// An oracle that accepts any bytes as a complete file without rows.
struct Credulous;

impl Oracle for Credulous {
    fn decode(&mut self, _: &[u8], schema: &ResultSchema) -> Result<Decoded, String> {
        let names = schema.columns().iter().map(|column| column.name().to_owned()).collect();
        Ok(Decoded::new(names, RecordBatch::new_empty(schema.arrow().clone())))
    }
}

/// A format whose start always fails passes no case, whatever the oracle is.
fn nothing_that_never_works_passes() -> Result<(), Failed> {
    let mut wrong = Vec::new();
    let oracles: [(&str, &mut dyn Oracle); 3] = [
        ("an oracle that reads nothing", &mut Unable),
        ("an oracle that takes anything", &mut Credulous),
        ("the right oracle", &mut PlantedOracle),
    ];
    for (which, oracle) in oracles {
        for shape in [Shape::Reporting, Shape::CutShort, Shape::Narrow, Shape::Bare] {
            for case in CASES {
                let mut subject = subject(shape, Fault::StartFails, oracle);
                if let Ok(verdict @ Verdict::Passed { .. }) = case.run(&mut subject) {
                    wrong.push(format!("{shape:?}, {which}: {}: {verdict}", case.name));
                }
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn metadata_must_be_declared() -> Result<(), Failed> {
    let mut oracle = PlantedOracle;
    let mut subject = Subject::new(Shape::Reporting.plugin(), &mut oracle);
    let failed: Vec<&str> = CASES
        .iter()
        .filter(|case| case.name.contains("metadata"))
        .filter(|case| case.run(&mut subject).is_err_and(|why| why.contains("Subject::keeping")))
        .map(|case| case.name)
        .collect();
    match failed.len() {
        3 => Ok(()),
        _ => Err(format!("undeclared metadata fail {failed:?} alone").into()),
    }
}
