//! Rules about the TTL of values.

use std::time::Duration;

use super::size::{MOST, costs_nothing};
use crate::insight::advice::evidence::ENOUGH_LOADS;
use crate::insight::advice::wording::{code, count, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::insight::{TtlCurve, TtlPoint};
use crate::metrics::format::format_time;

/// The increase of the hit rate that a longer TTL must bring, as for a larger capacity.
const WORTHWHILE: f64 = 0.03;
/// The number of sampled keys from which they represent all keys. With fewer, one unusual key changes the result.
const ENOUGH_KEYS: usize = 50;
/// A TTL shorter by this factor is worth a change. Half the TTL is hardly fresher.
const SHORTER: u32 = 4;
/// The share of unread refreshes from which most of them are wasted.
const MOSTLY_UNREAD: f64 = 0.5;

pub(crate) fn ttl_too_short(evidence: &Evidence<'_>) -> Option<Advice> {
    let (ttl_curve, ttl, now) = ttl_baseline(evidence)?;
    evidence.mean_load()?;
    let gain = |point: &TtlPoint| point.hit_rate - now;
    let longer = || ttl_curve.points.iter().filter(|point| point.ttl > ttl && gain(point) >= WORTHWHILE);
    let best = longer().map(gain).fold(0.0, f64::max);
    let chosen = longer().filter(|point| gain(point) >= MOST * best).min_by_key(|point| point.ttl)?;
    let (from, to) = (ttl_curve.hit_rate, (ttl_curve.hit_rate + gain(chosen)).min(1.0));
    Some(Advice {
        rule: Rule::TtlTooShort,
        action: format!(
            "If values may be up to {} old, raise the TTL to that, with .stale_after({}): the hit rate would \
            rise from {} to {}",
            format_time(chosen.ttl),
            code(chosen.ttl),
            percent(from),
            percent(to)
        ),
        evidence: format!(
            "the TTL is {} now; from the requests for {} sampled keys",
            format_time(ttl),
            count(ttl_curve.keys as u64)
        ),
        impact: Impact::HitRate { from, to },
    })
}

pub(crate) fn ttl_too_long(evidence: &Evidence<'_>) -> Option<Advice> {
    let (ttl_curve, ttl, now) = ttl_baseline(evidence)?;
    // Where neither a shorter nor the present TTL makes a difference, a longer one may.
    if ttl_too_short(evidence).is_some() {
        return None;
    }
    let is_free =
        |point: &&TtlPoint| !point.ttl.is_zero() && point.ttl <= ttl / SHORTER && costs_nothing(now, point.hit_rate);
    let chosen = ttl_curve.points.iter().filter(is_free).min_by_key(|point| point.ttl)?;
    let with = (ttl_curve.hit_rate + chosen.hit_rate - now).clamp(0.0, 1.0);
    Some(Advice {
        rule: Rule::TtlTooLong,
        action: format!(
            "Shorten the TTL to {}, with .stale_after({}): values would be fresher, and the hit rate would stay \
            the same",
            format_time(chosen.ttl),
            code(chosen.ttl)
        ),
        evidence: format!(
            "{} expected, {} with a TTL of {} now; from the requests for {} sampled keys",
            percent(with),
            percent(ttl_curve.hit_rate),
            format_time(ttl),
            count(ttl_curve.keys as u64)
        ),
        impact: Impact::None,
    })
}

pub(crate) fn refreshes_unread(evidence: &Evidence<'_>) -> Option<Advice> {
    let unread = evidence.wasted_loads?.unread_refreshes;
    if unread < MOSTLY_UNREAD || evidence.refreshes < ENOUGH_LOADS {
        return None;
    }
    let for_nobody = evidence.refreshes as f64 * unread;
    Some(Advice {
        rule: Rule::RefreshesUnread,
        action: "Refresh values later, with a shorter .refresh_ahead and a smaller .early_expiration, or not at \
            all: most refreshed values are never read"
            .to_owned(),
        evidence: format!("{} of {} refreshes", percent(unread), count(evidence.refreshes)),
        impact: Impact::Loads(evidence.per_hour(for_nobody) as u64),
    })
}

/// Returns the curve, the present TTL, and the estimated hit rate at it. `None` if each value has its own TTL, or if
/// values never expire.
fn ttl_baseline<'a>(evidence: &Evidence<'a>) -> Option<(&'a TtlCurve, Duration, f64)> {
    let ttl_curve = evidence.ttl_curve.filter(|ttl_curve| ttl_curve.keys >= ENOUGH_KEYS)?;
    let ttl = ttl_curve.ttl?;
    let own = ttl_curve.points.iter().find(|point| point.ttl == ttl);
    Some((ttl_curve, ttl, own.map_or(ttl_curve.hit_rate, |point| point.hit_rate)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::WastedLoads;
    use crate::insight::advice::tests::{healthy, ttl_curve};

    fn with(ttl_curve: &TtlCurve) -> Evidence<'_> {
        Evidence { ttl_curve: Some(ttl_curve), ..healthy() }
    }

    #[test]
    fn ttl_too_short_advises_a_longer_ttl() {
        let mut short = ttl_curve([0.20, 0.50, 0.80, 0.88, 0.89]);
        let advice = ttl_too_short(&with(&short)).unwrap();
        assert_eq!(
            advice.to_string(),
            "If values may be up to 4 min old, raise the TTL to that, with \
            .stale_after(Duration::from_secs(240)): the hit rate would rise from 80.0 % to 88.0 % (the TTL is 1 \
            min now; from the requests for 400 sampled keys)."
        );
        assert!(matches!(advice.impact, Impact::HitRate { from, .. } if from == 0.80));
        assert_eq!(ttl_too_long(&with(&ttl_curve([0.80, 0.80, 0.80, 0.88, 0.89]))), None, "one or the other");
        short.keys = 49;
        assert_eq!(ttl_too_short(&with(&short)), None);
        assert_eq!(ttl_too_short(&with(&ttl_curve([0.20, 0.50, 0.80, 0.82, 0.829]))), None);
    }

    #[test]
    fn ttl_too_long_advises_a_shorter_ttl() {
        let long = ttl_curve([0.30, 0.799, 0.80, 0.80, 0.80]);
        let advice = ttl_too_long(&with(&long)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Shorten the TTL to 15 s, with .stale_after(Duration::from_secs(15)): values would be fresher, and \
            the hit rate would stay the same (79.9 % expected, 80.0 % with a TTL of 1 min now; from the requests \
            for 400 sampled keys)."
        );
        assert_eq!(advice.impact, Impact::None);
        assert_eq!(ttl_too_long(&with(&ttl_curve([0.30, 0.79, 0.80, 0.80, 0.80]))), None);
        let for_ever = TtlCurve { ttl: None, ..long };
        assert_eq!((ttl_too_long(&with(&for_ever)), ttl_too_short(&with(&for_ever))), (None, None));
    }

    #[test]
    fn refreshes_unread_advises_later_refreshes() {
        let of = |unread_refreshes, refreshes| {
            let wasted_loads = WastedLoads { loads: 20_000, unread: 0.1, unread_refreshes };
            refreshes_unread(&Evidence { wasted_loads: Some(&wasted_loads), refreshes, ..healthy() })
        };
        let advice = of(0.72, 1_000).unwrap();
        assert_eq!(
            advice.to_string(),
            "Refresh values later, with a shorter .refresh_ahead and a smaller .early_expiration, or not at all: \
            most refreshed values are never read (72.0 % of 1,000 refreshes)."
        );
        assert_eq!(advice.impact, Impact::Loads(720));
        assert_eq!((of(0.4, 1_000), of(0.72, 99)), (None, None));
    }
}
