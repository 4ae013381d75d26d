//! An overview that all viewers share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::row::Overview;

/// The longest age of a shared overview: half the viewers' interval, so that each viewer gets new numbers.
const MAX_AGE: Duration = Duration::from_millis(500);

/// The last overview of all caches, shared until it is half a second old. Without viewers, nothing is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedOverview(Arc<Mutex<Option<CachedOverview>>>);

#[derive(Debug)]
struct CachedOverview {
    at: Instant,
    overview: Arc<Overview>,
}

impl SharedOverview {
    /// Returns the shared overview, or reads all caches if it is too old. With many caches, blocks for some
    /// milliseconds.
    pub(crate) fn overview(&self) -> Arc<Overview> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(cached) if cached.at.elapsed() < MAX_AGE => Arc::clone(&cached.overview),
            _ => {
                let overview = Arc::new(Overview::read());
                *last = Some(CachedOverview { at: Instant::now(), overview: Arc::clone(&overview) });
                overview
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simultaneous_viewers_share_an_overview() {
        let shared = SharedOverview::default();
        assert!(Arc::ptr_eq(&shared.overview(), &shared.clone().overview()));
    }
}
