//! What was counted when: the last day in slices, the finer the younger.

#[cfg(feature = "persist")]
mod past;

use std::collections::VecDeque;
use std::time::Duration;

use cachescope_core::{Counts, Moment, Packed, Recorder};

#[cfg(feature = "persist")]
pub(crate) use self::past::Past;
use crate::metrics::window::Window;

/// How long the youngest slices are.
pub(crate) const SLICE: Duration = Duration::from_secs(5);

/// From which age on slices are put together, and up to which length.
const COARSER: [(Duration, Duration); 2] = [
    (Duration::from_secs(2 * 60), Duration::from_secs(60)),
    (Duration::from_secs(65 * 60), Duration::from_secs(15 * 60)),
];

/// What the slices may take together. Where they need more, the oldest are put together, and a window that reaches so
/// far back reaches somewhat farther.
const BYTES: usize = 14 * 1024;

/// How much longer ago than the clock's origin a history can reach: twice the longest window.
const LEAD: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// One cache's numbers over time.
///
/// Everything is a difference of two readings of the same counters, so windows nest, and all slices and what came
/// after them add up to the whole.
#[derive(Debug)]
pub(crate) struct History {
    /// How often the numbers were reset.
    epoch: u64,
    /// When the epoch began, or when this process went on with it.
    began: Moment,
    /// How long the epoch had been before that.
    earlier: Duration,
    /// What earlier processes counted in this epoch.
    restored: Option<Packed>,
    /// The end of the last slice.
    turned: Moment,
    /// All that this process had counted until then.
    counted: Packed,
    /// All that was counted in the epoch until then; `None` is what this process had.
    total: Option<Packed>,
    /// The oldest first; each ends where the next begins.
    slices: VecDeque<Slice>,
}

/// Its times are [`LEAD`] later than the clock's, so that there are such before the clock's origin.
#[derive(Debug)]
struct Slice {
    from: Moment,
    counted: Packed,
    /// How many of its requests earlier processes counted.
    restored: u64,
}

/// What was counted within some time.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) counts: Counts,
    /// How far it reaches back.
    pub(crate) covers: Duration,
    /// How many of its requests earlier processes counted.
    pub(crate) restored: u64,
    /// How often the numbers had been reset.
    pub(crate) epoch: u64,
}

impl History {
    pub(crate) fn new(now: Moment) -> Self {
        let now = now.after(LEAD);
        Self {
            epoch: 0,
            began: now,
            earlier: Duration::ZERO,
            restored: None,
            turned: now,
            counted: Packed::default(),
            total: None,
            slices: VecDeque::new(),
        }
    }

    /// Ends a slice, if it has been long enough.
    pub(crate) fn turn(&mut self, now: Moment, recorder: &Recorder) {
        let now = now.after(LEAD);
        if now.since(self.turned) >= SLICE {
            self.end_slice(now, recorder);
            self.compact(now);
        }
    }

    fn end_slice(&mut self, now: Moment, recorder: &Recorder) {
        let (all, since) = recorder.turn(&Counts::from(&self.counted));
        let since = Packed::from(&since);
        self.total = self.total.take().map(|total| total.plus(&since));
        self.slices.push_back(Slice { from: self.turned, counted: since, restored: 0 });
        self.turned = now;
        self.counted = Packed::from(&all);
    }

    /// What was counted since the last slice ended.
    fn since_turn(&self, recorder: &Recorder) -> Counts {
        recorder.counts_since(&Counts::from(&self.counted))
    }

    /// What was counted in this epoch.
    pub(crate) fn total(&self, now: Moment, recorder: &Recorder) -> Reading {
        let counts = match &self.total {
            None => recorder.counts(),
            Some(total) => self.since_turn(recorder).plus(&Counts::from(total)),
        };
        Reading {
            counts,
            covers: now.after(LEAD).since(self.began) + self.earlier,
            restored: self.restored.as_ref().map_or(0, requests),
            epoch: self.epoch,
        }
    }

