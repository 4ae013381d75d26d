//! Windows compared with a log of every event, over a simulated day with bursts and gaps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::metrics::{
    Durations, EvictionReason, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason,
    RequestOutcome, RequestResult, StaleEvent, WaitOutcome,
};
use cachescope::{Cached, Clock, ManualClock, Window, try_cached};
use futures_util::FutureExt;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SECOND: Duration = Duration::from_secs(1);
/// Slices of time end at multiples of this. No event happens exactly there, so each belongs to one slice.
const STEP: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FRESH_FOR: Duration = Duration::from_secs(100);

/// A request at its end, or an invalidation.
#[derive(Clone, Copy, Debug, Default)]
struct Event {
    at: Duration,
    ending: Option<RequestOutcome>,
    load: Option<(LoadOutcome, Duration)>,
    /// Whether the stored value replaced an entry; `None` if none was stored.
    stored: Option<bool>,
    /// The size of the stored value.
    size: Option<u64>,
    /// Whether `cache_if` refused the value.
    refused: bool,
    /// Whether the invalidation removed an entry; `None` for a request.
    invalidated: Option<bool>,
    /// The time since expiry of the entry that the load replaced.
    reloaded: Option<Duration>,
}

fn is_kept(key: u64) -> bool {
    !key.is_multiple_of(7)
}

/// In bytes.
fn size_of_value(key: u64) -> u64 {
    key * 10
}

/// A cache, its clock, and a separate log of the events.
struct Day {
    cache: Cached<u64, u64, &'static str>,
    hands: ManualClock,
    /// The outcome and the duration of the next load.
    script: Arc<Mutex<(LoadOutcome, Duration)>>,
    now: Duration,
    stored_at: HashMap<u64, Duration>,
    /// The reason why each missing key would miss.
    left: HashMap<u64, MissReason>,
    log: Vec<Event>,
}

impl Day {
    fn new() -> Self {
        let (clock, hands) = Clock::manual();
        let script = Arc::new(Mutex::new((LoadOutcome::Loaded, Duration::ZERO)));
        let (read, moves) = (Arc::clone(&script), hands.clone());
        let load = move |key: u64| {
            let ((outcome, took), moves) = (*read.lock().expect("no panic"), moves.clone());
            async move {
                moves.advance(took);
                if outcome == LoadOutcome::Loaded { Ok(key) } else { Err("on purpose") }
            }
        };
        let cache = try_cached("windows", load)
            .stale_after(FRESH_FOR)
            .cache_if(|key| is_kept(*key))
            .entry_size(|key| usize::try_from(size_of_value(*key)).expect("small"))
            .clock(clock)
            .build();
        Self {
            cache,
            hands,
            script,
            now: Duration::ZERO,
            stored_at: HashMap::new(),
            left: HashMap::new(),
            log: Vec::new(),
        }
    }

    fn advance(&mut self, by: Duration) {
        self.hands.advance(by);
        self.now += by;
    }

    fn call(&mut self, key: u64, outcome: LoadOutcome, took: Duration) {
        *self.script.lock().expect("no panic") = (outcome, took);
        let answer = self.cache.try_call(key).now_or_never().expect("loads are ready");
        assert!(answer.is_err() || answer == Ok(key));
        let before = self.stored_at.get(&key).copied();
        if self.is_fresh(key) {
            return self.note_result(RequestResult::Hit);
        }
        self.now += took;
        let loaded = outcome == LoadOutcome::Loaded;
        let absent = || self.left.get(&key).copied().unwrap_or(MissReason::Cold);
        let ending = RequestOutcome::miss(if before.is_some() { MissReason::Expired } else { absent() });
        let ending = if loaded { ending } else { ending.with_failure(Failure::Error) };
        let reloaded = before.filter(|_| loaded).map(|before| self.now - before - FRESH_FOR);
        let kept = loaded && is_kept(key);
        if kept {
            self.stored_at.insert(key, self.now);
        } else if loaded {
            self.left.insert(key, MissReason::Rejected);
        }
        self.log.push(Event {
            at: self.now,
            ending: Some(ending),
            load: Some((outcome, took)),
            stored: kept.then_some(before.is_some()),
            size: kept.then(|| size_of_value(key)),
            refused: loaded && !kept,
            reloaded,
            invalidated: None,
        });
    }

