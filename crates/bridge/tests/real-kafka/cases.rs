//! The short form of the soak: each case takes less than a minute.

use std::time::{Duration, Instant};

use crate::check::Report;
use crate::scene::Scene;

const SECOND: Duration = Duration::from_secs(1);
/// Longer than the session of a worker, which is 6 seconds.
const PAST_SESSION: Duration = Duration::from_secs(9);

/// Sends jobs whose queries take from 10 ms to about 12 s.
fn jobs(scene: &mut Scene<'_>, number: u32) {
    for job in 0..number {
        scene.job(Duration::from_millis(10) + 4 * SECOND * (job % 4));
    }
}

/// A worker is killed, and another one is stopped for longer than its session, while queries run and rows are read.
pub(crate) fn workers_die(scene: &mut Scene<'_>) {
    let [mut first, second, _third] = [(); 3].map(|()| scene.worker());
    jobs(scene, 60);
    scene.until_ended(15);
    second.signal("STOP");
    scene.pass(2 * SECOND);
    first.kill();
    scene.pass(PAST_SESSION);
    second.signal("CONT");
    scene.until_ended(60);
    Report::of(scene).assert_all_completed();
}

/// Workers join, and leave in order: partitions move while queries run and rows are read.
pub(crate) fn workers_come_and_go(scene: &mut Scene<'_>) {
    let mut first = scene.worker();
    jobs(scene, 40);
    scene.until_ended(5);
    let mut second = scene.worker();
    scene.pass(3 * SECOND);
    let _third = scene.worker();
    scene.pass(3 * SECOND);
    for worker in [&mut first, &mut second] {
        let asked = Instant::now();
        assert!(worker.terminate().success());
        println!("a worker has left after {:.1} s", asked.elapsed().as_secs_f64());
        assert!(asked.elapsed() < 10 * SECOND, "a worker waits for no query");
    }
    // Its partitions are taken over at once, and not when its session has ended.
    let (left, ended) = (Instant::now(), scene.jobs.len());
    for _ in 0..8 {
        scene.job(Duration::from_millis(10));
    }
    scene.until_ended(ended + 8);
    println!("all has ended {:.1} s later", left.elapsed().as_secs_f64());
    let report = Report::of(scene);
    report.assert_all_completed();
    assert_eq!(report.queries, report.jobs, "a query was submitted again");
}

/// A worker that takes no more jobs for the moment loses partitions, and gets them back. librdkafka remembers that they
/// were paused.
pub(crate) fn full_worker(scene: &mut Scene<'_>) {
    scene.of_workers.jobs.push_str("\nexecuting = 3");
    let _first = scene.worker();
    for _ in 0..30 {
        scene.job(SECOND);
    }
    scene.until_ended(3);
    let mut second = scene.worker();
    scene.pass(4 * SECOND);
    assert!(second.terminate().success());
    scene.until_ended(30);
    Report::of(scene).assert_all_completed();
}

/// A broker is killed and another one is stopped, each of which comes back.
pub(crate) fn brokers_die(scene: &mut Scene<'_>) {
    let _workers = [(); 2].map(|()| scene.worker());
    jobs(scene, 20);
    scene.until_ended(5);
    scene.servers.kafka.kill(0).unwrap();
    jobs(scene, 20);
    scene.until_ended(20);
    scene.servers.kafka.start_again(0).unwrap();
    scene.servers.kafka.stop(1).unwrap();
    jobs(scene, 8);
    scene.until_ended(30);
    scene.servers.kafka.start_again(1).unwrap();
    scene.until_ended(48);
    Report::of(scene).assert_all_completed();
}

/// Qserv is away for some seconds, and then the store.
pub(crate) fn others_are_away(scene: &mut Scene<'_>) {
    let _workers = [(); 2].map(|()| scene.worker());
    jobs(scene, 20);
    scene.until_running(20);
    scene.links.rest.close();
    scene.links.rows.close();
    // These can't be submitted yet.
    jobs(scene, 5);
    scene.pass(6 * SECOND);
    scene.links.rest.restore().unwrap();
    scene.links.rows.restore().unwrap();
    scene.links.store.close();
    jobs(scene, 5);
    scene.pass(6 * SECOND);
    scene.links.store.restore().unwrap();
    scene.until_ended(30);
    // Rows that stop coming end a job, because Qserv gives them once.
    let report = Report::of(scene);
    println!("{report}");
    assert!(report.faults.is_empty(), "{report}");
    let stopped = report.failed.iter().all(|job| job.contains("backend_sql_error"));
    assert!(stopped && report.failed.len() <= 3, "{report}");
}

/// The brokers can't be reached from one worker, for longer than its session. Another worker takes its jobs over; it
/// publishes nothing when it is back.
pub(crate) fn network_is_cut(scene: &mut Scene<'_>) {
    let _far = scene.linked_worker();
    let _near = scene.worker();
    jobs(scene, 40);
    scene.until_ended(10);
    scene.servers.kafka.links().for_each(|link| link.cut());
    scene.pass(PAST_SESSION);
    scene.servers.kafka.links().for_each(|link| link.restore().unwrap());
    scene.until_ended(40);
    Report::of(scene).assert_all_completed();
}
