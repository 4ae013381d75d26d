//! The history of counts: the last day in slices, which get coarser with age.

#[cfg(feature = "persist")]
mod saved;

use std::collections::VecDeque;
use std::time::Duration;

use cachescope_core::Timestamp;
use cachescope_telemetry::{Counts, PackedCounts, Recorder};

#[cfg(feature = "persist")]
pub(crate) use self::saved::SavedHistory;
use crate::metrics::window::Window;

/// The length of the youngest slices.
pub(crate) const SLICE: Duration = Duration::from_secs(5);

/// The age from which slices are merged, and the length up to which they are merged.
const MERGE_STEPS: [(Duration, Duration); 2] = [
    (Duration::from_secs(2 * 60), Duration::from_secs(60)),
    (Duration::from_secs(65 * 60), Duration::from_secs(15 * 60)),
];

/// The memory limit of all slices. If they need more, the oldest are merged, and a window that begins there gets
/// somewhat longer.
const MAX_BYTES: usize = 14 * 1024;

/// The offset of the history's times to the clock: twice the longest window. So times before the clock's origin can be
/// represented.
const CLOCK_OFFSET: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The counts of one cache over time.
///
/// All values are differences of two readings of the same counters. So windows nest, and all slices together with the
/// counts after them add up to the total.
#[derive(Debug)]
pub(crate) struct History {
    /// The number of resets.
    epoch: u64,
    /// The beginning of the epoch, or the time at which this process continued it.
    began: Timestamp,
    /// The length of the epoch before that.
    earlier: Duration,
    /// The counts of earlier processes in this epoch.
    restored: Option<PackedCounts>,
    /// The end of the last slice.
    last_slice_end: Timestamp,
    /// The counts of this process until then.
    counted: PackedCounts,
    /// The counts of the epoch until then. `None`: the same as `counted`.
    total: Option<PackedCounts>,
    /// The slices, oldest first. Each ends where the next begins.
    slices: VecDeque<Slice>,
}

/// One slice. Its times are [`CLOCK_OFFSET`] later than those of the clock.
#[derive(Debug)]
struct Slice {
    from: Timestamp,
    counted: PackedCounts,
    /// The requests among them that earlier processes counted.
    restored: u64,
}

/// The counts of a period.
#[derive(Debug, PartialEq)]
pub(crate) struct PeriodCounts {
    pub(crate) counts: Counts,
    /// The length of the period.
    pub(crate) covers: Duration,
    /// The requests among them that earlier processes counted.
    pub(crate) restored: u64,
    /// The number of resets before.
    pub(crate) epoch: u64,
}

impl History {
    pub(crate) fn new(now: Timestamp) -> Self {
        let now = now.after(CLOCK_OFFSET);
        Self {
            epoch: 0,
            began: now,
            earlier: Duration::ZERO,
            restored: None,
            last_slice_end: now,
            counted: PackedCounts::default(),
            total: None,
            slices: VecDeque::new(),
        }
    }

    /// Ends the present slice if it is long enough.
    pub(crate) fn end_slice_if_due(&mut self, now: Timestamp, recorder: &Recorder) {
        let now = now.after(CLOCK_OFFSET);
        if now.since(self.last_slice_end) >= SLICE {
            self.end_slice(now, recorder);
            self.compact(now);
        }
    }

    fn end_slice(&mut self, now: Timestamp, recorder: &Recorder) {
        let (all, since) = recorder.rotate(&Counts::from(&self.counted));
        let since = PackedCounts::from(&since);
        self.total = self.total.take().map(|total| total.plus(&since));
        self.slices.push_back(Slice { from: self.last_slice_end, counted: since, restored: 0 });
        self.last_slice_end = now;
        self.counted = PackedCounts::from(&all);
    }

    /// Returns the counts since the last slice ended.
    fn since_last_slice(&self, recorder: &Recorder) -> Counts {
        recorder.counts_since(&Counts::from(&self.counted))
    }

