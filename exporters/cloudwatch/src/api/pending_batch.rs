use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cachescope_exporter::{DropReason, ExporterStats};

use crate::datum::{self, Datum};

/// A batch that is being delivered. Its data points are counted exactly once, whatever its outcome.
///
/// If it is dropped before it has an outcome, as when an export is dropped, it counts its data points: as unconfirmed if it
/// is in flight, and otherwise as dropped by the shutdown.
#[derive(Debug)]
pub(crate) struct PendingBatch {
    datums: Vec<Datum>,
    in_flight: bool,
    /// Whether the datums were in a request before: the next request is a retry.
    attempted: bool,
    stats: ExporterStats,
    /// The number of splits that are left for the batch and the halves that it was split into.
    splits: Arc<AtomicU32>,
}

/// The limit for the splits of a batch. It suffices to find three invalid datums among a thousand, and keeps a batch of only
/// invalid datums from taking a thousand requests.
const MAX_SPLITS: u32 = 30;

impl PendingBatch {
    pub(crate) fn new(datums: Vec<Datum>, stats: &ExporterStats) -> Self {
        let splits = Arc::new(AtomicU32::new(MAX_SPLITS));
        Self { datums, in_flight: false, attempted: false, stats: stats.clone(), splits }
    }

    /// Creates a batch of datums that were in a request before.
    pub(crate) fn retry(datums: Vec<Datum>, stats: &ExporterStats) -> Self {
        let mut batch = Self::new(datums, stats);
        batch.attempted = true;
        batch
    }

    /// Records that a request with the datums begins, and counts it if it is a retry.
    pub(crate) fn begin_attempt(&mut self) {
        if std::mem::replace(&mut self.attempted, true) {
            self.stats.retried();
        }
    }

    pub(crate) fn datums(&self) -> &[Datum] {
        &self.datums
    }

    pub(crate) fn set_in_flight(&mut self, in_flight: bool) {
        self.in_flight = in_flight;
    }

    /// Counts the batch as sent.
    pub(crate) fn sent(mut self) {
        let datums = self.take();
        self.stats.sent(datum::points(&datums));
    }

    /// Counts the batch as dropped.
    pub(crate) fn dropped(mut self, reason: DropReason) {
        let datums = self.take();
        self.stats.dropped(reason, datum::points(&datums));
    }

    /// Returns the datums, to be sent later. Counts nothing.
    pub(crate) fn into_datums(mut self) -> Vec<Datum> {
        self.take()
    }

    /// Splits the batch into halves. Returns the batch itself if it has a single datum or no splits left.
    pub(crate) fn split(mut self) -> Result<[Self; 2], Self> {
        let may_split = |left: u32| left.checked_sub(1);
        if self.datums.len() < 2 || self.splits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may_split).is_err() {
            return Err(self);
        }
        let mut one = self.take();
        let other = one.split_off(one.len() / 2);
        let (attempted, stats, splits) = (self.attempted, &self.stats, &self.splits);
        Ok([one, other].map(|datums| Self {
            datums,
            in_flight: false,
            attempted,
            stats: stats.clone(),
            splits: splits.clone(),
        }))
    }

    fn take(&mut self) -> Vec<Datum> {
        std::mem::take(&mut self.datums)
    }
}

impl Drop for PendingBatch {
    fn drop(&mut self) {
        let reason = if self.in_flight { DropReason::Unconfirmed } else { DropReason::Shutdown };
        self.stats.dropped(reason, datum::points(&self.datums));
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use cachescope_exporter::ExportedItem;

    use super::*;
    use crate::datum::DatumValue;

    fn batch(stats: &ExporterStats) -> PendingBatch {
        let datum = Datum {
            name: "m".to_owned(),
            dimensions: Vec::new().into(),
            unit: "None",
            time: SystemTime::UNIX_EPOCH,
            value: DatumValue::Single(1.0),
            points: 1,
        };
        PendingBatch::new(vec![datum; 5], stats)
    }

    #[test]
    fn each_outcome_is_counted_once() {
        let stats = ExporterStats::new("test", ExportedItem::DataPoint);
        let dropped = |reason| stats.total_dropped_for(reason);
        batch(&stats).sent();
        assert_eq!((stats.total_sent(), stats.total_dropped()), (5, 0));
        batch(&stats).dropped(DropReason::Rejected);
        assert_eq!((dropped(DropReason::Rejected), stats.total_dropped()), (5, 5));
        assert_eq!((batch(&stats).into_datums().len(), stats.total_dropped()), (5, 5));
        drop(batch(&stats));
        assert_eq!(dropped(DropReason::Shutdown), 5);
        let mut away = batch(&stats);
        away.set_in_flight(true);
        drop(away);
        assert_eq!(dropped(DropReason::Unconfirmed), 5);
        let mut parts = vec![batch(&stats)];
        parts[0].splits.store(2, Ordering::Relaxed);
        while let Some(Ok(halves)) = parts.pop().map(PendingBatch::split) {
            parts.extend(halves);
        }
        assert_eq!(dropped(DropReason::Shutdown), 7, "two of three, after the last split");
        drop(parts);
        assert_eq!(dropped(DropReason::Shutdown), 10);
        let halves = batch(&stats).split().map(|halves| halves.map(|half| half.datums().len()));
        assert_eq!(halves.ok(), Some([2, 3]));
        assert_eq!((dropped(DropReason::Shutdown), stats.total_sent()), (15, 5));
    }
}
