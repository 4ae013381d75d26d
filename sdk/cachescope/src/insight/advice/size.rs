//! Whether the store has the right size.

use std::time::Duration;

use super::evidence::share;
use super::wording::{count, literal, percent, room};
use super::{Advice, Evidence, Gain, Rule};
use crate::insight::{Curve, CurvePoint};

/// What twice the size must bring. A point of hit rate is within what days differ by; three are seen in a graph.
const STEEP: f64 = 0.03;
/// How many times steeper a curve must be that isn't of the store's own policy, and may be off by some points.
const APPROXIMATE: f64 = 2.0;
/// The smallest size that brings so much of what the best would is advised: the rest would cost as much again.
pub(super) const MOST: f64 = 0.6;
/// What less room, or less time, may cost at most: nobody sees a fifth of a point.
const FLAT: f64 = 0.002;
/// And of how many more loads: where nearly all is hit, a fifth of a point may double them.
const FEW_MORE_MISSES: f64 = 0.1;
/// From where on a store is full: its policy keeps some room, and counts late.
const FULL: f64 = 0.9;
/// Limits that are worth a change before they are reached, as they will be: some 64 MiB, an entry taking 640 bytes.
const LARGE_BYTES: u64 = 64 << 20;
const LARGE_ENTRIES: u64 = 100_000;
/// How long a store that isn't full must have been watched: nearly all of an hour's window, whose ends are rough.
const LONG: Duration = Duration::from_secs(50 * 60);

pub(super) fn too_small(evidence: &Evidence<'_>) -> Option<Advice> {
    let curve = evidence.curve?;
    let now = present(curve).filter(|now| now.settled)?;
    evidence.mean_load()?;
    let gain = |point: &CurvePoint| point.hit_rate - now.hit_rate;
    let enough = if curve.own_policy { STEEP } else { STEEP * APPROXIMATE };
    let is_steep = |point: &&CurvePoint| {
        point.settled
            && point.multiple > 1.0
            && gain(point) >= enough * point.multiple.log2()
            && gain(point) > point.margin
    };
    let steep = || curve.points.iter().filter(is_steep);
    let best = steep().map(gain).fold(0.0, f64::max);
    let chosen = steep().filter(|point| gain(point) >= MOST * best).min_by(|a, b| a.multiple.total_cmp(&b.multiple))?;
    let (from, to) = (curve.hit_rate, (curve.hit_rate + gain(chosen)).min(1.0));
    let (larger, step) = (room(chosen.capacity, curve.in_bytes), store_step(evidence, curve, chosen.capacity));
    Some(Advice {
        rule: Rule::TooSmall,
        action: format!(
            "Give the store in memory room for {larger}{step}: the hit rate would rise from {} to {}",
            percent(from),
            percent(to)
        ),
        evidence: format!("room for {} now; {}", room(curve.capacity, curve.in_bytes), source(curve, chosen)),
        gain: Gain::HitRate { from, to },
    })
}

pub(super) fn too_large(evidence: &Evidence<'_>) -> Option<Advice> {
    let curve = evidence.curve?;
    let now = present(curve)?;
    let (held, large) = if curve.in_bytes { (evidence.bytes?, LARGE_BYTES) } else { (evidence.entries, LARGE_ENTRIES) };
    let is_full = now.settled && share(held, curve.capacity) >= FULL;
    let will_be_large = curve.capacity >= large && evidence.covers >= LONG;
    // Before a cliff it is flat as well.
    if (!is_full && !will_be_large) || too_small(evidence).is_some() {
        return None;
    }
    let is_flat = |point: &&CurvePoint| {
        // Less room than is filled, or nothing is gained; and known as well as it is to be small.
        point.settled
            && (0.25..=0.5).contains(&point.multiple)
            && point.capacity < held
            && point.margin <= bearable(now.hit_rate)
            && costs_nothing(now.hit_rate, point.hit_rate)
    };
    let chosen = curve.points.iter().filter(is_flat).min_by(|a, b| a.multiple.total_cmp(&b.multiple))?;
    let smaller = room(chosen.capacity, curve.in_bytes);
    let with = (curve.hit_rate + chosen.hit_rate - now.hit_rate).clamp(0.0, 1.0);
    Some(Advice {
        rule: Rule::TooLarge,
        action: format!(
            "Give the store in memory room for no more than {smaller}{}: the hit rate would stay what it is",
            store_step(evidence, curve, chosen.capacity)
        ),
        evidence: format!(
            "{} expected, {} with room for {} now; {}",
            percent(with),
            percent(curve.hit_rate),
            room(curve.capacity, curve.in_bytes),
            source(curve, chosen)
        ),
        gain: Gain::Memory { from: held, to: chosen.capacity, in_bytes: curve.in_bytes },
    })
}

