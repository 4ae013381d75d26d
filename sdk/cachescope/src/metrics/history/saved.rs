//! The history as it is saved for the next process, which continues it.

use std::time::Duration;

use cachescope_core::Timestamp;
use cachescope_telemetry::{PackedCounts, Recorder};

use super::{CLOCK_OFFSET, History, Slice, requests};

/// A saved history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SavedHistory {
    pub(crate) epoch: u64,
    /// The length of the epoch.
    pub(crate) age: Duration,
    pub(crate) total: PackedCounts,
    /// The length and the counts of each slice, oldest first. The last slice ended when the history was saved.
    pub(crate) slices: Vec<(Duration, PackedCounts)>,
}

impl History {
    /// Returns the history to save, including the slice in progress.
    pub(crate) fn to_saved(&self, now: Timestamp, recorder: &Recorder) -> SavedHistory {
        let now = now.after(CLOCK_OFFSET);
        let since = PackedCounts::from(&self.since_last_slice(recorder));
        let ends = self.slices.iter().skip(1).map(|slice| slice.from).chain([self.last_slice_end]);
        let ended = self.slices.iter().zip(ends).map(|(slice, end)| (end.since(slice.from), slice.counted.clone()));
        SavedHistory {
            epoch: self.epoch,
            age: now.since(self.began) + self.earlier,
            total: self.total.as_ref().unwrap_or(&self.counted).plus(&since),
            slices: ended.chain([(now.since(self.last_slice_end), since)]).collect(),
        }
    }

    /// Continues the history that an earlier process saved `gap` ago.
    pub(crate) fn restore(&mut self, saved: SavedHistory, gap: Duration, now: Timestamp, recorder: &Recorder) {
        let resets = self.epoch;
        self.epoch = resets.saturating_add(saved.epoch);
        if resets > 0 {
            // What was saved is from before the reset.
            return;
        }
        let first = self.slices.front().map_or(self.last_slice_end, |slice| slice.from);
        let ended = now.after(CLOCK_OFFSET).before(gap);
        if ended > first {
            // Both processes counted at the same time. That becomes one slice, so that its period is right.
            self.end_slice(now.after(CLOCK_OFFSET), recorder);
            (1..self.slices.len()).rev().for_each(|index| self.merge_with_next(index - 1));
        } else {
            self.slices.push_front(Slice { from: ended, counted: PackedCounts::default(), restored: 0 });
        }
        let mut end = ended;
        for (length, counted) in saved.slices.into_iter().rev() {
            let from = end.before(length);
            self.slices.push_front(Slice { from, restored: requests(&counted), counted });
            if end > first {
                self.merge_with_next(0);
                self.slices[0].from = from.min(first);
            }
            end = from;
        }
        self.earlier = (saved.age + gap).saturating_sub(now.after(CLOCK_OFFSET).since(self.began));
        self.total = Some(saved.total.plus(self.total.as_ref().unwrap_or(&self.counted)));
        self.restored = Some(saved.total);
        self.compact(now.after(CLOCK_OFFSET));
    }
}

#[cfg(test)]
mod tests {
    use cachescope_core::LoadTrigger;

    use super::super::tests::{SECOND, at, busy_for, miss, recorder};
    use super::*;
    use crate::metrics::window::Window;

    /// Returns the history of a process that ran for 1,000 s with one miss per second.
    fn past() -> SavedHistory {
        let (history, recorder) = busy_for(1_000, 1);
        history.to_saved(at(1_000), &recorder)
    }

