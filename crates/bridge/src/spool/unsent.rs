//! Final statuses that nobody has taken.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;

/// Delay before a status is sent again. It doubles before each further time.
const FIRST_DELAY: Duration = Duration::from_secs(10);
/// Longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// The jobs whose final status was refused, by the names of their files, and when each status is sent again.
#[derive(Default)]
pub(super) struct Unsent(Mutex<HashMap<String, Retry>>);

struct Retry {
    due: Instant,
    delay: Duration,
}

impl Unsent {
    /// Whether a status may be sent now.
    pub(super) fn is_due(&self, name: &str, now: Instant) -> bool {
        lock(&self.0).get(name).is_none_or(|retry| retry.due <= now)
    }

    /// Takes note that a status was refused.
    pub(super) fn put_off(&self, name: &str, now: Instant) {
        let mut retries = lock(&self.0);
        let before = retries.get(name).map(|retry| retry.delay);
        let delay = before.map_or(FIRST_DELAY, |delay| (delay * 2).min(LONGEST_DELAY));
        retries.insert(name.to_owned(), Retry { due: now + delay, delay });
    }

    /// Forgets the jobs that are not among these.
    pub(super) fn retain(&self, claimed: &[String]) {
        let claimed: HashSet<&String> = claimed.iter().collect();
        lock(&self.0).retain(|name, _| claimed.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_of_a_status_grow() {
        let (unsent, mut now) = (Unsent::default(), Instant::now());
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            assert!(unsent.is_due("a", now) && unsent.is_due("b", now));
            unsent.put_off("a", now);
            now += Duration::from_secs(seconds - 1);
            assert!(!unsent.is_due("a", now), "{seconds}");
            now += Duration::from_secs(1);
        }
        unsent.put_off("a", now);
        unsent.retain(&["b".to_owned()]);
        assert!(unsent.is_due("a", now));
    }
}
