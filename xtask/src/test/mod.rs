//! Runs all tests, the most important ones first.
//!
//! If a step fails, later steps still run, unless nothing compiles. With a time limit, a step that would end
//! after it is not started. The last lines name the steps that failed or were not run.

mod schedule;
mod steps;
mod tally;

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::command::Beside;
use schedule::Schedule;
pub(crate) use steps::ALL_FEATURES;
use steps::{QUICK, Run, SLOW, STEPS, Step};
use tally::Tally;

/// Runs all steps, or only the steps that end within a time limit; `record` records the duration of
/// each step.
pub(crate) fn run(within: Option<Duration>, record: bool) -> Outcome {
    let mut schedule = Schedule::start(within)?;
    let outcome = run_steps(STEPS, &mut schedule, Tally::default());
    if record && outcome.is_ok() {
        schedule.record(STEPS.iter().map(|step| step.name))?;
    }
    outcome
}

/// Runs the steps that every change has to pass. After a change of one crate, they take at most two minutes. The last
/// lines of the output name the steps that are left out, and count the tests that are.
pub(crate) fn quick() -> Outcome {
    let others = STEPS.iter().filter(|other| QUICK.iter().all(|step| step.name != other.name));
    let others = others.map(|step| step.name.to_owned());
    let programs = SLOW.iter().map(|name| format!("test program {name}"));
    let left_out = others.chain(programs).collect();
    run_steps(QUICK, &mut Schedule::without_record(), Tally::without(left_out))
}

/// Runs the named steps.
pub(crate) fn only(names: &[&str]) -> Outcome {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("{unknown:?} is not a step: there are {}", known.join(", ")));
    }
    let steps: Vec<Step> =
        STEPS.iter().filter(|step| names.contains(&step.name)).copied().collect();
    run_steps(&steps, &mut Schedule::start(None)?, Tally::default())
}

/// A time as `60m`, `90s` or `1h`.
pub(crate) fn duration(text: &str) -> Outcome<Duration> {
    let wrong = || format!("{text:?} is not a time: write 60m, 90s or 1h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(number.ok_or_else(wrong)?.saturating_mul(seconds)))
}

/// Runs steps in turn, some of them in parallel with the following ones, and prints the outcome.
fn run_steps(steps: &[Step], schedule: &mut Schedule, mut tally: Tally) -> Outcome {
    let mut beside = None;
    for step in steps {
        // Nothing can be tested without the build, so it is started in any case.
        if let Some(reason) = schedule.no_time_for(step.name).filter(|_| !step.stops_all) {
            println!("\n=== {}: not run: {reason}", step.name);
            tally.no_time(step.name, reason);
            continue;
        }
        match step.run {
            Run::Now(run) => {
                println!("\n=== {}", step.name);
                let (started, before) = (Instant::now(), tally.failed_tests());
                let outcome = run(&mut tally);
                if tally.was_run(step.name) {
                    schedule.ended(step.name, started.elapsed());
                }
                note(&mut tally, step, outcome, before);
            }
            Run::Beside(command) => {
                end_beside(beside.take(), schedule, &mut tally);
                println!(
                    "\n=== {}: runs beside the next steps, and is printed when it has ended",
                    step.name
                );
                beside = Some((step, command().map(Beside::start)));
            }
        }
        if step.stops_all && !tally.all_passed() {
            break;
        }
    }
    end_beside(beside, schedule, &mut tally);
    schedule.print();
    tally.print();
    // The last line has the form that programs which count tests can read.
    println!("{}", tally.closing_line());
    if tally.all_passed() { Ok(()) } else { Err("not everything passed".to_owned()) }
}

/// Waits for a step that runs in parallel with others, and counts its tests.
fn end_beside(
    beside: Option<(&Step, Outcome<Beside>)>,
    schedule: &mut Schedule,
    tally: &mut Tally,
) {
    let Some((step, started)) = beside else { return };
    println!("\n=== {}", step.name);
    let before = tally.failed_tests();
    let outcome = started.and_then(|beside| {
        let (outcome, taken) = beside.wait(|line| tally.add_line(line));
        schedule.ended(step.name, taken);
        outcome
    });
    note(tally, step, outcome, before);
}

/// Counts a finished step.
fn note(tally: &mut Tally, step: &Step, outcome: Outcome, failed_before: u64) {
    match outcome {
        Ok(()) if !step.counts_tests => tally.passed(),
        Ok(()) => {}
        Err(why) => {
            println!("\n=== {} failed: {why}", step.name);
            tally.failed(step.name, &why, failed_before);
        }
    }
}
