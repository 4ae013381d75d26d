//! A history as it is kept for the next process, which goes on with it.

use std::time::Duration;

use cachescope_core::{Moment, Packed, Recorder};

use super::{History, LEAD, Slice, requests};

/// A history as it is kept for the next process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub(crate) epoch: u64,
    /// How long the epoch had been.
    pub(crate) age: Duration,
    pub(crate) total: Packed,
    /// How long each slice was and what it held, the oldest first; the last had just ended.
    pub(crate) slices: Vec<(Duration, Packed)>,
}

impl History {
    /// What is to be kept for the next process: all that has ended.
    pub(crate) fn past(&self, now: Moment, recorder: &Recorder) -> Past {
        let now = now.after(LEAD);
        let since = Packed::from(&self.since_turn(recorder));
        let ends = self.slices.iter().skip(1).map(|slice| slice.from).chain([self.turned]);
        let ended = self.slices.iter().zip(ends).map(|(slice, end)| (end.since(slice.from), slice.counted.clone()));
        Past {
            epoch: self.epoch,
            age: now.since(self.began) + self.earlier,
            total: self.total.as_ref().unwrap_or(&self.counted).plus(&since),
            slices: ended.chain([(now.since(self.turned), since)]).collect(),
        }
    }

    /// Goes on with what an earlier process kept, `gap` ago.
    pub(crate) fn restore(&mut self, past: Past, gap: Duration, now: Moment, recorder: &Recorder) {
        let resets = self.epoch;
        self.epoch = resets.saturating_add(past.epoch);
        if resets > 0 {
            // What was kept is of before.
            return;
        }
        let first = self.slices.front().map_or(self.turned, |slice| slice.from);
        let ended = now.after(LEAD).before(gap);
        if ended > first {
            // Both counted for a while: that is one slice, so that it is right which time it is of.
            self.end_slice(now.after(LEAD), recorder);
            (1..self.slices.len()).rev().for_each(|index| self.put_together(index - 1));
        } else {
            self.slices.push_front(Slice { from: ended, counted: Packed::default(), restored: 0 });
        }
        let mut end = ended;
        for (length, counted) in past.slices.into_iter().rev() {
            let from = end.before(length);
            self.slices.push_front(Slice { from, restored: requests(&counted), counted });
            if end > first {
                self.put_together(0);
                self.slices[0].from = from.min(first);
            }
            end = from;
        }
        self.earlier = (past.age + gap).saturating_sub(now.after(LEAD).since(self.began));
        self.total = Some(past.total.plus(self.total.as_ref().unwrap_or(&self.counted)));
        self.restored = Some(past.total);
        self.compact(now.after(LEAD));
    }
}

#[cfg(test)]
mod tests {
    use cachescope_core::LoadTrigger;

    use super::super::tests::{SECOND, at, busy_for, miss, recorder};
    use super::*;
    use crate::metrics::window::Window;

    /// What a process of 1,000 s with a miss a second leaves.
    fn past() -> Past {
        let (history, recorder) = busy_for(1_000, 1);
        history.past(at(1_000), &recorder)
    }

    #[test]
    fn numbers_go_on_and_windows_hold_them_where_they_belong() {
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
    fn what_this_process_counted_is_told_alone() {
        let (mut history, next) = (History::new(at(3)), recorder());
        (0..3).for_each(|_| miss(&next, SECOND));
        assert_eq!(history.own(at(5), &next), history.total(at(5), &next), "nothing is restored");
        history.restore(past(), 100 * SECOND, at(6), &next);
        (0..4).for_each(|_| miss(&next, 2 * SECOND));
        let own = history.own(at(13), &next);
        assert_eq!((own.counts.requests(), own.restored, own.covers), (7, 0, 10 * SECOND));
        assert_eq!(own.counts.load_durations(LoadTrigger::Miss).sum(), 11 * SECOND);
        history.reset(at(14), &next);
        miss(&next, SECOND);
        let own = history.own(at(16), &next);
        assert_eq!((own.counts.requests(), own.covers, own.epoch), (1, 2 * SECOND, 1));
    }

    #[test]
    fn twice_is_as_well() {
        let (mut second, recorder_2) = (History::new(at(3)), recorder());
        second.restore(past(), SECOND, at(3), &recorder_2);
        miss(&recorder_2, SECOND);
        let (mut third, recorder_3) = (History::new(at(0)), recorder());
        third.restore(second.past(at(5), &recorder_2), SECOND, at(0), &recorder_3);
        miss(&recorder_3, SECOND);
        let total = third.total(at(4), &recorder_3);
        assert_eq!((total.counts.requests(), total.restored, total.covers), (1_002, 1_001, 1_008 * SECOND));
        assert_eq!(third.window(Window::Hour, at(4), &recorder_3).counts, total.counts);
    }

    #[test]
    fn a_process_that_counted_on_meanwhile_shares_a_slice_with_this_one() {
        let (mut history, next) = (History::new(at(0)), recorder());
        for second in 1..=60 {
            miss(&next, SECOND);
            history.turn(at(second), &next);
        }
        // Which ended at 57.
        history.restore(past(), 3 * SECOND, at(60), &next);
        let total = history.total(at(60), &next);
        assert_eq!((total.counts.requests(), total.covers), (1_060, 1_003 * SECOND));
        let window = history.window(Window::Last(SECOND), at(60), &next);
        assert_eq!(window.counts.requests(), 60 + window.restored);
        assert_eq!(window.covers.as_secs(), window.restored + 3);
        assert!((57..62).contains(&window.restored), "{}", window.restored);
    }

    #[test]
    fn what_is_too_long_ago_is_in_no_window() {
        let (mut history, next) = (History::new(at(0)), recorder());
        history.restore(past(), Duration::from_secs(4 * 24 * 60 * 60), at(0), &next);
        assert_eq!(history.window(Window::Day, at(0), &next).counts.requests(), 0);
        assert_eq!(history.total(at(0), &next).counts.requests(), 1_000);
    }

    #[test]
    fn a_reset_is_of_what_was_restored_too_and_of_what_is_found_later() {
        let (mut history, next) = (History::new(at(0)), recorder());
        history.restore(past(), SECOND, at(0), &next);
        history.reset(at(1), &next);
        assert_eq!((history.total(at(1), &next).counts.requests(), history.restored()), (0, None));
        let mut past = past();
        past.epoch = 4;
        history.restore(past, SECOND, at(1), &next);
        let total = history.total(at(1), &next);
        assert_eq!((total.counts.requests(), total.epoch), (0, 5));
    }
}