    /// What this process counted in this epoch.
    #[cfg(feature = "fleet")]
    pub(crate) fn own(&self, now: Moment, recorder: &Recorder) -> Reading {
        let Reading { counts, epoch, .. } = self.total(now, recorder);
        let counts = self.restored.as_ref().map_or(counts.clone(), |restored| counts.minus(&Counts::from(restored)));
        Reading { counts, covers: now.after(LEAD).since(self.began), restored: 0, epoch }
    }

    /// What earlier processes counted in this epoch, if any did.
    pub(crate) fn restored(&self) -> Option<Reading> {
        let counts = Counts::from(self.restored.as_ref()?);
        Some(Reading { restored: counts.requests(), counts, covers: self.earlier, epoch: self.epoch })
    }

    /// What was counted within `window`: it reaches back to the next end of a slice, or to the epoch's beginning.
    pub(crate) fn window(&mut self, window: Window, now: Moment, recorder: &Recorder) -> Reading {
        self.turn(now, recorder);
        let now = now.after(LEAD);
        let mut counts = self.since_turn(recorder);
        let (mut from, mut restored) = (self.turned, 0);
        for slice in self.slices.iter().rev() {
            if now.since(from) >= window.duration() {
                break;
            }
            slice.counted.add_to(&mut counts);
            (from, restored) = (slice.from, restored + slice.restored);
        }
        Reading { counts, covers: now.since(from), restored, epoch: self.epoch }
    }

    /// Begins an epoch: what was counted before is forgotten here. What is under way ends in it.
    pub(crate) fn reset(&mut self, now: Moment, recorder: &Recorder) {
        let now = now.after(LEAD);
        self.end_slice(now, recorder);
        self.slices.clear();
        self.total = Some(Packed::default());
        self.restored = None;
        (self.epoch, self.began, self.earlier) = (self.epoch + 1, now, Duration::ZERO);
    }

    /// Puts slices together that are old enough, and lets go of those that no window reaches.
    fn compact(&mut self, now: Moment) {
        for (age, length) in COARSER {
            let end_of = |slices: &VecDeque<Slice>, index: usize| slices.get(index + 1).map_or(now, |next| next.from);
            let mut index = 0;
            while index + 1 < self.slices.len() && now.since(end_of(&self.slices, index + 1)) >= age {
                if end_of(&self.slices, index + 1).since(self.slices[index].from) <= length {
                    self.put_together(index);
                } else {
                    index += 1;
                }
            }
        }
        while self.slices.len() > 2 && self.bytes() > BYTES {
            self.put_together(0);
        }
        // The first reaches back far enough as long as the second doesn't.
        while self.slices.get(1).is_some_and(|second| now.since(second.from) >= Window::LONGEST) {
            self.slices.pop_front();
        }
    }

    /// Makes one of a slice and the next.
    fn put_together(&mut self, index: usize) {
        if let Some(next) = self.slices.remove(index + 1) {
            let slice = &mut self.slices[index];
            slice.counted = slice.counted.plus(&next.counted);
            slice.restored += next.restored;
        }
    }

    /// What the slices take.
    fn bytes(&self) -> usize {
        self.slices.iter().map(|slice| slice.counted.len() + size_of::<Slice>()).sum()
    }
}

fn requests(packed: &Packed) -> u64 {
    Counts::from(packed).requests()
}

#[cfg(test)]
mod tests {
    use cachescope_core::{
        Ending, HitTiming, Identity, Labels, LoadOutcome, LoadTrigger, MissReason, RequestResult, Telemetry,
    };
    use opentelemetry::metrics::noop::NoopMeterProvider;
    use opentelemetry::trace::noop::NoopTracerProvider;
    use proptest::prelude::*;

    use super::*;

    pub(super) const SECOND: Duration = Duration::from_secs(1);

