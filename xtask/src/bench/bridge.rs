//! The cost of a job: a wide result from MariaDB, encoded and stored over HTTP, compared with `mariadb --quick`, which
//! prints the same rows to `/dev/null`. A second measurement runs many such jobs at once.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};
use taploom_test_servers::{MariaDb, Settings};

use crate::Outcome;
use crate::bench::wide_table::{self, QUERY};
use crate::bench::{Usage, median, usage};
use crate::command::{cargo, run as start};
use crate::folders::{SHIPPED, program, root};

const ROWS: u64 = 50_000;
const TURNS: usize = 3;
/// Limit for the CPU time of one job, as a multiple of the time that `mariadb --quick` takes.
const CPU_AT_MOST: f64 = 1.5;
const PEAK_AT_MOST: f64 = 64.0;
/// Jobs of each format that run at once, and the memory limit of the process that runs them all. A worker whose
/// encoders share 256 MiB runs 20 jobs at a time with 12 MiB each.
const AT_ONCE: usize = 10;
const MIB_EACH: &str = "12";
const PEAK_OF_ALL_AT_MOST: f64 = 256.0;
const MESSAGE: &str = "crates/bridge/tests/data/jobs/data.json";

pub(crate) fn run() -> Outcome {
    start(cargo(&["build", "--profile", SHIPPED, "-p", "taploom-cli", "-p", "taploom-benches"]))?;
    let server = MariaDb::start_with(&Settings::default())?;
    wide_table::make(&server, ROWS)?;
    let store = Store::start().map_err(|error| format!("can't start the store: {error}"))?;
    let formats = [
        ("BINARY2", json!({"type": "VOTable", "serialization": "BINARY2"})),
        ("VOParquet", json!({"type": "Parquet"})),
    ];
    let mut messages = Vec::new();
    for (name, format) in &formats {
        let file = server.folder().join(format!("{name}.json"));
        fs::write(&file, message(format, &store.url(name))?.to_string())
            .map_err(|error| format!("can't write {}: {error}", file.display()))?;
        messages.push(file.display().to_string());
    }
    println!("{ROWS} rows x 991 columns of MariaDB, stored by one HTTP PUT");
    println!("{:<24}{:>12}{:>12}{:>12}", "", "CPU s", "ratio", "peak MiB");
    let one_by_one = one_by_one(&server, &store, &messages)?;
    let at_once = all_at_once(&server, &store, &messages)?;
    let missed: Vec<String> = one_by_one.into_iter().chain(at_once).collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join("; "))) }
}

/// The sample message, with the query and the columns of the wide table.
fn message(format: &Value, destination: &str) -> Outcome<Value> {
    let sample = fs::read_to_string(root().join(MESSAGE));
    let sample = sample.map_err(|error| format!("can't read {MESSAGE}: {error}"))?;
    let mut message: Value =
        serde_json::from_str(&sample).map_err(|error| format!("{MESSAGE}: {error}"))?;
    let columns = wide_table::columns(wide_table::COLUMNS)?.into_iter().map(|column| {
        let mut of_message = json!({"name": column["name"], "datatype": column["datatype"]});
        if !column["arraysize"].is_null() {
            of_message["arraysize"] = column["arraysize"].clone();
        }
        of_message
    });
    message["resultFormat"]["columnTypes"] = columns.collect();
    message["resultFormat"]["format"] = format.clone();
    message["query"] = json!(QUERY);
    message["resultDestination"] = json!(destination);
    message["database"] = Value::Null;
    Ok(message)
}

/// Runs the client and a job of each format in turn, so that other load on the machine affects all of them.
fn one_by_one(server: &MariaDb, store: &Store, messages: &[String]) -> Outcome<Vec<String>> {
    let program = program("taploom");
    let url = server.url();
    let client = wide_table::client(server);
    let mut runs = vec![client];
    for message in messages {
        let job = [program.as_str(), "job", message, "--database", &url];
        runs.push(job.map(str::to_owned).to_vec());
    }
    let mut seconds = vec![Vec::new(); runs.len()];
    let mut peaks = vec![0.0_f64; runs.len()];
    for _ in 0..TURNS {
        for (index, arguments) in runs.iter().enumerate() {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let Usage { cpu, peak_kib } = usage(&arguments)?;
            seconds[index].push(cpu.as_secs_f64());
            peaks[index] = peaks[index].max(peak_kib as f64 / 1024.0);
        }
    }
    store.check(TURNS * messages.len())?;
    let seconds: Vec<f64> = seconds.into_iter().map(median).collect();
    let mut missed = Vec::new();
    for (index, name) in ["mariadb --quick", "job, BINARY2", "job, VOParquet"].iter().enumerate() {
        let (ratio, peak) = (seconds[index] / seconds[0], peaks[index]);
        println!("{name:<24}{:>12.2}{ratio:>12.2}{peak:>12.1}", seconds[index]);
        if index > 0 && ratio > CPU_AT_MOST {
            missed.push(format!("{name}: {ratio:.2} of the client's CPU, at most {CPU_AT_MOST}"));
        }
        if index > 0 && peak > PEAK_AT_MOST {
            missed.push(format!("{name}: a peak of {peak:.1} MiB, at most {PEAK_AT_MOST}"));
        }
    }
    Ok(missed)
}

/// Runs jobs of both formats in one process, all at the same time.
fn all_at_once(server: &MariaDb, store: &Store, messages: &[String]) -> Outcome<Option<String>> {
    let program = program("bench-jobs");
    let (url, jobs) = (server.url(), AT_ONCE.to_string());
    let mut arguments = vec![program.as_str(), &url, &jobs, MIB_EACH];
    arguments.extend(messages.iter().map(String::as_str));
    let Usage { cpu, peak_kib } = usage(&arguments)?;
    store.check(AT_ONCE * messages.len())?;
    let peak = peak_kib as f64 / 1024.0;
    let name = format!("{} jobs at once", AT_ONCE * messages.len());
    println!("{name:<24}{:>12.2}{:>12}{peak:>12.1}", cpu.as_secs_f64(), "");
    let limit = PEAK_OF_ALL_AT_MOST;
    Ok((peak > limit).then(|| format!("{name}: a peak of {peak:.1} MiB, at most {limit}")))
}

/// An HTTP server that accepts each PUT and discards the body.
struct Store {
    port: u16,
    whole: Arc<AtomicU64>,
}

impl Store {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let whole = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&whole);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // An upload that breaks off is not counted, and `check` reports the missing one.
                thread::spawn(move || take(stream, &counter));
            }
        });
        Ok(Self { port, whole })
    }

    fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Path::new(name).display())
    }

    /// Checks that exactly `expected` uploads have arrived in full since the last call.
    fn check(&self, expected: usize) -> Outcome {
        match self.whole.swap(0, Ordering::SeqCst) {
            found if found == expected as u64 => Ok(()),
            found => Err(format!("{found} results were stored, and there were {expected} jobs")),
        }
    }
}

fn take(stream: TcpStream, whole: &AtomicU64) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(256 << 10, stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let taken = io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
    if taken == length && length > 0 {
        whole.fetch_add(1, Ordering::SeqCst);
    }
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}
