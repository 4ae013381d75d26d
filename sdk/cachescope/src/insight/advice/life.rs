//! Whether values live as long as they should.

use std::time::Duration;

use super::evidence::ENOUGH_LOADS;
use super::size::{MOST, costs_nothing};
use super::wording::{code, count, percent};
use super::{Advice, Evidence, Gain, Rule};
use crate::amount::time;
use crate::insight::{LifetimePoint, Lifetimes};

/// What a longer life must bring, as of a larger store: less is within what days differ by.
const WORTHWHILE: f64 = 0.03;
/// Keys whose requests tell of all. Of fewer, one that is asked for in its own way moves the whole.
const ENOUGH_KEYS: usize = 50;
/// A life this much shorter is worth a change; half of one is hardly fresher.
const SHORTER: u32 = 4;
/// Most.
const MOSTLY_UNREAD: f64 = 0.5;

pub(super) fn ttl_too_short(evidence: &Evidence<'_>) -> Option<Advice> {
    let (lifetimes, ttl, now) = lives(evidence)?;
    evidence.mean_load()?;
    let gain = |point: &LifetimePoint| point.hit_rate - now;
    let longer = || lifetimes.points.iter().filter(|point| point.ttl > ttl && gain(point) >= WORTHWHILE);
    let best = longer().map(gain).fold(0.0, f64::max);
    let chosen = longer().filter(|point| gain(point) >= MOST * best).min_by_key(|point| point.ttl)?;
    let (from, to) = (lifetimes.hit_rate, (lifetimes.hit_rate + gain(chosen)).min(1.0));
    Some(Advice {
        rule: Rule::TtlTooShort,
        action: format!(
            "If values may be {} old, keep them so long, with .stale_after({}): the hit rate would rise from {} to {}",
            time(chosen.ttl),
            code(chosen.ttl),
            percent(from),
            percent(to)
        ),
        evidence: format!("{} now; by the requests of {} sampled keys", time(ttl), count(lifetimes.keys as u64)),
        gain: Gain::HitRate { from, to },
    })
}

pub(super) fn ttl_too_long(evidence: &Evidence<'_>) -> Option<Advice> {
    let (lifetimes, ttl, now) = lives(evidence)?;
    // Where it makes no difference between too short and shorter, it should still be longer.
    if ttl_too_short(evidence).is_some() {
        return None;
    }
    let is_free = |point: &&LifetimePoint| {
        !point.ttl.is_zero() && point.ttl <= ttl / SHORTER && costs_nothing(now, point.hit_rate)
    };
    let chosen = lifetimes.points.iter().filter(is_free).min_by_key(|point| point.ttl)?;
    let with = (lifetimes.hit_rate + chosen.hit_rate - now).clamp(0.0, 1.0);
    Some(Advice {
        rule: Rule::TtlTooLong,
        action: format!(
            "Keep values for {}, with .stale_after({}): they would be fresher, and the hit rate would stay what it is",
            time(chosen.ttl),
            code(chosen.ttl)
        ),
        evidence: format!(
            "{} expected, {} with {} now; by the requests of {} sampled keys",
            percent(with),
            percent(lifetimes.hit_rate),
            time(ttl),
            count(lifetimes.keys as u64)
        ),
        gain: Gain::None,
    })
}

pub(super) fn refreshes_unread(evidence: &Evidence<'_>) -> Option<Advice> {
    let unread = evidence.amplification?.unread_refreshes;
    if unread < MOSTLY_UNREAD || evidence.refreshes < ENOUGH_LOADS {
        return None;
    }
    let for_nobody = evidence.refreshes as f64 * unread;
    Some(Advice {
        rule: Rule::RefreshesUnread,
        action: "Renew values later, with a shorter .refresh_ahead and a smaller .early_expiration, or not at all: \
                 most refreshes are for nobody"
            .to_owned(),
        evidence: format!("{} of {} refreshes were never read", percent(unread), count(evidence.refreshes)),
        gain: Gain::Loads(evidence.per_hour(for_nobody) as u64),
    })
}

/// What is known of lives, the one that values have, and what the same estimate gives for that. What lives by the
/// value, or for ever, has none.
fn lives<'a>(evidence: &Evidence<'a>) -> Option<(&'a Lifetimes, Duration, f64)> {
    let lifetimes = evidence.lifetimes.filter(|lifetimes| lifetimes.keys >= ENOUGH_KEYS)?;
    let ttl = lifetimes.ttl?;
    let own = lifetimes.points.iter().find(|point| point.ttl == ttl);
    Some((lifetimes, ttl, own.map_or(lifetimes.hit_rate, |point| point.hit_rate)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{healthy, lifetimes};
    use super::*;
    use crate::insight::Amplification;

    fn with(lifetimes: &Lifetimes) -> Evidence<'_> {
        Evidence { lifetimes: Some(lifetimes), ..healthy() }
    }

    #[test]
    fn values_that_expire_too_soon_should_live_longer() {
        let mut short = lifetimes([0.20, 0.50, 0.80, 0.88, 0.89]);
        let advice = ttl_too_short(&with(&short)).unwrap();
        assert_eq!(
            advice.to_string(),
            "If values may be 4 min old, keep them so long, with .stale_after(Duration::from_secs(240)): the hit rate \
             would rise from 80.0 % to 88.0 % (1 min now; by the requests of 400 sampled keys)."
        );
        assert!(matches!(advice.gain, Gain::HitRate { from, .. } if from == 0.80));
        assert_eq!(ttl_too_long(&with(&lifetimes([0.80, 0.80, 0.80, 0.88, 0.89]))), None, "one or the other");
        short.keys = 49;
        assert_eq!(ttl_too_short(&with(&short)), None);
        assert_eq!(ttl_too_short(&with(&lifetimes([0.20, 0.50, 0.80, 0.82, 0.829]))), None);
    }

    #[test]
    fn values_that_live_long_for_nothing_should_be_fresher() {
        let long = lifetimes([0.30, 0.799, 0.80, 0.80, 0.80]);
        let advice = ttl_too_long(&with(&long)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Keep values for 15 s, with .stale_after(Duration::from_secs(15)): they would be fresher, and the hit rate \
             would stay what it is (79.9 % expected, 80.0 % with 1 min now; by the requests of 400 sampled keys)."
        );
        assert_eq!(advice.gain, Gain::None);
        assert_eq!(ttl_too_long(&with(&lifetimes([0.30, 0.79, 0.80, 0.80, 0.80]))), None);
        let for_ever = Lifetimes { ttl: None, ..long };
        assert_eq!((ttl_too_long(&with(&for_ever)), ttl_too_short(&with(&for_ever))), (None, None));
    }

    #[test]
    fn what_is_renewed_for_nobody_is_renewed_too_early() {
        let of = |unread_refreshes, refreshes| {
            let amplification = Amplification { loads: 20_000, unread: 0.1, unread_refreshes };
            refreshes_unread(&Evidence { amplification: Some(&amplification), refreshes, ..healthy() })
        };
        let advice = of(0.72, 1_000).unwrap();
        assert_eq!(
            advice.to_string(),
            "Renew values later, with a shorter .refresh_ahead and a smaller .early_expiration, or not at all: most \
             refreshes are for nobody (72.0 % of 1,000 refreshes were never read)."
        );
        assert_eq!(advice.gain, Gain::Loads(720));
        assert_eq!((of(0.4, 1_000), of(0.72, 99)), (None, None));
    }
}