    pub(super) fn recorder() -> Recorder {
        let telemetry = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
        let cache = "history".to_owned();
        let identity = Identity { cache, store: "test", error_type: None, labels: Labels::new() };
        Recorder::new(identity, telemetry, None, HitTiming::Paced)
    }

    pub(super) fn miss(recorder: &Recorder, took: Duration) {
        recorder.request_started();
        recorder.load_started();
        recorder.load_ended(LoadTrigger::Miss, LoadOutcome::Loaded, took);
        recorder.request_ended(Ending::miss(MissReason::Unknown), took);
    }

    pub(super) fn at(seconds: u64) -> Moment {
        Moment::from_nanos(0).after(Duration::from_secs(seconds))
    }

    /// A miss in so many seconds, that takes as many milliseconds as the time is in seconds.
    pub(super) fn busy_for(seconds: u64, step: u64) -> (History, Recorder) {
        let (mut history, recorder) = (History::new(at(0)), recorder());
        for second in (1..=seconds / step).map(|steps| steps * step) {
            miss(&recorder, Duration::from_millis(second));
            history.turn(at(second), &recorder);
        }
        (history, recorder)
    }

    #[test]
    fn a_window_holds_what_was_counted_in_the_time_that_it_says() {
        let (mut history, recorder) = busy_for(1_000, 1);
        for asked in [0, 1, 7, 60, 61, 100, 300, 900] {
            let Reading { counts, covers, .. } = history.window(Window::Last(SECOND * asked), at(1_000), &recorder);
            let covered = covers.as_secs();
            assert!(covered >= u64::from(asked) && covered < u64::from(asked) + 60, "{covered} for {asked}");
            assert_eq!(counts.requests(), covered);
            let longest = counts.load_durations(LoadTrigger::Miss).max();
            assert_eq!(longest.as_millis(), if covered == 0 { 0 } else { 1_000 });
        }
        let Reading { counts, covers, .. } = history.window(Window::Hour, at(1_000), &recorder);
        assert_eq!((counts.requests(), covers), (1_000, 1_000 * SECOND), "no farther than its beginning");
        assert_eq!(counts, recorder.counts());
    }

    #[test]
    fn a_maximum_is_that_of_its_window() {
        let (mut history, recorder) = (History::new(at(0)), recorder());
        miss(&recorder, 9 * SECOND);
        for second in 1..200 {
            history.turn(at(second), &recorder);
        }
        miss(&recorder, SECOND);
        let longest = |history: &mut History, window| {
            history.window(window, at(200), &recorder).counts.load_durations(LoadTrigger::Miss).max()
        };
        assert_eq!(longest(&mut history, Window::Minute), SECOND);
        assert_eq!(longest(&mut history, Window::Hour), 9 * SECOND);
    }

    #[test]
    fn a_day_takes_few_slices_and_bytes_and_nothing_gets_lost() {
        let day = 24 * 60 * 60;
        let (mut history, recorder) = busy_for(2 * day, 10);
        assert!(history.slices.len() < 200, "{}", history.slices.len());
        assert!(history.bytes() <= BYTES, "{}", history.bytes());
        for (window, most) in [(Window::Minute, 70), (Window::Hour, 60 * 60 + 60), (Window::Day, day + 15 * 60)] {
            let Reading { counts, covers, .. } = history.window(window, at(2 * day), &recorder);
            assert_eq!(counts.requests() * 10, covers.as_secs());
            assert!(covers >= window.duration() && covers.as_secs() <= most, "{window:?} covers {covers:?}");
        }
    }

    #[test]
    fn a_clock_that_jumps_makes_a_long_slice_and_one_that_stands_none() {
        let (mut history, recorder) = busy_for(100, 1);
        miss(&recorder, SECOND);
        let Reading { counts, covers, .. } = history.window(Window::Minute, at(50_000), &recorder);
        assert_eq!((counts.requests(), covers), (1, 49_900 * SECOND), "it says how long");
        let Reading { counts, covers, .. } = history.window(Window::Minute, at(40_000), &recorder);
        assert_eq!((counts.requests(), covers), (1, 39_900 * SECOND), "backwards it loses nothing");
        let slices = history.slices.len();
        (0..100).for_each(|_| history.turn(at(50_001), &recorder));
        assert_eq!(history.slices.len(), slices);
    }

