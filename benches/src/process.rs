//! What this process has used so far.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// CPU time of all threads.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The largest resident set, in KiB (`VmHWM`).
///
/// # Errors
/// If the system does not report it.
pub fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.ok_or_else(|| "there is no VmHWM".to_owned())
}
