//! The steps of `cargo xtask test`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::tally::Tally;
use crate::command::{cargo, command, output, run, run_lines};
use crate::instructions::{self, Comparison};
use crate::setup::openssl;
use crate::{Outcome, digests, fuzz, new_format, packages};

/// One step of the tests.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    /// Whether the step adds its tests to the tally; any other step counts as one test.
    pub(crate) counts_tests: bool,
    /// Whether a failure of this step makes all later steps useless.
    pub(crate) stops_all: bool,
}

/// How a step runs.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Before the steps that follow.
    Now(fn(&mut Tally) -> Outcome),
    /// In parallel with the following steps, one such step at a time. Meant for commands that wait for downloads,
    /// servers and other programs, and leave a processor idle.
    Beside(fn() -> Outcome<Command>),
}

/// Every step, the most important ones first.
pub(crate) const STEPS: &[Step] = &[
    Step { counts_tests: false, ..beside("setup", || command_of_xtask("setup")) },
    Step { stops_all: true, ..check("build", build) },
    check("format", format),
    check("clippy", clippy),
    beside("main readers", || test_command(&Tests::Named(READERS))),
    tests("tests", |tally| run_tests(&Tests::Others, tally)),
    tests("planted faults", |tally| run_tests(&Tests::Named(PLANTED), tally)),
    check("digests", |_| digests::compare()),
    beside("kafka", || test_command(&Tests::Named(KAFKA))),
    tests("doc tests", doc_tests),
    check("new format", |_| new_format::check()),
    // A step that runs beside others waits for the one before it, which has ended by now.
    beside("real kafka", || test_command(&Tests::Named(REAL_KAFKA))),
    tests("databases", |tally| run_tests(&Tests::Named(DATABASES), tally)),
    check("docs", docs),
    check("features", features),
    check("packages", |_| packages::check()),
    tests(INSTRUCTIONS, instruction_counts),
    tests("fuzzing", fuzzing),
];

/// The steps that every change has to pass. They build only what they run; clippy checks that the rest compiles.
pub(crate) const QUICK: &[Step] = &[
    Step { stops_all: true, ..check("build", build_quick) },
    check("format", format),
    check("clippy", clippy),
    beside("suite", || test_command(&Tests::Suite)),
    tests("tests", |tally| run_tests(&Tests::Quick, tally)),
];

/// The features that are not enabled by default. All steps build with them, so that nothing is compiled
/// twice.
pub(crate) const ALL_FEATURES: &str = "taploom-cli/kafka";
const ALL: &str = ALL_FEATURES;
/// The command that every selection of tests begins with.
const TEST: &[&str] = &["test", "--workspace", "--features", ALL];

/// Test programs that run in separate steps. All others run in the step `tests`.
const PLANTED: &[&str] = &["planted"];
const READERS: &[&str] = &["readers"];
const DATABASES: &[&str] = &["mysql", "postgres"];
const KAFKA: &[&str] = &["kafka"];
const REAL_KAFKA: &[&str] = &["real-kafka"];
const FUZZING: &[&str] = &["fuzzing"];
const SUITE: &[&str] = &["conformance"];
/// Test programs that take many seconds, and that `cargo xtask test quick` leaves out: damaged documents, and limits of
/// memory. Other slow tests are in modules called `slow`.
pub(crate) const SLOW: &[&str] = &["damage", "memory", "resident"];

/// Cases of the suite that `cargo xtask test quick` leaves out: Parquet has the most options, and the most bytes to compare.
const SLOW_CASES: &[&str] = &[
    "voparquet::the_same_bytes_whatever_the_batch_size",
    "voparquet::every_option_changes_something",
];

/// The features of `taploom` that are checked alone.
const FEATURES_OF_FACADE: &[&str] = &["csv", "tokio", "votable"];

const INSTRUCTIONS: &str = "instruction counts";

const fn check(name: &'static str, run: fn(&mut Tally) -> Outcome) -> Step {
    Step { name, run: Run::Now(run), counts_tests: false, stops_all: false }
}

const fn tests(name: &'static str, run: fn(&mut Tally) -> Outcome) -> Step {
    Step { name, run: Run::Now(run), counts_tests: true, stops_all: false }
}

const fn beside(name: &'static str, command: fn() -> Outcome<Command>) -> Step {
    Step { name, run: Run::Beside(command), counts_tests: true, stops_all: false }
}

/// This program, with another command.
fn command_of_xtask(name: &str) -> Outcome<Command> {
    let program = std::env::current_exe().map_err(|error| format!("can't find xtask: {error}"))?;
    Ok(command(&program.display().to_string(), &[name]))
}

/// Compiles everything that later steps run, with the features and the profile that they use.
fn build(_: &mut Tally) -> Outcome {
    openssl()?;
    let mut build = cargo(TEST);
    build.args(selection(&Tests::Others)?).arg("--no-run");
    for names in [PLANTED, READERS, DATABASES, KAFKA, REAL_KAFKA, FUZZING] {
        build.args(selection(&Tests::Named(names))?);
    }
    run(build)
}

/// Compiles the tests of the quick steps.
fn build_quick(_: &mut Tally) -> Outcome {
    openssl()?;
    let mut build = cargo(TEST);
    build.args(selection(&Tests::Quick)?).args(selection(&Tests::Suite)?).arg("--no-run");
    run(build)
}