    #[test]
    fn a_reset_begins_anew_and_what_is_under_way_ends_in_the_new_epoch() {
        let (mut history, recorder) = busy_for(100, 1);
        recorder.request_started();
        history.reset(at(101), &recorder);
        let reading = history.total(at(101), &recorder);
        assert_eq!((reading.counts.requests(), reading.counts.active, reading.epoch), (1, 1, 1));
        recorder.request_ended(Ending::miss(MissReason::Unknown), SECOND);
        miss(&recorder, 2 * SECOND);
        for second in 102..300 {
            history.turn(at(second), &recorder);
        }
        let reading = history.total(at(300), &recorder);
        assert_eq!((reading.counts.requests(), reading.covers), (2, 199 * SECOND));
        let longest = reading.counts.load_durations(LoadTrigger::Miss).max();
        assert_eq!(longest, 2 * SECOND, "and not the longest of before");
        assert_eq!(history.window(Window::Day, at(300), &recorder).counts, reading.counts);
        assert_eq!(recorder.counts().requests(), 102);
    }

    /// What a history goes through.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Begin,
        End(Duration),
        /// In seconds; the clock may stand, jump as after a night's sleep, or be set back.
        Clock(i64),
        Reset,
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Begin),
            4 => (0_u64..40).prop_map(|power| Step::End(Duration::from_nanos(1 << power))),
            6 => (0_i64..10).prop_map(Step::Clock),
            1 => (0_i64..200_000).prop_map(Step::Clock),
            1 => (-5_000_i64..0).prop_map(Step::Clock),
            1 => Just(Step::Reset),
        ]
    }

    proptest! {
        #[test]
        fn whatever_the_clock_does_windows_nest_and_add_up_to_the_whole(steps in prop::collection::vec(steps(), 0..300)) {
            let (mut history, recorder) = (History::new(at(0)), recorder());
            let (mut now, mut under_way, mut ended, mut longest) = (0_i64, 0, 0, Duration::ZERO);
            let mut farthest = at(0);
            for step in steps {
                match step {
                    Step::Begin => {
                        recorder.request_started();
                        under_way += 1;
                    }
                    Step::End(took) if under_way > 0 => {
                        recorder.request_ended(Ending::miss(MissReason::Unknown), took);
                        (under_way, ended, longest) = (under_way - 1, ended + 1, longest.max(took));
                    }
                    Step::End(_) => {}
                    Step::Clock(seconds) => now = (now + seconds).max(0),
                    Step::Reset => {
                        history.reset(at(now.unsigned_abs()), &recorder);
                        (ended, longest) = (0, Duration::ZERO);
                    }
                }
                let now = at(now.unsigned_abs());
                history.turn(now, &recorder);
                let total = history.total(now, &recorder);
                prop_assert_eq!((total.counts.requests(), total.counts.active), (ended + under_way, under_way));
                prop_assert_eq!(total.counts.request_durations(RequestResult::Miss).max(), longest);
                let windows = [Window::Last(Duration::ZERO), Window::Minute, Window::Hour, Window::Day];
                let readings = windows.map(|window| history.window(window, now, &recorder));
                for pair in readings.windows(2) {
                    let [shorter, longer] = [0, 1].map(|index| pair[index].counts.requests());
                    prop_assert!(shorter <= longer && longer <= total.counts.requests());
                    prop_assert!(pair[0].covers <= pair[1].covers);
                }
                // Whatever was never older than a day is in the day's window.
                farthest = farthest.max(now);
                if farthest.since(at(0)) < Window::LONGEST {
                    prop_assert_eq!(&readings[3].counts, &total.counts);
                }
                prop_assert!(history.bytes() <= BYTES);
            }
        }
    }
}
