//! What a worker holds: memory, file descriptors and threads, with a thousand queries at once and with a thousand wide
//! results in a row.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{Scene, Servers};
use crate::support::job_of;
use crate::support::tap::{finals, has};
use crate::support::worker::Process;

/// Queries that are executed at once, and the memory that a worker may take with them, in MiB.
const QUERIES: usize = 1000;
const MIB_OF_QUERIES: f64 = 128.0;
/// Wide jobs at a time and in all, and the memory that a worker may take with them, in MiB.
const AT_ONCE: usize = 20;
const IN_ALL: usize = 1000;
const MIB_OF_JOBS: f64 = 256.0;
/// Columns and rows of a wide result.
const COLUMNS: usize = 991;
const ROWS: usize = 2000;
/// Short jobs, and how much longer one may take beside other queries.
const SHORT: usize = 20;
const DELAY: Duration = Duration::from_secs(1);
/// Threads without work end after this time.
const REST: Duration = Duration::from_secs(15);

pub(crate) fn run() -> ExitCode {
    let mut servers = Servers::start(1);
    let mut missed = many_queries(&mut Scene::new(&mut servers, "queries"));
    make_wide_table(&servers);
    missed.extend(wide_jobs(&mut Scene::new(&mut servers, "wide")));
    for what in &missed {
        println!("missed: {what}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A thousand queries run at once, each with the description of a wide result; then short ones among them.
fn many_queries(scene: &mut Scene<'_>) -> Vec<String> {
    scene.of_workers.jobs = format!("executing = {}", QUERIES + SHORT);
    let worker = scene.worker();
    // The first jobs wait until the worker has joined its group.
    short_jobs(scene, "first");
    let alone = short_jobs(scene, "alone");
    let idle = Held::of(&worker);
    for query in 0..QUERIES {
        let job = wide_job(scene, "3600000");
        scene.tap.send_job(&format!("query{query}"), job, &json!({"type": "Parquet"}));
    }
    scene.until_running(QUERIES + 2 * SHORT);
    let among = short_jobs(scene, "among");
    let full = Held::of(&worker);
    println!("\n{QUERIES} queries at once       resident MiB   peak MiB    files  threads");
    idle.print("before");
    full.print("while they run");
    println!("the slowest of {SHORT} short jobs: {alone:.2?} alone, {among:.2?} among them");
    let mut missed = Vec::new();
    if full.peak > MIB_OF_QUERIES {
        let peak = full.peak;
        missed.push(format!(
            "a peak of {peak:.1} MiB with {QUERIES} queries, at most {MIB_OF_QUERIES}"
        ));
    }
    if among > alone + DELAY {
        missed.push(format!("short jobs are delayed by more than {DELAY:?}"));
    }
    missed
}

/// Runs short jobs one by one. Returns the longest time from the message to the final status.
fn short_jobs(scene: &Scene<'_>, name: &str) -> Duration {
    let times = (0..SHORT).map(|number| {
        let (name, started) = (format!("{name}{number}"), Instant::now());
        scene.tap.job(&name, "10", &scene.url());
        scene.tap.until(&name, |statuses| has(statuses, &name, "COMPLETED"));
        started.elapsed()
    });
    times.max().unwrap_or_default()
}

/// Wide jobs, twenty at a time.
fn wide_jobs(scene: &mut Scene<'_>) -> Vec<String> {
    scene.store.forget_bodies();
    scene.of_workers.rows_query = "SELECT * FROM wide WHERE {id} > 0".to_owned();
    scene.of_workers.jobs = format!(
        "executing = {}\nshort = {AT_ONCE}\nlong = 0\nmemory = \"{} MiB\"\nmemory_per_job = \"12 MiB\"",
        // The other messages wait in Kafka, and not in the worker.
        5 * AT_ONCE,
        12 * AT_ONCE
    );
    let worker = scene.worker();
    let idle = Held::of(&worker);
    send_wide(scene, 0..AT_ONCE);
    let first = Held::at_rest(scene, &worker);
    let started = Instant::now();
    send_wide(scene, AT_ONCE..IN_ALL);
    let taken = started.elapsed();
    let last = Held::at_rest(scene, &worker);
    println!(
        "\n{IN_ALL} jobs of {COLUMNS} columns and {ROWS} rows, {AT_ONCE} at a time, in {:.0} s",
        taken.as_secs_f64()
    );
    println!("                         resident MiB   peak MiB    files  threads");
    idle.print("before");
    first.print(&format!("after {AT_ONCE}"));
    last.print(&format!("after {IN_ALL}"));
    let mut missed = Vec::new();
    let completed =
        scene.tap.published().iter().filter(|status| status["status"] == "COMPLETED").count();
    if completed != IN_ALL {
        missed.push(format!("{completed} of {IN_ALL} jobs were completed"));
    }
    if last.peak > MIB_OF_JOBS {
        missed.push(format!("a peak of {:.1} MiB, at most {MIB_OF_JOBS}", last.peak));
    }
    if last.resident > 1.05 * first.resident {
        let (first, last) = (first.resident, last.resident);
        missed.push(format!("{last:.1} MiB after all jobs, and {first:.1} after the first"));
    }
    if last.files > first.files || last.threads > first.threads {
        missed.push("more files or threads after all jobs than after the first".to_owned());
    }
    missed
}

/// Sends jobs, and waits until all that were ever sent have ended.
fn send_wide(scene: &mut Scene<'_>, jobs: std::ops::Range<usize>) {
    let all = jobs.end;
    for number in jobs {
        let format = match number % 2 {
            0 => json!({"type": "VOTable", "serialization": "BINARY2"}),
            _ => json!({"type": "Parquet"}),
        };
        scene.tap.send_job(&format!("wide{number}"), wide_job(scene, "10"), &format);
    }
    while finals(&scene.tap.published()) < all {
        scene.pass(Duration::from_secs(1));
    }
}

/// A job whose message has the size of one of a survey: columns, and an envelope that describes them.
fn wide_job(scene: &Scene<'_>, query: &str) -> Value {
    let name = |column: usize| format!("column_of_a_survey_{column}");
    let names: Vec<String> = (0..COLUMNS).map(name).collect();
    let columns: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "double")).collect();
    let mut job = job_of(query, &scene.url(), &columns);
    let mut header = "<VOTABLE version='1.4'><RESOURCE type='results'><TABLE>".to_owned();
    for (number, name) in names.iter().enumerate() {
        let text = description(number);
        header += &format!(
            "<FIELD ID='col_{number}' name='{name}' datatype='double' unit='nJy'>\
             <DESCRIPTION>{text}</DESCRIPTION></FIELD>"
        );
    }
    let footer = "</TABLE></RESOURCE></VOTABLE>";
    job["resultFormat"]["envelope"] =
        json!({"header": header, "footer": footer, "footerOverflow": footer});
    job
}

/// Some forty words, others for each column.
fn description(column: usize) -> String {
    const WORDS: [&str; 16] = [
        "flux",
        "of",
        "the",
        "source",
        "measured",
        "in",
        "band",
        "with",
        "an",
        "aperture",
        "error",
        "model",
        "forced",
        "difference",
        "image",
        "flag",
    ];
    let mut state = column as u64 + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 60) as usize]
    };
    (0..40).map(|_| next()).collect::<Vec<_>>().join(" ")
}