    #[test]
    fn restored_counts_are_in_the_total_and_in_the_right_windows() {
        let (mut history, next) = (History::new(at(3)), recorder());
        history.restore(past(), 100 * SECOND, at(3), &next);
        (0..7).for_each(|_| miss(&next, 2 * SECOND));
        let total = history.total(at(13), &next);
        assert_eq!((total.counts.requests(), total.restored), (1_007, 1_000));
        assert_eq!(total.covers, 1_110 * SECOND);
        assert_eq!(total.counts.load_durations(LoadTrigger::Miss).max(), 2 * SECOND);
        let before = history.restored().unwrap();
        assert_eq!((before.counts.requests(), before.covers), (1_000, 1_100 * SECOND));

        let minute = history.window(Window::Minute, at(13), &next);
        assert_eq!((minute.counts.requests(), minute.restored), (7, 0), "the time without a process is in it");
        assert_eq!(minute.covers, 110 * SECOND);
        let some = history.window(Window::Last(130 * SECOND), at(13), &next);
        assert_eq!(some.covers.as_secs(), 110 + some.restored);
        assert!((20..80).contains(&some.restored), "{}", some.restored);
        let day = history.window(Window::Day, at(13), &next);
        assert_eq!((day.counts, day.restored), (total.counts, 1_000));
    }

    #[cfg(feature = "fleet")]
    #[test]
    fn this_process_excludes_restored_counts() {
        let (mut history, next) = (History::new(at(3)), recorder());
        (0..3).for_each(|_| miss(&next, SECOND));
        assert_eq!(history.this_process(at(5), &next), history.total(at(5), &next), "nothing is restored");
        history.restore(past(), 100 * SECOND, at(6), &next);
        (0..4).for_each(|_| miss(&next, 2 * SECOND));
        let own = history.this_process(at(13), &next);
        assert_eq!((own.counts.requests(), own.restored, own.covers), (7, 0, 10 * SECOND));
        assert_eq!(own.counts.load_durations(LoadTrigger::Miss).sum(), 11 * SECOND);
        history.reset(at(14), &next);
        miss(&next, SECOND);
        let own = history.this_process(at(16), &next);
        assert_eq!((own.counts.requests(), own.covers, own.epoch), (1, 2 * SECOND, 1));
    }

    #[test]
    fn restored_history_can_be_saved_and_restored_again() {
        let (mut second, recorder_2) = (History::new(at(3)), recorder());
        second.restore(past(), SECOND, at(3), &recorder_2);
        miss(&recorder_2, SECOND);
        let (mut third, recorder_3) = (History::new(at(0)), recorder());
        third.restore(second.to_saved(at(5), &recorder_2), SECOND, at(0), &recorder_3);
        miss(&recorder_3, SECOND);
        let total = third.total(at(4), &recorder_3);
        assert_eq!((total.counts.requests(), total.restored, total.covers), (1_002, 1_001, 1_008 * SECOND));
        assert_eq!(third.window(Window::Hour, at(4), &recorder_3).counts, total.counts);
    }

    #[test]
    fn concurrent_process_shares_one_slice() {
        let (mut history, next) = (History::new(at(0)), recorder());
        for second in 1..=60 {
            miss(&next, SECOND);
            history.end_slice_if_due(at(second), &next);
        }
        // The other process ended at 57.
        history.restore(past(), 3 * SECOND, at(60), &next);
        let total = history.total(at(60), &next);
        assert_eq!((total.counts.requests(), total.covers), (1_060, 1_003 * SECOND));
        let window = history.window(Window::Last(SECOND), at(60), &next);
        assert_eq!(window.counts.requests(), 60 + window.restored);
        assert_eq!(window.covers.as_secs(), window.restored + 3);
        assert!((57..62).contains(&window.restored), "{}", window.restored);
    }

    #[test]
    fn history_older_than_a_day_is_in_no_window() {
        let (mut history, next) = (History::new(at(0)), recorder());
        history.restore(past(), Duration::from_secs(4 * 24 * 60 * 60), at(0), &next);
        assert_eq!(history.window(Window::Day, at(0), &next).counts.requests(), 0);
        assert_eq!(history.total(at(0), &next).counts.requests(), 1_000);
    }

    #[test]
    fn reset_drops_restored_counts_and_those_restored_later() {
        let (mut history, next) = (History::new(at(0)), recorder());
        history.restore(past(), SECOND, at(0), &next);
        history.reset(at(1), &next);
        assert_eq!((history.total(at(1), &next).counts.requests(), history.restored()), (0, None));
        let mut saved = past();
        saved.epoch = 4;
        history.restore(saved, SECOND, at(1), &next);
        let total = history.total(at(1), &next);
        assert_eq!((total.counts.requests(), total.epoch), (0, 5));
    }
}
