//! Tests.

use super::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 315_360_000 * SECOND;
const MINUTE: Duration = Duration::from_secs(60);

fn hash(key: u64) -> u64 {
    let mixed = (key ^ key << 40).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ (mixed >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB)
}

fn record(keys: &mut KeyStatistics, key: u64, millis: u64, what: KeyEvent) {
    let at = Timestamp::from_nanos(START + millis * SECOND / 1000);
    keys.record(&SampledEvent { hash: hash(key), at, event: what });
}

fn hit(age: Duration) -> KeyEvent {
    KeyEvent::Hit { age, weight: 1 }
}

const COLD: KeyEvent = KeyEvent::LoadedAbsent { weight: 1 };
const EXPIRED: KeyEvent = KeyEvent::LoadedExpired { weight: 1 };

/// Returns the statistics of an unbounded cache, and its hit rate. Entries have this TTL, and a key is requested every
/// 10 ms. `missed` decides which events aren't observed.
fn run(ttl: Duration, modulus: u64, mut missed: impl FnMut(u64, &mut KeyStatistics) -> bool) -> (KeyStatistics, f64) {
    let (mut keys, mut stored, mut hits) = (KeyStatistics::new(Some(ttl)), vec![None; modulus as usize], 0);
    for n in 0..300_000_u64 {
        // Keys with low numbers are more frequent.
        let key = (hash(n + 1) >> 20) % modulus * (hash(n + 7) >> 33) % modulus;
        let held = &mut stored[key as usize];
        let age = held.map(|stored| Duration::from_millis(10 * (n - stored)));
        let what = match age {
            Some(age) if age < ttl => hit(age),
            _ => {
                if held.is_some() {
                    EXPIRED
                } else {
                    COLD
                }
            }
        };
        match what {
            KeyEvent::Hit { .. } => hits += 1,
            _ => *held = Some(n),
        }
        if !missed(n, &mut keys) {
            record(&mut keys, key, 10 * n, what);
        }
    }
    (keys, hits as f64 / 300_000.0)
}

fn errors(keys: &KeyStatistics, hit_rate: f64, ttl: Duration, modulus: u64) -> f64 {
    let ttl_curve = keys.ttl_curve(hit_rate).unwrap();
    let error = |(num, den): (u32, u32)| {
        let real = run(ttl * num / den, modulus, |_, _| true).1;
        (ttl_curve.hit_rate_with_ttl(ttl * num / den).unwrap() - real).abs()
    };
    [(1, 4), (1, 2), (2, 1), (3, 1), (4, 1)].map(error).into_iter().fold(0.0, f64::max)
}

#[test]
fn ttl_curve_predicts_hit_rates_at_other_ttls() {
    let (keys, hit_rate) = run(MINUTE, 3000, |_, _| false);
    assert!(errors(&keys, hit_rate, MINUTE, 3000) < 0.005, "{}", errors(&keys, hit_rate, MINUTE, 3000));
    let (keys, hit_rate) = run(MINUTE, 30_000, |_, _| false);
    assert!(keys.threshold() < u64::MAX / 4);
    assert!(errors(&keys, hit_rate, MINUTE, 30_000) < 0.02, "{}", errors(&keys, hit_rate, MINUTE, 30_000));
    assert!(keys.memory() < 74 << 10, "{}", keys.memory());
}

#[test]
fn ttl_curve_stays_accurate_with_gaps() {
    let (keys, hit_rate) = run(MINUTE, 3000, |n, keys| {
        if n % 60_000 == 50_000 {
            keys.pause();
        }
        n % 60_000 >= 50_000
    });
    assert!(errors(&keys, hit_rate, MINUTE, 3000) < 0.03, "{}", errors(&keys, hit_rate, MINUTE, 3000));
}

#[test]
fn evicted_entry_is_missing_at_all_ttls_and_swept_entry_only_at_shorter_ones() {
    let mut keys = KeyStatistics::new(Some(MINUTE));
    for (millis, what) in
        [(0, COLD), (61_000, COLD), (122_000, KeyEvent::Evicted(EvictionReason::Expired)), (123_000, COLD)]
    {
        (0..2000).for_each(|n| record(&mut keys, n, millis, what));
    }
    let ttl_curve = keys.ttl_curve(0.0).unwrap();
    let rates: Vec<_> = ttl_curve.points.iter().map(|point| (point.hit_rate * 100.0).round()).collect();
    assert_eq!(rates, [0.0, 0.0, 0.0, 33.0, 33.0]);
    assert_eq!((ttl_curve.keys, ttl_curve.ttl), (2000, Some(MINUTE)));
}

#[test]
fn inserted_value_is_in_all_candidates_and_refreshed_value_only_in_the_cache() {
    for (refreshed, quarter) in [(true, 0.0), (false, 50.0)] {
        let mut keys = KeyStatistics::new(Some(MINUTE));
        (0..1000).for_each(|n| record(&mut keys, n, 0, COLD));
        if refreshed {
            (0..1000).for_each(|n| record(&mut keys, n, 20_000, KeyEvent::Refreshed { weight: 1 }));
        }
        (0..1000).for_each(|n| record(&mut keys, n, 30_000, hit(Duration::from_secs(10))));
        let rate = keys.ttl_curve(0.5).unwrap().points[0].hit_rate * 100.0;
        assert!((rate - quarter).abs() < 0.1, "{rate}");
    }
}

#[test]
fn unread_values_are_reported_as_wasted_loads() {
    let mut keys = KeyStatistics::new(Some(MINUTE));
    let at = |secs: u64| Timestamp::from_nanos(START + secs * SECOND);
    (0..4).for_each(|n| record(&mut keys, n, 0, COLD));
    assert_eq!(keys.wasted_loads(4, at(1)), None);
    record(&mut keys, 0, 1000, hit(Duration::from_secs(1)));
    // Of four expired values one was read. Of two values loaded in the background one was read.
    let wasted = keys.wasted_loads(4, at(100)).unwrap();
    assert_eq!((wasted.loads, wasted.unread, wasted.unread_refreshes), (4, 0.75, 0.0));
    (0..2).for_each(|n| record(&mut keys, n, 50_000, KeyEvent::Refreshed { weight: 1 }));
    record(&mut keys, 1, 51_000, hit(Duration::from_secs(1)));
    (0..2).for_each(|n| record(&mut keys, n, 52_000, KeyEvent::Evicted(EvictionReason::Size)));
    let wasted = keys.wasted_loads(6, at(100)).unwrap();
    assert_eq!((wasted.unread, wasted.unread_refreshes), (0.75, 0.5));
}

#[test]
fn working_set_counts_requested_keys() {
    let mut keys = KeyStatistics::new(None);
    (0..100).for_each(|n| record(&mut keys, n, n * 1000, COLD));
    let now = Timestamp::from_nanos(START + 99 * SECOND);
    assert_eq!(keys.working_set(Duration::from_millis(9500), now), Some(10));
    assert_eq!(keys.working_set(MINUTE * 60, now), Some(100));
    assert_eq!(keys.working_set(MINUTE * 61, now), None);
}

#[test]
fn old_requests_count_less() {
    let mut keys = KeyStatistics::new(None);
    (0..20_000).for_each(|n| record(&mut keys, n % 100, n, EXPIRED));
    (0..20_000).for_each(|n| record(&mut keys, n % 100, 4_000_000 + n, hit(Duration::from_millis(n))));
    assert!((keys.tally.counted() - 20_000.0).abs() < 10_001.0, "{}", keys.tally.counted());
}
