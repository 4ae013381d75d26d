use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::Failure;

/// Whether metrics arrive. Said when it changes.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whom they go to: no credentials, no path.
    name: String,
    is_lost: AtomicBool,
}

impl Health {
    pub(crate) fn new(name: String) -> Self {
        Self { name, is_lost: AtomicBool::new(false) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Notes how an interval's requests ended, and says so if that is news.
    pub(crate) fn record(&self, outcome: Result<(), &Failure>) {
        match (self.changes(outcome.is_err()), outcome) {
            (true, Err(failure)) => tracing::warn!(
                endpoint = %self.name,
                cause = %failure.cause,
                "can't deliver all metrics to {}: {}; the program goes on, they wait for the next interval or are dropped",
                self.name,
                failure.cause,
            ),
            (true, Ok(())) => tracing::info!(endpoint = %self.name, "metrics are delivered to {} again", self.name),
            (false, _) => {}
        }
    }

    fn changes(&self, is_lost: bool) -> bool {
        self.is_lost.swap(is_lost, Ordering::Relaxed) != is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_news_once() {
        let health = Health::new("CloudWatch".to_owned());
        let news = [false, true, true, false, false, true].map(|is_lost| health.changes(is_lost));
        assert_eq!(news, [false, true, false, true, false, true]);
    }
}