/// Whether going from one hit rate to the other is nothing to whoever asks, and little to whoever is loaded from.
pub(super) fn costs_nothing(from: f64, to: f64) -> bool {
    from - to <= bearable(from)
}

/// What may be lost of a hit rate.
fn bearable(hit_rate: f64) -> f64 {
    ((1.0 - hit_rate) * FEW_MORE_MISSES).min(FLAT)
}

/// The point of the size that the store has.
fn present(curve: &Curve) -> Option<&CurvePoint> {
    curve.points.iter().find(|point| (point.multiple - 1.0).abs() < 1e-6)
}

/// How one says so to the builder; nothing where we don't know the store.
fn store_step(evidence: &Evidence<'_>, curve: &Curve, capacity: u64) -> String {
    let store = match evidence.store {
        "moka" => "Moka",
        "quick_cache" => "QuickCache",
        _ => return String::new(),
    };
    let capacity = literal(capacity);
    let made = if curve.in_bytes {
        format!("{store}::with_byte_limit({capacity}, …)")
    } else {
        format!("{store}::with_capacity({capacity})")
    };
    // Before a shared store it is one of two that make the store.
    if evidence.shared.is_some() { format!(", with {made}") } else { format!(", with .store({made})") }
}

/// How one knows.
fn source(curve: &Curve, point: &CurvePoint) -> String {
    let policy = if curve.own_policy { "the store's own policy" } else { "LRU, which may be some points off" };
    format!("{} sampled requests simulated with {policy}, ± {:.1} points", count(curve.samples), point.margin * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{curve, healthy, shared};
    use super::*;

    fn with(curve: &Curve) -> Evidence<'_> {
        Evidence { curve: Some(curve), ..healthy() }
    }

    fn said(advice: Option<Advice>) -> String {
        advice.map(|advice| advice.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_steep_curve_asks_for_more_room() {
        let steep = curve([0.40, 0.50, 0.60, 0.70, 0.72, 0.73]);
        let advice = too_small(&with(&steep)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Give the store in memory room for 20,000 entries, with .store(Moka::with_capacity(20_000)): the hit rate \
             would rise from 60.0 % to 70.0 % (room for 10,000 entries now; 20,000 sampled requests simulated with the \
             store's own policy, ± 0.1 points)."
        );
        assert!(matches!(advice.gain, Gain::HitRate { from, to } if from == 0.60 && (to - 0.70).abs() < 1e-9));
    }

    #[test]
    fn a_cliff_further_off_is_seen_and_its_foot_is_not_advised() {
        // A loop over 30,000 keys: nothing helps that doesn't hold all of it.
        let cliff = curve([0.0, 0.0, 0.01, 0.02, 0.95, 0.95]);
        assert!(said(too_small(&with(&cliff))).contains("40,000 entries"));
        assert_eq!(too_large(&with(&curve([0.01, 0.01, 0.01, 0.02, 0.95, 0.95]))), None, "one or the other");
        // A straight line: 60 % of what 8 times the room would bring, 4 times do.
        let line = curve([0.30, 0.35, 0.40, 0.45, 0.50, 0.55]);
        assert!(said(too_small(&with(&line))).contains("40,000 entries"));
    }

    #[test]
    fn what_is_not_sure_is_not_said() {
        let mut steep = curve([0.40, 0.50, 0.60, 0.64, 0.64, 0.64]);
        assert!(too_small(&with(&steep)).is_some());
        steep.points[3].margin = 0.05;
        assert_eq!(too_small(&with(&steep)), None, "within the margin");
        steep.points[3].margin = 0.001;
        steep.points[3].settled = false;
        assert_eq!(too_small(&with(&steep)), None, "still filling");
        let mut other = curve([0.40, 0.50, 0.60, 0.65, 0.65, 0.65]);
        assert!(too_small(&with(&other)).is_some());
        other.own_policy = false;
        assert_eq!(too_small(&with(&other)), None, "another policy's");
        let slow = curve([0.40, 0.50, 0.60, 0.629, 0.65, 0.68]);
        assert_eq!(too_small(&with(&slow)), None, "less than 3 points each time it doubles");
    }

    #[test]
    fn a_flat_curve_asks_for_less_room() {
        let mut flat = curve([0.700, 0.801, 0.802, 0.803, 0.803, 0.803]);
        let advice = too_large(&with(&flat)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Give the store in memory room for no more than 5,000 entries, with .store(Moka::with_capacity(5_000)): \
             the hit rate would stay what it is (80.1 % expected, 80.2 % with room for 10,000 entries now; 20,000 \
             sampled requests simulated with the store's own policy, ± 0.1 points)."
        );
        assert_eq!(advice.gain, Gain::Memory { from: 9_500, to: 5_000, in_bytes: false });
        flat.points[0].hit_rate = 0.801;
        assert!(said(too_large(&with(&flat))).contains("2,500 entries"), "the smallest that costs nothing");
    }

    #[test]
    fn a_store_that_is_not_full_is_left_alone_unless_it_may_grow_large() {
        let flat = curve([0.801, 0.801, 0.802, 0.802, 0.802, 0.802]);
        let half_full = Evidence { entries: 6_000, ..with(&flat) };
        assert_eq!(too_large(&half_full), None);
        let mut large = flat;
        (large.capacity, large.in_bytes, large.own_policy) = (1 << 30, true, false);
        large.points.iter_mut().for_each(|point| point.capacity = ((1_u64 << 30) as f64 * point.multiple) as u64);
        let hour = Evidence { bytes: Some(3 << 28), store: "quick_cache", ..with(&large) };
        assert!(said(too_large(&hour)).contains("256 MiB, with .store(QuickCache::with_byte_limit(256 << 20, …)):"));
        assert!(said(too_large(&hour)).contains("simulated with LRU"));
        assert_eq!(too_large(&Evidence { covers: Duration::from_secs(600), ..hour.clone() }), None);
        assert_eq!(too_large(&Evidence { bytes: Some(1 << 28), ..hour }), None, "it holds no more as it is");
    }

    #[test]
    fn a_fifth_of_a_point_is_much_where_nearly_all_is_hit() {
        assert!(costs_nothing(0.80, 0.7985) && costs_nothing(0.80, 0.81));
        assert!(!costs_nothing(0.80, 0.797) && !costs_nothing(0.999, 0.998));
        let mut flat = curve([0.900, 0.998, 0.999, 0.999, 0.999, 0.999]);
        flat.points[1].margin = 0.000_1;
        assert_eq!(too_large(&with(&flat)), None, "twice the loads");
        flat.points[1].hit_rate = 0.999;
        assert!(too_large(&with(&flat)).is_some());
        flat.points[1].margin = 0.000_5;
        assert_eq!(too_large(&with(&flat)), None, "it may still be half as many more");
    }

    #[test]
    fn before_a_shared_store_there_is_a_store_in_memory() {
        let steep = curve([0.40, 0.50, 0.60, 0.70, 0.72, 0.73]);
        let tiered = Evidence { shared: Some(shared()), ..with(&steep) };
        assert!(said(too_small(&tiered)).contains("20,000 entries, with Moka::with_capacity(20_000):"));
        let other = Evidence { store: "mine", ..tiered };
        assert!(said(too_small(&other)).contains("20,000 entries: the hit rate"));
    }
}
