//! Whether what is stored is worth its room.

use super::evidence::ENOUGH_LOADS;
use super::size::too_small;
use super::wording::{count, literal, percent};
use super::{Advice, Evidence, Gain, Rule};
use crate::amount::bytes;

/// Loads that give values which are too large. Less are the odd one.
const MANY_TOO_LARGE: f64 = 0.01;
/// So many times the mean must the largest hundredth be, each: then they take half of all bytes.
const DOMINATING: u64 = 50;
/// Values that leave unread. Half do in many healthy caches, as most keys are rare; at so many, storing is the work.
const MOSTLY_UNREAD: f64 = 0.7;

pub(super) fn values_too_large(evidence: &Evidence<'_>) -> Option<Advice> {
    let mean_load = evidence.mean_load()?;
    let refused = evidence.of_loads(evidence.too_large);
    if refused >= MANY_TOO_LARGE {
        return Some(Advice {
            rule: Rule::ValuesTooLarge,
            action: "Raise .entry_size_limit, or have loads return less: what is too large is loaded again each time"
                .to_owned(),
            evidence: format!(
                "{} of {} loads gave values that were refused for their size, {}",
                count(evidence.too_large),
                count(evidence.loads),
                percent(refused)
            ),
            gain: Gain::Time(evidence.time_per_hour(mean_load.mul_f64(evidence.too_large as f64))),
        });
    }
    let sizes = evidence.sizes.filter(|sizes| sizes.count >= ENOUGH_LOADS && sizes.mean > 0)?;
    if sizes.p99 < sizes.mean.saturating_mul(DOMINATING) {
        return None;
    }
    // No less than a hundredth of them is so large at least.
    let taken = (sizes.p99 as f64 / (100.0 * sizes.mean as f64)).min(1.0);
    Some(Advice {
        rule: Rule::ValuesTooLarge,
        action: format!(
            "Keep the largest values out, with .entry_size_limit({}): a few take the room of most",
            literal(sizes.p99)
        ),
        evidence: format!(
            "the largest 1 % of {} stored take {} of the bytes or more; mean {}, p99 {}, largest {}",
            count(sizes.count),
            percent(taken),
            bytes(sizes.mean),
            bytes(sizes.p99),
            bytes(sizes.largest)
        ),
        gain: evidence.bytes.map_or(Gain::None, |held| Gain::Memory {
            from: held,
            to: (held as f64 * (1.0 - taken)) as u64,
            in_bytes: true,
        }),
    })
}

pub(super) fn evicted_unread(evidence: &Evidence<'_>) -> Option<Advice> {
    let amplification = evidence.amplification.filter(|seen| seen.loads >= ENOUGH_LOADS)?;
    // Where more room would have them read, keeping them out is the wrong thing to do.
    if amplification.unread < MOSTLY_UNREAD || evidence.evicted < ENOUGH_LOADS || too_small(evidence).is_some() {
        return None;
    }
    Some(Advice {
        rule: Rule::EvictedUnread,
        action:
            "Keep out what is asked for once, with .cache_if, or give the store less room: most values leave unread"
                .to_owned(),
        evidence: format!(
            "{} of what {} loads stored was read by no other request; {} entries were evicted for room",
            percent(amplification.unread),
            count(amplification.loads),
            count(evidence.evicted)
        ),
        gain: Gain::None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::evidence::EntrySizes;
    use super::super::tests::{curve, healthy};
    use super::*;
    use crate::insight::Amplification;

    #[test]
    fn values_that_are_refused_are_loaded_again() {
        let advice = values_too_large(&Evidence { too_large: 400, ..healthy() }).unwrap();
        assert_eq!(
            advice.to_string(),
            "Raise .entry_size_limit, or have loads return less: what is too large is loaded again each time (400 of \
             20,000 loads gave values that were refused for their size, 2.0 %)."
        );
        assert_eq!(advice.gain, Gain::Time(Duration::from_secs(4)));
        assert_eq!(values_too_large(&Evidence { too_large: 199, ..healthy() }), None);
    }

    #[test]
    fn a_few_values_that_take_the_room_of_most_are_kept_out() {
        let with = |p99| {
            let sizes = EntrySizes { count: 20_000, mean: 1_024, p99, largest: 3 << 20 };
            values_too_large(&Evidence { sizes: Some(sizes), bytes: Some(10_000_000), ..healthy() })
        };
        let advice = with(61_440).unwrap();
        assert_eq!(
            advice.to_string(),
            "Keep the largest values out, with .entry_size_limit(61_440): a few take the room of most (the largest 1 % \
             of 20,000 stored take 60.0 % of the bytes or more; mean 1 KiB, p99 60 KiB, largest 3 MiB)."
        );
        assert_eq!(advice.gain, Gain::Memory { from: 10_000_000, to: 4_000_000, in_bytes: true });
        assert_eq!(with(51_199), None);
    }

    #[test]
    fn what_leaves_unread_is_kept_out_unless_more_room_would_have_it_read() {
        let of = |unread, curve| {
            let amplification = Amplification { loads: 20_000, unread, unread_refreshes: 0.0 };
            evicted_unread(&Evidence { amplification: Some(&amplification), curve, evicted: 15_000, ..healthy() })
        };
        let advice = of(0.82, None).unwrap();
        assert_eq!(
            advice.to_string(),
            "Keep out what is asked for once, with .cache_if, or give the store less room: most values leave unread \
             (82.0 % of what 20,000 loads stored was read by no other request; 15,000 entries were evicted for room)."
        );
        assert_eq!(of(0.6, None), None);
        assert_eq!(of(0.82, Some(&curve([0.4, 0.5, 0.6, 0.7, 0.8, 0.9]))), None);
    }
}
