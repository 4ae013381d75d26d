//! Tests.

use cachescope_core::{CacheIdentity, Labels, LoadOutcome, LoadTrigger, MissReason, RequestOutcome, RequestResult};
use cachescope_telemetry::{HitTiming, Telemetry};
use opentelemetry::metrics::noop::NoopMeterProvider;
use opentelemetry::trace::noop::NoopTracerProvider;
use proptest::prelude::*;

use super::*;

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn recorder() -> Recorder {
    let telemetry = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
    let cache = "history".to_owned();
    let identity = CacheIdentity { name: cache, store: "test", error_type: None, labels: Labels::new() };
    Recorder::new(identity, telemetry, None, HitTiming::Paced)
}

pub(super) fn miss(recorder: &Recorder, took: Duration) {
    recorder.request_started();
    recorder.load_started();
    recorder.load_ended(LoadTrigger::Miss, LoadOutcome::Loaded, took);
    recorder.request_ended(RequestOutcome::miss(MissReason::Unknown), took);
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(0).after(Duration::from_secs(seconds))
}

/// Records a miss every `step` seconds, until `seconds`. Each load takes as many milliseconds as its time is in
/// seconds.
pub(super) fn busy_for(seconds: u64, step: u64) -> (History, Recorder) {
    let (mut history, recorder) = (History::new(at(0)), recorder());
    for second in (1..=seconds / step).map(|steps| steps * step) {
        miss(&recorder, Duration::from_millis(second));
        history.end_slice_if_due(at(second), &recorder);
    }
    (history, recorder)
}

#[test]
fn window_counts_match_the_period_it_covers() {
    let (mut history, recorder) = busy_for(1_000, 1);
    for asked in [0, 1, 7, 60, 61, 100, 300, 900] {
        let PeriodCounts { counts, covers, .. } = history.window(Window::Last(SECOND * asked), at(1_000), &recorder);
        let covered = covers.as_secs();
        assert!(covered >= u64::from(asked) && covered < u64::from(asked) + 60, "{covered} for {asked}");
        assert_eq!(counts.requests(), covered);
        let longest = counts.load_durations(LoadTrigger::Miss).max();
        assert_eq!(longest.as_millis(), if covered == 0 { 0 } else { 1_000 });
    }
    let PeriodCounts { counts, covers, .. } = history.window(Window::Hour, at(1_000), &recorder);
    assert_eq!((counts.requests(), covers), (1_000, 1_000 * SECOND), "no farther than its beginning");
    assert_eq!(counts, recorder.counts());
}

#[test]
fn maximum_is_that_of_the_window() {
    let (mut history, recorder) = (History::new(at(0)), recorder());
    miss(&recorder, 9 * SECOND);
    for second in 1..200 {
        history.end_slice_if_due(at(second), &recorder);
    }
    miss(&recorder, SECOND);
    let longest = |history: &mut History, window| {
        history.window(window, at(200), &recorder).counts.load_durations(LoadTrigger::Miss).max()
    };
    assert_eq!(longest(&mut history, Window::Minute), SECOND);
    assert_eq!(longest(&mut history, Window::Hour), 9 * SECOND);
}

#[test]
fn day_takes_bounded_memory_and_loses_nothing() {
    let day = 24 * 60 * 60;
    let (mut history, recorder) = busy_for(2 * day, 10);
    assert!(history.slices.len() < 200, "{}", history.slices.len());
    assert!(history.bytes() <= MAX_BYTES, "{}", history.bytes());
    for (window, most) in [(Window::Minute, 70), (Window::Hour, 60 * 60 + 60), (Window::Day, day + 15 * 60)] {
        let PeriodCounts { counts, covers, .. } = history.window(window, at(2 * day), &recorder);
        assert_eq!(counts.requests() * 10, covers.as_secs());
        assert!(covers >= window.duration() && covers.as_secs() <= most, "{window:?} covers {covers:?}");
    }
}

#[test]
fn clock_jump_makes_one_long_slice_and_a_still_clock_makes_none() {
    let (mut history, recorder) = busy_for(100, 1);
    miss(&recorder, SECOND);
    let PeriodCounts { counts, covers, .. } = history.window(Window::Minute, at(50_000), &recorder);
    assert_eq!((counts.requests(), covers), (1, 49_900 * SECOND), "it says how long");
    let PeriodCounts { counts, covers, .. } = history.window(Window::Minute, at(40_000), &recorder);
    assert_eq!((counts.requests(), covers), (1, 39_900 * SECOND), "backwards it loses nothing");
    let slices = history.slices.len();
    (0..100).for_each(|_| history.end_slice_if_due(at(50_001), &recorder));
    assert_eq!(history.slices.len(), slices);
}

#[test]
fn reset_begins_an_epoch_in_which_requests_in_flight_end() {
    let (mut history, recorder) = busy_for(100, 1);
    recorder.request_started();
    history.reset(at(101), &recorder);
    let reading = history.total(at(101), &recorder);
    assert_eq!((reading.counts.requests(), reading.counts.active, reading.epoch), (1, 1, 1));
    recorder.request_ended(RequestOutcome::miss(MissReason::Unknown), SECOND);
    miss(&recorder, 2 * SECOND);
    for second in 102..300 {
        history.end_slice_if_due(at(second), &recorder);
    }
    let reading = history.total(at(300), &recorder);
    assert_eq!((reading.counts.requests(), reading.covers), (2, 199 * SECOND));
    let longest = reading.counts.load_durations(LoadTrigger::Miss).max();
    assert_eq!(longest, 2 * SECOND, "and not the longest of before");
    assert_eq!(history.window(Window::Day, at(300), &recorder).counts, reading.counts);
    assert_eq!(recorder.counts().requests(), 102);
}

/// A step of the history.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    End(Duration),
    /// In seconds. The clock may stand still, jump as after a suspend, or be set back.
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
                    recorder.request_ended(RequestOutcome::miss(MissReason::Unknown), took);
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
            history.end_slice_if_due(now, &recorder);
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
            // As long as the history is younger than a day, the day's window is everything.
            farthest = farthest.max(now);
            if farthest.since(at(0)) < Window::LONGEST {
                prop_assert_eq!(&readings[3].counts, &total.counts);
            }
            prop_assert!(history.bytes() <= MAX_BYTES);
        }
    }
}