    fn look(&mut self, key: u64) {
        let fresh = self.is_fresh(key);
        assert_eq!(self.cache.get_if_present(&key), fresh.then_some(key));
        self.note_result(if fresh { RequestResult::Hit } else { RequestResult::Absent });
    }

    fn invalidate(&mut self, key: u64) {
        self.cache.invalidate(&key);
        let invalidated = Some(self.stored_at.remove(&key).is_some());
        if invalidated == Some(true) {
            self.left.insert(key, MissReason::Invalidated);
        }
        self.log.push(Event { at: self.now, invalidated, ..Event::default() });
    }

    fn is_fresh(&self, key: u64) -> bool {
        self.stored_at.get(&key).is_some_and(|stored_at| self.now < *stored_at + FRESH_FOR)
    }

    fn note_result(&mut self, result: RequestResult) {
        self.log.push(Event { at: self.now, ending: Some(RequestOutcome::new(result)), ..Event::default() });
    }

    /// Compares every field of a window with the log of the time it covers.
    fn check(&self, window: Window) {
        let stats = self.cache.metrics().window(window);
        let covers = stats.covers();
        assert!(covers >= window.duration().min(self.now), "{window:?} covers {covers:?} of {:?}", self.now);
        let since: Vec<&Event> = self.log.iter().filter(|event| event.at > self.now - covers).collect();
        let count = |matches: &dyn Fn(&Event) -> bool| since.iter().filter(|event| matches(event)).count() as u64;

        let requests = count(&|event| event.ending.is_some());
        assert_eq!((stats.requests(), stats.in_flight()), (requests, 0), "{window:?} {covers:?}");
        for ending in RequestOutcome::all(true) {
            assert_eq!(stats.ended(ending), count(&|event| event.ending == Some(ending)), "{window:?} {ending:?}");
        }
        for outcome in LoadOutcome::ALL {
            let ended_so = |event: &Event| event.load.is_some_and(|(ended, _)| ended == outcome);
            assert_eq!(stats.loads(outcome), count(&ended_so), "{window:?} {outcome:?}");
        }
        assert_eq!(stats.evictions(EvictionReason::Replaced), count(&|event| event.stored == Some(true)));
        assert_eq!(stats.evictions(EvictionReason::Invalidated), count(&|event| event.invalidated == Some(true)));
        assert_eq!(stats.evictions(EvictionReason::Size) + stats.evictions(EvictionReason::Expired), 0);
        assert_eq!(stats.operation(Operation::Remove).count(), count(&|event| event.invalidated.is_some()));
        assert_eq!(stats.operation(Operation::Clear).count(), 0);
        assert_eq!(stats.rejections(RejectionReason::Refused), count(&|event| event.refused));
        assert_eq!(stats.rejections(RejectionReason::TooLarge), 0);
        let failed = |event: &Event| event.load.is_some_and(|(outcome, _)| outcome == LoadOutcome::Failed);
        assert_eq!((stats.failures(Failure::Error), stats.failures(Failure::Panic)), (count(&failed), 0));
        let sizes: Vec<u64> = since.iter().filter_map(|event| event.size).collect();
        let counted = (stats.entry_size().count(), stats.entry_size().sum(), stats.entry_size().max());
        assert_eq!(counted, (sizes.len() as u64, sizes.iter().sum(), sizes.iter().copied().max().unwrap_or_default()));
        for outcome in WaitOutcome::ALL {
            assert_eq!((stats.waits(outcome), stats.wait_duration(outcome).count()), (0, 0), "{outcome:?}");
        }
        assert_eq!(stats.operation(Operation::Put).count(), count(&|event| event.stored.is_some()));
        let loads: Vec<Duration> = since.iter().filter_map(|event| Some(event.load?.1)).collect();
        same(stats.load_duration_by(LoadTrigger::Miss), loads.clone());
        // By this clock only the load of a request takes time.
        same(stats.latency(RequestResult::Miss), loads);
        same(stats.stale_age(StaleEvent::Reloaded), since.iter().filter_map(|event| event.reloaded).collect());
        let hits = count(&|event| event.ending == Some(RequestOutcome::new(RequestResult::Hit)));
        assert!(stats.latency(RequestResult::Hit).count() <= hits);
        let rate = (requests > 0).then(|| hits as f64 / requests as f64);
        assert_eq!((stats.hit_rate(), stats.fresh_hit_rate()), (rate, rate));
        let a_second = if covers.is_zero() { 0.0 } else { requests as f64 / covers.as_secs_f64() };
        assert!((stats.per_second().requests - a_second).abs() < 1e-9);
        assert_eq!(stats.usage().entries, self.stored_at.len() as u64);
    }
}

