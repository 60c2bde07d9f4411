//! The soak: jobs of mixed length through everything that can happen to workers, brokers, Qserv and the store.

use std::process::ExitCode;
use std::time::Duration;

use crate::check::Report;
use crate::scene::{Scene, Servers};
use crate::support::tap::finals;
use crate::support::worker::Process;

const SECOND: Duration = Duration::from_secs(1);
const WORKERS: usize = 3;
/// A worker is killed each time that this has passed.
const KILLS_EVERY: Duration = Duration::from_secs(20);

/// What `cargo xtask soak` asks for.
struct Plan {
    jobs: u32,
    /// Time over which the jobs are sent and the events spread.
    length: Duration,
    /// The longest query.
    longest: Duration,
    /// How long Qserv and the store are away.
    outage: Duration,
}

impl Plan {
    fn of_variables() -> Self {
        let number = |name: &str| std::env::var(name).unwrap().parse::<u32>().unwrap();
        let seconds = |name: &str| SECOND * number(name);
        Self {
            jobs: number("TAPLOOM_SOAK_JOBS"),
            length: seconds("TAPLOOM_SOAK_SECONDS"),
            longest: seconds("TAPLOOM_SOAK_LONGEST"),
            outage: seconds("TAPLOOM_SOAK_OUTAGE"),
        }
    }

    /// How long the query of a job runs: from 10 ms to the longest, each factor of ten as often as any other.
    fn query(&self, job: u32) -> Duration {
        // Steps of the golden ratio spread over all lengths, in any part of the jobs.
        let part = (f64::from(job) * 0.618_033_988_75).fract();
        let shortest = 0.01_f64;
        Duration::from_secs_f64(shortest * (self.longest.as_secs_f64() / shortest).powf(part))
    }

    /// What happens, and when, in order.
    fn events(&self) -> Vec<(Duration, Event)> {
        let at = |part: f64| self.length.mul_f64(part);
        let mut events = vec![
            (at(0.10), Event::Stop(0)),
            (at(0.10) + 10 * SECOND, Event::Continue(0)),
            (at(0.20), Event::RollingRestart),
            (at(0.30), Event::KillBroker(0)),
            (at(0.38), Event::StartBroker(0)),
            (at(0.42), Event::KillBroker(1)),
            (at(0.50), Event::StartBroker(1)),
            (at(0.54), Event::KillBroker(2)),
            (at(0.62), Event::StartBroker(2)),
            (at(0.65), Event::QservAway),
            (at(0.65) + self.outage, Event::QservBack),
            (at(0.70) + self.outage, Event::StoreAway),
            (at(0.70) + 2 * self.outage, Event::StoreBack),
        ];
        let kills = 1..=u32::try_from(self.length.as_secs() / KILLS_EVERY.as_secs()).unwrap();
        events.extend(kills.map(|kill| (KILLS_EVERY * kill, Event::Kill(kill as usize % WORKERS))));
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Kill(usize),
    Stop(usize),
    Continue(usize),
    RollingRestart,
    KillBroker(usize),
    StartBroker(usize),
    QservAway,
    QservBack,
    StoreAway,
    StoreBack,
}

pub(crate) fn run() -> ExitCode {
    let plan = Plan::of_variables();
    let mut servers = Servers::start(3);
    let mut scene = Scene::new(&mut servers, "soak");
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| scene.worker()).collect();
    let mut events = plan.events().into_iter().peekable();
    let (mut sent, mut said) = (0, Duration::ZERO);
    while events.peek().is_some() || sent < plan.jobs {
        let elapsed = scene.elapsed();
        while let Some((_, event)) = events.next_if(|(at, _)| *at <= elapsed) {
            scene.say(&format!("{event:?}"));
            happen(&mut scene, &mut workers, event);
        }
        let due = f64::from(plan.jobs) * elapsed.div_duration_f64(plan.length);
        while sent < plan.jobs && f64::from(sent) <= due {
            scene.job(plan.query(sent));
            sent += 1;
        }
        scene.pass(SECOND / 10);
        if elapsed > said + 10 * SECOND {
            said = elapsed;
            progress(&scene);
        }
    }
    let (mut last, mut quiet) = (0, scene.elapsed());
    let patience = plan.longest + 120 * SECOND;
    while finals(&scene.tap.published()) < scene.jobs.len() && scene.elapsed() < quiet + patience {
        scene.pass(10 * SECOND);
        progress(&scene);
        let ended = finals(&scene.tap.published());
        if ended > last {
            (last, quiet) = (ended, scene.elapsed());
        }
    }
    let report = Report::of(&scene);
    println!("\n{report}");
    let is_fine = report.faults.is_empty() && report.completed + report.failed.len() == report.jobs;
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn progress(scene: &Scene<'_>) {
    let (sent, ended) = (scene.jobs.len(), finals(&scene.tap.published()));
    let (running, queries) = (scene.qserv.running(), scene.qserv.submitted());
    scene.say(&format!("{sent} jobs sent, {ended} ended; {running} of {queries} queries run"));
}

fn happen(scene: &mut Scene<'_>, workers: &mut [Process], event: Event) {
    match event {
        Event::Kill(number) => {
            workers[number].kill();
            workers[number] = scene.worker();
        }
        Event::Stop(number) => workers[number].signal("STOP"),
        Event::Continue(number) => workers[number].signal("CONT"),
        Event::RollingRestart => {
            for worker in workers {
                let status = worker.terminate();
                assert!(status.success(), "a worker that was told to stop: {status}");
                *worker = scene.worker();
                scene.pass(3 * SECOND);
            }
        }
        Event::KillBroker(number) => scene.servers.kafka.kill(number).unwrap(),
        Event::StartBroker(number) => scene.servers.kafka.start_again(number).unwrap(),
        Event::QservAway => {
            scene.links.rest.close();
            scene.links.rows.close();
        }
        Event::QservBack => {
            scene.links.rest.restore().unwrap();
            scene.links.rows.restore().unwrap();
        }
        Event::StoreAway => scene.links.store.close(),
        Event::StoreBack => scene.links.store.restore().unwrap(),
    }
}