fn format(_: &mut Tally) -> Outcome {
    run(cargo(&["fmt", "--all", "--check"]))?;
    run(cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn clippy(_: &mut Tally) -> Outcome {
    let workspace = ["clippy", "--workspace", "--all-targets", "--features", ALL];
    run(cargo(&[&workspace[..], &["--", "-D", "warnings"]].concat()))
}

fn docs(_: &mut Tally) -> Outcome {
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--features", ALL]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    run(docs)
}

/// Checks that crates compile without features, and with each feature alone: a service enables only the
/// formats and sources that it needs.
fn features(_: &mut Tally) -> Outcome {
    for package in metadata()?["packages"].as_array().into_iter().flatten() {
        let Some(name) = package["name"].as_str().filter(|_| package["publish"].is_null()) else {
            continue;
        };
        let features = &package["features"];
        let of_default = features["default"].as_array().map_or(0, Vec::len);
        let is_default = |feature: &str| of_default == 1 && features["default"][0] == feature;
        let mut sets: Vec<&str> =
            features.as_object().into_iter().flatten().map(|(set, _)| set.as_str()).collect();
        // The other steps compile the default, and the feature that takes minutes.
        sets.retain(|set| !["default", "kafka"].contains(set) && !is_default(set));
        if name == "taploom" {
            // Features of formats differ in one line of this crate, except for VOTable, which is the default
            // format of a registry.
            sets.retain(|set| FEATURES_OF_FACADE.contains(set));
        }
        if features.as_object().is_some_and(|features| !features.is_empty()) {
            for set in std::iter::once("").chain(sets) {
                let lint = ["clippy", "-p", name, "--no-default-features", "--features", set];
                run(cargo(&[&lint[..], &["--", "-D", "warnings"]].concat()))?;
            }
        }
    }
    Ok(())
}

/// Runs the examples in the documentation of the crates.
fn doc_tests(tally: &mut Tally) -> Outcome {
    let tests = cargo(&["test", "--workspace", "--doc", "--no-fail-fast", "--features", ALL]);
    run_lines(tests, |line| tally.add_line(line))
}

/// Compares the instructions of every encoder, if its sources have changed. Not run on a processor with other
/// instructions than the record's.
fn instruction_counts(tally: &mut Tally) -> Outcome {
    match instructions::compare()? {
        Comparison::Passed => tally.passed(),
        Comparison::OtherProcessor(reason) => tally.not_run(INSTRUCTIONS, reason),
    }
    Ok(())
}

/// Runs the seeds of the fuzzer, and inputs derived from them, the same at every run; `cargo xtask fuzz
/// 600` explores further.
fn fuzzing(tally: &mut Tally) -> Outcome {
    run_tests(&Tests::Named(FUZZING), tally)?;
    fuzz::targets_compile()
}

/// Test programs of the workspace.
enum Tests {
    Named(&'static [&'static str]),
    /// Libraries, programs, benches, and the test programs that no list names.
    Others,
    /// As `Others`, without benches, the suite, slow programs, and the tests in modules called `slow`.
    Quick,
    /// The suite on every format with its default options: the names of all other cases have a bracket.
    Suite,
}

/// Runs test programs.
fn run_tests(which: &Tests, tally: &mut Tally) -> Outcome {
    run_lines(test_command(which)?, |line| tally.add_line(line))
}

/// The command that runs test programs. Cargo selects the same packages and features for every selection of programs,
/// so that none of them is compiled twice.
fn test_command(which: &Tests) -> Outcome<Command> {
    let mut test = cargo(TEST);
    test.arg("--no-fail-fast").args(selection(which)?);
    match which {
        Tests::Quick => test.args(["--", "--skip", "slow::"]),
        Tests::Suite => {
            test.args(["--", "--skip", "["]);
            test.args(SLOW_CASES.iter().flat_map(|case| ["--skip", case]))
        }
        Tests::Named(_) | Tests::Others => &mut test,
    };
    Ok(test)
}

/// The arguments that select test programs.
fn selection(which: &Tests) -> Outcome<Vec<String>> {
    let all = test_programs("test")?;
    let bins = test_programs("bin")?;
    let named = [PLANTED, READERS, DATABASES, KAFKA, REAL_KAFKA, FUZZING].concat();
    let others = all.iter().map(String::as_str).filter(|name| !named.contains(name));
    let (kinds, names): (&[&str], Vec<&str>) = match which {
        Tests::Named(names) => (&[], names.to_vec()),
        Tests::Suite => (&[], SUITE.to_vec()),
        Tests::Others => (&["--lib", "--benches"], others.collect()),
        Tests::Quick => {
            let left_out = [SUITE, SLOW].concat();
            (&["--lib"], others.filter(|name| !left_out.contains(name)).collect())
        }
    };
    // Cargo would link an empty test program for a program without tests.
    let bins = bins.iter().filter(|_| !kinds.is_empty()).flat_map(|name| ["--bin", name]);
    let programs = names.into_iter().flat_map(|name| ["--test", name]);
    Ok(kinds.iter().copied().chain(bins).chain(programs).map(str::to_owned).collect())
}

/// The names of the workspace's targets of a kind that are tested.
fn test_programs(kind: &str) -> Outcome<BTreeSet<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.filter_map(|package| package["targets"].as_array()).flatten();
    let tests = targets.filter(|target| target["kind"][0] == kind && target["test"] == true);
    Ok(tests.filter_map(|target| Some(target["name"].as_str()?.to_owned())).collect())
}

/// The packages of the workspace, as Cargo describes them.
fn metadata() -> Outcome<Value> {
    let metadata = output(cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&metadata).map_err(|error| error.to_string())
}
