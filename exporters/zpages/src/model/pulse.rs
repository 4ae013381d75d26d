//! One reading for all who look.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Overview;

/// Half of how often viewers ask, so that each finds something new.
const FRESH: Duration = Duration::from_millis(500);

/// The last reading of all caches, which is shared as long as it is fresh. Nothing is read while nobody asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Mutex<Option<Beat>>>);

#[derive(Debug)]
struct Beat {
    at: Instant,
    overview: Arc<Overview>,
}

impl Pulse {
    /// Reads all caches, or has the reading of half a second ago. Blocks for some milliseconds where caches are many.
    pub(crate) fn overview(&self) -> Arc<Overview> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(beat) if beat.at.elapsed() < FRESH => Arc::clone(&beat.overview),
            _ => {
                let overview = Arc::new(Overview::read());
                *last = Some(Beat { at: Instant::now(), overview: Arc::clone(&overview) });
                overview
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_who_look_at_once_share_a_reading() {
        let pulse = Pulse::default();
        assert!(Arc::ptr_eq(&pulse.overview(), &pulse.clone().overview()));
    }
}
