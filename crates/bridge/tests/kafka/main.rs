//! Runs workers as processes against the mock broker of librdkafka.
//!
//! The program has two roles: with a file in `TAPLOOM_TEST_WORKER` it is a worker; otherwise it runs
//! the tests, which start it again as a worker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod ends;
mod harness;
mod queries;
mod secrets;
mod stops;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use harness::Kafka;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(ended) = support::worker::role() {
        return ended;
    }
    let trial = |name: &str, test: fn(&Kafka)| {
        Trial::test(name, move || {
            let runtime = tokio::runtime::Runtime::new()?;
            let _inside = runtime.enter();
            test(&Kafka::start());
            Ok(())
        })
    };
    let tests = vec![
        trial("every_job_ends_once_though_a_worker_is_killed", ends::killed),
        trial("a_job_that_has_ended_is_not_run_again", ends::found),
        trial("what_is_no_job_is_skipped_and_jobs_are_stopped", stops::skipped),
        trial("a_worker_that_is_told_to_stop_hands_over", queries::handed_over),
        trial("small_jobs_do_not_wait_for_long_ones", queries::lanes),
        trial("a_job_is_stopped_though_the_request_came_before_the_worker", stops::stopped_before),
        trial("a_job_that_ends_its_workers_is_given_up", ends::given_up),
        trial("a_panic_is_that_of_its_job", ends::panicked),
        trial("no_secret_is_shown_however_much_is_logged", secrets::searched),
        trial("a_final_status_that_is_too_large_is_replaced_once", ends::too_large),
        trial("queries_outlive_their_workers", queries::outlived),
    ];
    // The tests run one at a time, because they measure time and share the machine.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, tests).exit_code()
}
