//! Runs workers as processes against Apache Kafka: three brokers, whose libraries `cargo xtask setup` installs.
//!
//! The program has four roles: a worker, if it was started as one; with `soak` or `memory` in `TAPLOOM_REAL_KAFKA` it runs
//! what `cargo xtask soak` and `cargo xtask bench worker` ask for; otherwise it runs the tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails panics")]

mod cases;
mod check;
mod memory;
mod scene;
mod soak;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Trial};
use scene::{Scene, Servers};

fn main() -> ExitCode {
    if let Some(ended) = support::worker::role() {
        return ended;
    }
    match std::env::var("TAPLOOM_REAL_KAFKA").as_deref() {
        Ok("soak") => in_runtime(soak::run),
        Ok("memory") => in_runtime(memory::run),
        _ => tests(),
    }
}

fn in_runtime(run: fn() -> ExitCode) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    run()
}

fn tests() -> ExitCode {
    let servers: Arc<Mutex<Option<Servers>>> = Arc::default();
    let trial = |name: &'static str, test: fn(&mut Scene<'_>)| {
        let servers = Arc::clone(&servers);
        Trial::test(name, move || {
            let runtime = tokio::runtime::Runtime::new()?;
            let _inside = runtime.enter();
            // A test that has failed leaves the servers as they are; each test has its own topics.
            let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
            let servers = servers.get_or_insert_with(|| Servers::start(3));
            test(&mut Scene::new(servers, name));
            Ok(())
        })
    };
    let tests = vec![
        trial("workers_are_killed_and_stopped", cases::workers_die),
        trial("workers_come_and_go", cases::workers_come_and_go),
        trial("a_full_worker_gets_partitions_back", cases::full_worker),
        trial("brokers_die", cases::brokers_die),
        trial("qserv_and_the_store_are_away", cases::others_are_away),
        trial("the_network_is_cut", cases::network_is_cut),
    ];
    // The tests run one at a time, because they share the brokers and measure time.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let ended = libtest_mimic::run(&arguments, tests).exit_code();
    // The trials are dropped by now, so this ends the servers.
    drop(servers);
    ended
}