/// Numbers as text, so that the server need not convert them.
fn make_wide_table(servers: &Servers) {
    let columns = |of: &dyn Fn(usize) -> String| (0..COLUMNS).map(of).collect::<Vec<_>>().join(",");
    let declared = columns(&|column| format!("c{column} VARCHAR(16)"));
    let values = columns(&|column| format!("CONCAT(seq * {column} % 1009, '.', seq % 997)"));
    let sql = format!(
        "CREATE TABLE wide ({declared}) ENGINE=MyISAM CHARACTER SET latin1; \
         INSERT INTO wide SELECT {values} FROM seq_1_to_{ROWS}"
    );
    servers.mariadb.sql(&sql).unwrap();
}

/// What a process holds, as the kernel says.
struct Held {
    /// In MiB.
    resident: f64,
    /// The largest resident set so far, in MiB.
    peak: f64,
    files: usize,
    threads: usize,
}

impl Held {
    fn of(worker: &Process) -> Self {
        let folder = format!("/proc/{}", worker.id());
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u32>().unwrap()
        };
        let mib = |name: &str| f64::from(number(name)) / 1024.0;
        Self {
            resident: mib("VmRSS:"),
            peak: mib("VmHWM:"),
            files: std::fs::read_dir(format!("{folder}/fd")).unwrap().count(),
            threads: number("Threads:") as usize,
        }
    }

    /// After idle threads have ended.
    fn at_rest(scene: &Scene<'_>, worker: &Process) -> Self {
        scene.pass(REST);
        Self::of(worker)
    }

    fn print(&self, when: &str) {
        let Self { resident, peak, files, threads } = self;
        println!("{when:<24}{resident:>13.1}{peak:>11.1}{files:>9}{threads:>9}");
    }
}
