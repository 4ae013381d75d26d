//! Rules about the capacity of the store.

use std::time::Duration;

use crate::insight::advice::evidence::share;
use crate::insight::advice::wording::{count, format_capacity, literal, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::insight::{HitRateCurve, HitRatePoint};

/// The increase of the hit rate that a doubled capacity must bring. One point is less than the difference between days;
/// three points are visible in a graph.
const STEEP: f64 = 0.03;
/// The factor by which a curve must be steeper if it isn't of the store's own policy, and may be off by some points.
const APPROXIMATE: f64 = 2.0;
/// The share of the best improvement that the advised capacity must reach. The smallest such capacity is advised, since
/// the rest would cost as much again.
pub(crate) const MOST: f64 = 0.6;
/// The decrease of the hit rate that a lower capacity or a shorter TTL may cost: 0.2 points are not noticeable.
const FLAT: f64 = 0.002;
/// The increase of loads that it may cost: at a very high hit rate, 0.2 points may double the loads.
const FEW_MORE_MISSES: f64 = 0.1;
/// The usage from which a store counts as full. Its policy keeps some capacity free, and counts late.
const FULL: f64 = 0.9;
/// The limits from which a lower limit is advised before the store is full: 64 MiB, or as many entries of 640 bytes.
const LARGE_BYTES: u64 = 64 << 20;
const LARGE_ENTRIES: u64 = 100_000;
/// The time for which a store that isn't full must have been observed: nearly the whole window of an hour.
const LONG: Duration = Duration::from_secs(50 * 60);

pub(crate) fn too_small(evidence: &Evidence<'_>) -> Option<Advice> {
    let curve = evidence.curve?;
    let now = present(curve).filter(|now| now.settled)?;
    evidence.mean_load()?;
    let gain = |point: &HitRatePoint| point.hit_rate - now.hit_rate;
    let enough = if curve.own_policy { STEEP } else { STEEP * APPROXIMATE };
    let is_steep = |point: &&HitRatePoint| {
        point.settled
            && point.multiple > 1.0
            && gain(point) >= enough * point.multiple.log2()
            && gain(point) > point.margin
    };
    let steep = || curve.points.iter().filter(is_steep);
    let best = steep().map(gain).fold(0.0, f64::max);
    let chosen = steep().filter(|point| gain(point) >= MOST * best).min_by(|a, b| a.multiple.total_cmp(&b.multiple))?;
    let (from, to) = (curve.hit_rate, (curve.hit_rate + gain(chosen)).min(1.0));
    let (larger, step) =
        (format_capacity(chosen.capacity, curve.in_bytes), store_step(evidence, curve, chosen.capacity));
    Some(Advice {
        rule: Rule::TooSmall,
        action: format!(
            "Increase the capacity of the store in memory to {larger}{step}: the hit rate would rise from {} to \
            {}",
            percent(from),
            percent(to)
        ),
        evidence: format!(
            "the capacity is {} now; {}",
            format_capacity(curve.capacity, curve.in_bytes),
            source(curve, chosen)
        ),
        impact: Impact::HitRate { from, to },
    })
}

pub(crate) fn too_large(evidence: &Evidence<'_>) -> Option<Advice> {
    let curve = evidence.curve?;
    let now = present(curve)?;
    let (held, large) = if curve.in_bytes { (evidence.bytes?, LARGE_BYTES) } else { (evidence.entries, LARGE_ENTRIES) };
    let is_full = now.settled && share(held, curve.capacity) >= FULL;
    let will_be_large = curve.capacity >= large && evidence.period >= LONG;
    // Below a cliff the curve is flat as well.
    if (!is_full && !will_be_large) || too_small(evidence).is_some() {
        return None;
    }
    let is_flat = |point: &&HitRatePoint| {
        // The capacity must be less than is in use, or nothing is saved; and the margin must be as small as the loss.
        point.settled
            && (0.25..=0.5).contains(&point.multiple)
            && point.capacity < held
            && point.margin <= bearable(now.hit_rate)
            && costs_nothing(now.hit_rate, point.hit_rate)
    };
    let chosen = curve.points.iter().filter(is_flat).min_by(|a, b| a.multiple.total_cmp(&b.multiple))?;
    let smaller = format_capacity(chosen.capacity, curve.in_bytes);
    let with = (curve.hit_rate + chosen.hit_rate - now.hit_rate).clamp(0.0, 1.0);
    Some(Advice {
        rule: Rule::TooLarge,
        action: format!(
            "Reduce the capacity of the store in memory to {smaller}{}: the hit rate would stay the same",
            store_step(evidence, curve, chosen.capacity)
        ),
        evidence: format!(
            "{} expected, {} with {} now; {}",
            percent(with),
            percent(curve.hit_rate),
            format_capacity(curve.capacity, curve.in_bytes),
            source(curve, chosen)
        ),
        impact: Impact::Memory { from: held, to: chosen.capacity, in_bytes: curve.in_bytes },
    })
}

/// Returns whether the change of the hit rate is negligible, for callers and for the source of loads.
pub(crate) fn costs_nothing(from: f64, to: f64) -> bool {
    from - to <= bearable(from)
}

/// Returns the decrease of this hit rate that is negligible.
fn bearable(hit_rate: f64) -> f64 {
    ((1.0 - hit_rate) * FEW_MORE_MISSES).min(FLAT)
}

/// Returns the point of the present capacity.
fn present(curve: &HitRateCurve) -> Option<&HitRatePoint> {
    curve.points.iter().find(|point| (point.multiple - 1.0).abs() < 1e-6)
}

/// Returns the builder call that sets the capacity. Empty for an unknown kind of store.
fn store_step(evidence: &Evidence<'_>, curve: &HitRateCurve, capacity: u64) -> String {
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
    // A tiered store is built from two stores, so there is no `.store(..)`.
    if evidence.shared.is_some() { format!(", with {made}") } else { format!(", with .store({made})") }
}

/// Returns the method that produced the curve.
fn source(curve: &HitRateCurve, point: &HitRatePoint) -> String {
    let policy = if curve.own_policy { "the store's own policy" } else { "LRU, which may be off by some points" };
    format!("{} sampled requests simulated with {policy}, ± {:.1} points", count(curve.samples), point.margin * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::advice::tests::{curve, healthy, shared};

    fn with(curve: &HitRateCurve) -> Evidence<'_> {
        Evidence { curve: Some(curve), ..healthy() }
    }

    fn said(advice: Option<Advice>) -> String {
        advice.map(|advice| advice.to_string()).unwrap_or_default()
    }

    #[test]
    fn too_small_advises_more_capacity_for_a_steep_curve() {
        let steep = curve([0.40, 0.50, 0.60, 0.70, 0.72, 0.73]);
        let advice = too_small(&with(&steep)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Increase the capacity of the store in memory to 20,000 entries, with \
            .store(Moka::with_capacity(20_000)): the hit rate would rise from 60.0 % to 70.0 % (the capacity is \
            10,000 entries now; 20,000 sampled requests simulated with the store's own policy, ± 0.1 points)."
        );
        assert!(matches!(advice.impact, Impact::HitRate { from, to } if from == 0.60 && (to - 0.70).abs() < 1e-9));
    }

    #[test]
    fn too_small_finds_a_distant_cliff_and_skips_the_flat_part_before_it() {
        // A loop over 30,000 keys: only a store that holds all of them helps.
        let cliff = curve([0.0, 0.0, 0.01, 0.02, 0.95, 0.95]);
        assert!(said(too_small(&with(&cliff))).contains("40,000 entries"));
        assert_eq!(too_large(&with(&curve([0.01, 0.01, 0.01, 0.02, 0.95, 0.95]))), None, "one or the other");
        // A straight line: four times the capacity reaches 60 % of what eight times would bring.
        let line = curve([0.30, 0.35, 0.40, 0.45, 0.50, 0.55]);
        assert!(said(too_small(&with(&line))).contains("40,000 entries"));
    }

    #[test]
    fn too_small_is_silent_when_the_curve_is_uncertain() {
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
    fn too_large_advises_less_capacity_for_a_flat_curve() {
        let mut flat = curve([0.700, 0.801, 0.802, 0.803, 0.803, 0.803]);
        let advice = too_large(&with(&flat)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Reduce the capacity of the store in memory to 5,000 entries, with \
            .store(Moka::with_capacity(5_000)): the hit rate would stay the same (80.1 % expected, 80.2 % with \
            10,000 entries now; 20,000 sampled requests simulated with the store's own policy, ± 0.1 points)."
        );
        assert_eq!(advice.impact, Impact::Memory { from: 9_500, to: 5_000, in_bytes: false });
        flat.points[0].hit_rate = 0.801;
        assert!(said(too_large(&with(&flat))).contains("2,500 entries"), "the smallest that costs nothing");
    }

    #[test]
    fn too_large_ignores_a_store_that_is_not_full_unless_its_limit_is_large() {
        let flat = curve([0.801, 0.801, 0.802, 0.802, 0.802, 0.802]);
        let half_full = Evidence { entries: 6_000, ..with(&flat) };
        assert_eq!(too_large(&half_full), None);
        let mut large = flat;
        (large.capacity, large.in_bytes, large.own_policy) = (1 << 30, true, false);
        large.points.iter_mut().for_each(|point| point.capacity = ((1_u64 << 30) as f64 * point.multiple) as u64);
        let hour = Evidence { bytes: Some(3 << 28), store: "quick_cache", ..with(&large) };
        assert!(said(too_large(&hour)).contains("256 MiB, with .store(QuickCache::with_byte_limit(256 << 20, …)):"));
        assert!(said(too_large(&hour)).contains("simulated with LRU"));
        assert_eq!(too_large(&Evidence { period: Duration::from_secs(600), ..hour.clone() }), None);
        assert_eq!(too_large(&Evidence { bytes: Some(1 << 28), ..hour }), None, "it holds no more as it is");
    }

    #[test]
    fn costs_nothing_is_stricter_at_very_high_hit_rates() {
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
    fn too_small_names_the_builder_call_for_tiered_and_unknown_stores() {
        let steep = curve([0.40, 0.50, 0.60, 0.70, 0.72, 0.73]);
        let tiered = Evidence { shared: Some(shared()), ..with(&steep) };
        assert!(said(too_small(&tiered)).contains("20,000 entries, with Moka::with_capacity(20_000):"));
        let other = Evidence { store: "mine", ..tiered };
        assert!(said(too_small(&other)).contains("20,000 entries: the hit rate"));
    }
}