/// Checks that count, sum and maximum are exact, and quantiles within the histogram's error.
fn same(counted: &Durations, mut logged: Vec<Duration>) {
    logged.sort_unstable();
    let sum = logged.iter().sum::<Duration>();
    assert_eq!((counted.count(), counted.sum()), (logged.len() as u64, sum));
    assert_eq!(counted.max(), logged.last().copied().unwrap_or_default());
    for q in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0].into_iter().filter(|_| !logged.is_empty()) {
        let rank = ((q * logged.len() as f64).ceil() as usize).max(1);
        let exact = logged[rank - 1].as_nanos() as f64;
        let quantile = counted.quantile(q).expect("not empty").as_nanos() as f64;
        assert!((quantile - exact).abs() <= exact * 0.0625 + 1.0, "q {q}: {quantile} for {exact}");
    }
}

#[test]
fn windows_of_a_day_agree_with_a_log_of_every_event() {
    let mut random = StdRng::seed_from_u64(7);
    let mut day = Day::new();
    while day.now < DAY + DAY / 4 {
        // Quiet, busy, or no event for up to a few hours, as on a suspended laptop.
        let events = match random.random_range(0..100) {
            0..90 => 0,
            90..98 => random.random_range(1..4),
            _ => random.random_range(50..200),
        };
        for _ in 0..events {
            day.advance(Duration::from_nanos(random.random_range(1_000_000..9_000_000)));
            let outcome = if random.random_range(0..5) == 0 { LoadOutcome::Failed } else { LoadOutcome::Loaded };
            let took = Duration::from_nanos(10_u64.pow(random.random_range(0..7)) * random.random_range(1..10));
            let key = random.random_range(0..300);
            match random.random_range(0..20) {
                0 => day.look(key),
                1 => day.invalidate(key),
                _ => day.call(key, outcome, took),
            }
        }
        if events > 0 && random.random_range(0..20) == 0 {
            let last = SECOND * random.random_range(0..100_000);
            [Window::Minute, Window::Hour, Window::Day, last.into()].into_iter().for_each(|window| day.check(window));
        }
        let steps = if random.random_range(0..2_000) == 0 { random.random_range(100..1_500) } else { 1 };
        let into_step = Duration::from_nanos((day.now.as_nanos() % STEP.as_nanos()) as u64);
        day.advance(STEP * steps - into_step);
        // Ends the slice here, in case the maintenance thread hasn't yet.
        assert_eq!(day.cache.metrics().window(Duration::ZERO).requests(), 0);
    }
    assert!(day.log.len() > 10_000, "{} events", day.log.len());
    let whole = day.cache.metrics().stats();
    let requests = day.log.iter().filter(|event| event.ending.is_some()).count() as u64;
    assert_eq!((whole.requests(), whole.covers()), (requests, day.now));
}
