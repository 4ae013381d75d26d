use std::sync::atomic::{AtomicU64, Ordering};

use crate::CostEstimate;

/// Logs the estimated cost of sending instead of sending.
#[derive(Debug, Default)]
pub(crate) struct DryRun {
    /// The number of metrics in the last logged estimate.
    logged: AtomicU64,
}

impl DryRun {
    /// Logs the estimate if it has a tenth more metrics than the last one that was logged.
    pub(crate) fn log(&self, estimate: CostEstimate) {
        if self.is_new(estimate.metrics()) {
            tracing::info!(
                metrics = estimate.metrics(),
                requests = estimate.requests_per_month(),
                dollars = estimate.dollars_per_month(),
                "dry run: nothing is sent to CloudWatch; each process like this one would send {estimate}",
            );
        }
    }

    fn is_new(&self, metrics: u64) -> bool {
        let logged = self.logged.load(Ordering::Relaxed);
        let is_new = metrics > logged + logged / 10;
        if is_new {
            self.logged.store(metrics, Ordering::Relaxed);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimate_is_logged_again_with_a_tenth_more_metrics() {
        let dry_run = DryRun::default();
        let logged = [0, 100, 100, 110, 111, 50, 122, 123].map(|metrics| dry_run.is_new(metrics));
        assert_eq!(logged, [false, true, false, false, true, false, false, true]);
    }
}
