//! Predicts which steps end in time, from their usual durations and from how slow this machine has been so
//! far.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::folders::{root, target};

/// The speed of the machine is judged once steps with this usual duration have ended.
const JUDGED_AFTER: Duration = Duration::from_secs(20);
/// A target folder with fewer compiled libraries than this counts as empty.
const LIBRARIES: usize = 100;

/// The durations of steps, and the time limit.
pub(crate) struct Schedule {
    started: Instant,
    within: Option<Duration>,
    /// The usual duration of each step: from an empty target folder, or with everything compiled.
    usual: BTreeMap<String, Duration>,
    column: &'static str,
    taken: Vec<(&'static str, Duration)>,
}

impl Schedule {
    /// Starts the clock.
    pub(crate) fn start(within: Option<Duration>) -> Outcome<Self> {
        let column = if is_compiled() { "again" } else { "empty" };
        let usual = usual(&recorded()?, column);
        Ok(Self { started: Instant::now(), within, usual, column, taken: Vec::new() })
    }

    /// Starts the clock for steps of which no usual times are recorded.
    pub(crate) fn without_record() -> Self {
        Self {
            started: Instant::now(),
            within: None,
            usual: BTreeMap::new(),
            column: "",
            taken: Vec::new(),
        }
    }

    /// The reason not to start a step, if it would not end in time.
    pub(crate) fn no_time_for(&self, step: &str) -> Option<String> {
        let left = self.within?.saturating_sub(self.started.elapsed());
        let usual = self.usual.get(step).copied().unwrap_or_default();
        let pace = self.pace();
        let expected = usual.mul_f64(pace);
        (expected > left || left.is_zero()).then(|| {
            format!(
                "it usually takes {}, this machine is {pace:.1} times as slow today, and {} are left",
                minutes(usual),
                minutes(left)
            )
        })
    }

    /// Notes the duration of a step.
    pub(crate) fn ended(&mut self, step: &'static str, taken: Duration) {
        self.taken.push((step, taken));
    }

    /// How slow this machine is: the durations of the steps so far, divided by their usual durations.
    fn pace(&self) -> f64 {
        let known =
            self.taken.iter().filter_map(|(step, taken)| Some((taken, self.usual.get(*step)?)));
        let (taken, usual) = known
            .fold((Duration::ZERO, Duration::ZERO), |(all, sum), (taken, usual)| {
                (all + *taken, sum + *usual)
            });
        if usual < JUDGED_AFTER { 1.0 } else { taken.as_secs_f64() / usual.as_secs_f64() }
    }

    /// Prints the duration of every step, with its usual duration.
    pub(crate) fn print(&self) {
        let (usually, what) = match self.column {
            "empty" => ("usually", "   (from an empty target folder)"),
            "again" => ("usually", "   (compiled before)"),
            _ => ("", ""),
        };
        println!("\n{:<24}{:>10}{usually:>12}{what}", "step", "seconds");
        for (step, taken) in &self.taken {
            let usual = self.usual.get(*step);
            let unknown = if usually.is_empty() { "" } else { "?" };
            let usual = usual.map_or(unknown.to_owned(), |usual| usual.as_secs().to_string());
            println!("{step:<24}{:>10}{usual:>12}", taken.as_secs());
        }
        println!("{:<24}{:>10}", "all", self.started.elapsed().as_secs());
    }

    /// Records the durations of the steps as the usual ones: a line for each of `steps`, which are all that there are.
    pub(crate) fn record(&self, steps: impl Iterator<Item = &'static str>) -> Outcome {
        let path = path();
        fs::write(&path, self.record_text(recorded()?, steps))
            .map_err(|error| format!("can't write {}: {error}", path.display()))
    }

    fn record_text(
        &self,
        mut recorded: Value,
        steps: impl Iterator<Item = &'static str>,
    ) -> String {
        for (step, taken) in &self.taken {
            recorded[*step][self.column] = json!(taken.as_secs().max(1));
        }
        let lines = steps.filter_map(|step| {
            let times = &recorded[step];
            let times = ["empty", "again"].map(|column| Some((column, times[column].as_u64()?)));
            let times: Vec<String> = times
                .iter()
                .flatten()
                .map(|(column, time)| format!("\"{column}\": {time}"))
                .collect();
            (!times.is_empty()).then(|| format!("  \"{step}\": {{{}}}", times.join(", ")))
        });
        format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n"))
    }
}

fn path() -> PathBuf {
    root().join("xtask/steps.json")
}

fn recorded() -> Outcome<Value> {
    let path = path();
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The recorded times of one column.
fn usual(recorded: &Value, column: &str) -> BTreeMap<String, Duration> {
    let steps = recorded.as_object().into_iter().flatten();
    steps
        .filter_map(|(step, times)| {
            Some((step.clone(), Duration::from_secs(times[column].as_u64()?)))
        })
        .collect()
}

/// Whether the tests have been compiled into the target folder.
fn is_compiled() -> bool {
    let libraries = fs::read_dir(target().join("debug/deps")).into_iter().flatten().flatten();
    let libraries = libraries
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "rlib"));
    libraries.count() >= LIBRARIES
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(within: u64, taken: &[(&'static str, u64)]) -> Schedule {
        let recorded = json!({
            "build": {"empty": 300, "again": 30},
            "kafka": {"empty": 120, "again": 60},
            "docs": {"empty": 20},
        });
        let taken = taken.iter().map(|(step, seconds)| (*step, Duration::from_secs(*seconds)));
        Schedule {
            started: Instant::now(),
            within: Some(Duration::from_secs(within)),
            usual: usual(&recorded, "again"),
            column: "again",
            taken: taken.collect(),
        }
    }

    #[test]
    fn a_step_that_ends_in_time_is_begun() {
        assert_eq!(schedule(100, &[]).no_time_for("kafka"), None);
        assert_eq!(schedule(100, &[("build", 45)]).no_time_for("kafka"), None);
    }

    #[test]
    fn a_slow_machine_has_no_time_for_a_long_step() {
        let reason = schedule(100, &[("build", 90)]).no_time_for("kafka").unwrap();
        assert!(reason.starts_with("it usually takes 60 s, this machine is 3.0 times"), "{reason}");
    }

    #[test]
    fn a_step_without_a_record_is_begun_while_any_time_is_left() {
        assert_eq!(schedule(100, &[("build", 90)]).no_time_for("docs"), None);
        assert!(schedule(0, &[]).no_time_for("docs").is_some());
    }

    #[test]
    fn a_record_has_a_line_for_every_step_in_order() {
        let schedule = schedule(100, &[("build", 31), ("kafka", 0)]);
        let recorded = json!({
            "build": {"empty": 300, "again": 30},
            "kafka": {"again": 60},
            "docs": {"empty": 20},
            "a former step": {"empty": 20},
        });
        let text = schedule.record_text(recorded, ["docs", "build", "kafka", "new"].into_iter());
        assert_eq!(
            text,
            "{\n  \"docs\": {\"empty\": 20},\n  \
             \"build\": {\"empty\": 300, \"again\": 31},\n  \"kafka\": {\"again\": 1}\n}\n"
        );
    }

    #[test]
    fn without_a_limit_every_step_is_begun() {
        let mut schedule = schedule(0, &[("build", 9000)]);
        schedule.within = None;
        assert_eq!(schedule.no_time_for("kafka"), None);
    }
}