    /// Returns the counts of this epoch.
    pub(crate) fn total(&self, now: Timestamp, recorder: &Recorder) -> PeriodCounts {
        let counts = match &self.total {
            None => recorder.counts(),
            Some(total) => self.since_last_slice(recorder).plus(&Counts::from(total)),
        };
        PeriodCounts {
            counts,
            covers: now.after(CLOCK_OFFSET).since(self.began) + self.earlier,
            restored: self.restored.as_ref().map_or(0, requests),
            epoch: self.epoch,
        }
    }

    /// Returns the counts of this process in this epoch.
    #[cfg(feature = "fleet")]
    pub(crate) fn this_process(&self, now: Timestamp, recorder: &Recorder) -> PeriodCounts {
        let PeriodCounts { counts, epoch, .. } = self.total(now, recorder);
        let counts = self.restored.as_ref().map_or(counts.clone(), |restored| counts.minus(&Counts::from(restored)));
        PeriodCounts { counts, covers: now.after(CLOCK_OFFSET).since(self.began), restored: 0, epoch }
    }

    /// Returns the counts of earlier processes in this epoch, if there are any.
    pub(crate) fn restored(&self) -> Option<PeriodCounts> {
        let counts = Counts::from(self.restored.as_ref()?);
        Some(PeriodCounts { restored: counts.requests(), counts, covers: self.earlier, epoch: self.epoch })
    }

    /// Returns the counts of `window`. It begins at the end of a slice, or at the beginning of the epoch.
    pub(crate) fn window(&mut self, window: Window, now: Timestamp, recorder: &Recorder) -> PeriodCounts {
        self.end_slice_if_due(now, recorder);
        let now = now.after(CLOCK_OFFSET);
        let mut counts = self.since_last_slice(recorder);
        let (mut from, mut restored) = (self.last_slice_end, 0);
        for slice in self.slices.iter().rev() {
            if now.since(from) >= window.duration() {
                break;
            }
            slice.counted.add_to(&mut counts);
            (from, restored) = (slice.from, restored + slice.restored);
        }
        PeriodCounts { counts, covers: now.since(from), restored, epoch: self.epoch }
    }

    /// Begins a new epoch and forgets earlier counts. Requests in flight are counted in the new epoch.
    pub(crate) fn reset(&mut self, now: Timestamp, recorder: &Recorder) {
        let now = now.after(CLOCK_OFFSET);
        self.end_slice(now, recorder);
        self.slices.clear();
        self.total = Some(PackedCounts::default());
        self.restored = None;
        (self.epoch, self.began, self.earlier) = (self.epoch + 1, now, Duration::ZERO);
    }

    /// Merges slices that are old enough, and drops those that no window reaches.
    fn compact(&mut self, now: Timestamp) {
        for (age, length) in MERGE_STEPS {
            let end_of = |slices: &VecDeque<Slice>, index: usize| slices.get(index + 1).map_or(now, |next| next.from);
            let mut index = 0;
            while index + 1 < self.slices.len() && now.since(end_of(&self.slices, index + 1)) >= age {
                if end_of(&self.slices, index + 1).since(self.slices[index].from) <= length {
                    self.merge_with_next(index);
                } else {
                    index += 1;
                }
            }
        }
        while self.slices.len() > 2 && self.bytes() > MAX_BYTES {
            self.merge_with_next(0);
        }
        // The first slice is needed until the second one covers the longest window.
        while self.slices.get(1).is_some_and(|second| now.since(second.from) >= Window::LONGEST) {
            self.slices.pop_front();
        }
    }

    /// Merges a slice with the next one.
    fn merge_with_next(&mut self, index: usize) {
        if let Some(next) = self.slices.remove(index + 1) {
            let slice = &mut self.slices[index];
            slice.counted = slice.counted.plus(&next.counted);
            slice.restored += next.restored;
        }
    }

    /// Returns the size of all slices in bytes.
    fn bytes(&self) -> usize {
        self.slices.iter().map(|slice| slice.counted.len() + size_of::<Slice>()).sum()
    }
}

fn requests(packed: &PackedCounts) -> u64 {
    Counts::from(packed).requests()
}

#[cfg(test)]
mod tests;
