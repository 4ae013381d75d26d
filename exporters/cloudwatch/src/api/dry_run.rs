use std::sync::atomic::{AtomicU64, Ordering};

use crate::Cost;

/// Says what sending would cost, instead of sending.
#[derive(Debug, Default)]
pub(crate) struct DryRun {
    /// How many metrics there were when it was last said.
    said: AtomicU64,
}

impl DryRun {
    pub(crate) fn tell(&self, cost: Cost) {
        if self.is_news(cost.metrics()) {
            tracing::info!(
                metrics = cost.metrics(),
                requests = cost.requests_a_month(),
                dollars = cost.dollars_a_month(),
                "a dry run: nothing is sent to CloudWatch; each process like this one would send {cost}",
            );
        }
    }

    fn is_news(&self, metrics: u64) -> bool {
        let said = self.said.load(Ordering::Relaxed);
        let is_news = metrics > said + said / 10;
        if is_news {
            self.said.store(metrics, Ordering::Relaxed);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_more_is_news() {
        let dry_run = DryRun::default();
        let news = [0, 100, 100, 110, 111, 50, 122, 123].map(|metrics| dry_run.is_news(metrics));
        assert_eq!(news, [false, true, false, false, true, false, false, true]);
    }
}
