//! Rules about whether stored values are worth their capacity.

use super::size::too_small;
use crate::insight::advice::evidence::ENOUGH_LOADS;
use crate::insight::advice::wording::{count, literal, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::metrics::format::format_bytes;

/// The share of loads with values that are too large. Below it, such values are exceptions.
const MANY_TOO_LARGE: f64 = 0.01;
/// The factor by which p99 must exceed the mean: then the largest 1 % takes half of all bytes.
const DOMINATING: u64 = 50;
/// The share of values evicted unread. In healthy caches it is often one half, since most keys are rare. From this
/// share on, most stores are wasted.
const MOSTLY_UNREAD: f64 = 0.7;

pub(crate) fn values_too_large(evidence: &Evidence<'_>) -> Option<Advice> {
    let mean_load = evidence.mean_load()?;
    let refused = evidence.share_of_loads(evidence.too_large);
    if refused >= MANY_TOO_LARGE {
        return Some(Advice {
            rule: Rule::ValuesTooLarge,
            action: "Raise .entry_size_limit, or return smaller values from loads: values above the limit are \
                loaded again for each request"
                .to_owned(),
            evidence: format!(
                "{} of {} loads returned values above the size limit, {}",
                count(evidence.too_large),
                count(evidence.loads),
                percent(refused)
            ),
            impact: Impact::Time(evidence.time_per_hour(mean_load.mul_f64(evidence.too_large as f64))),
        });
    }
    let sizes = evidence.sizes.filter(|sizes| sizes.count >= ENOUGH_LOADS && sizes.mean > 0)?;
    if sizes.p99 < sizes.mean.saturating_mul(DOMINATING) {
        return None;
    }
    // At least 1 % of the values are as large as p99.
    let taken = (sizes.p99 as f64 / (100.0 * sizes.mean as f64)).min(1.0);
    Some(Advice {
        rule: Rule::ValuesTooLarge,
        action: format!(
            "Exclude the largest values, with .entry_size_limit({}): a few values take most of the capacity",
            literal(sizes.p99)
        ),
        evidence: format!(
            "the largest 1 % of {} stored values take at least {} of the bytes; mean {}, p99 {}, largest {}",
            count(sizes.count),
            percent(taken),
            format_bytes(sizes.mean),
            format_bytes(sizes.p99),
            format_bytes(sizes.largest)
        ),
        impact: evidence.bytes.map_or(Impact::None, |held| Impact::Memory {
            from: held,
            to: (held as f64 * (1.0 - taken)) as u64,
            in_bytes: true,
        }),
    })
}

pub(crate) fn evicted_unread(evidence: &Evidence<'_>) -> Option<Advice> {
    let wasted_loads = evidence.wasted_loads.filter(|seen| seen.loads >= ENOUGH_LOADS)?;
    // If a larger capacity would get the values read, excluding them is wrong.
    if wasted_loads.unread < MOSTLY_UNREAD || evidence.evicted < ENOUGH_LOADS || too_small(evidence).is_some() {
        return None;
    }
    Some(Advice {
        rule: Rule::EvictedUnread,
        action: "Exclude values that are requested only once, with .cache_if, or reduce the capacity: most values \
            are evicted unread"
            .to_owned(),
        evidence: format!(
            "{} of the values from {} loads answered no other request; {} entries were evicted for capacity",
            percent(wasted_loads.unread),
            count(wasted_loads.loads),
            count(evidence.evicted)
        ),
        impact: Impact::None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::insight::WastedLoads;
    use crate::insight::advice::evidence::EntrySizes;
    use crate::insight::advice::tests::{curve, healthy};

    #[test]
    fn values_too_large_advises_a_higher_limit_for_rejected_values() {
        let advice = values_too_large(&Evidence { too_large: 400, ..healthy() }).unwrap();
        assert_eq!(
            advice.to_string(),
            "Raise .entry_size_limit, or return smaller values from loads: values above the limit are loaded \
            again for each request (400 of 20,000 loads returned values above the size limit, 2.0 %)."
        );
        assert_eq!(advice.impact, Impact::Time(Duration::from_secs(4)));
        assert_eq!(values_too_large(&Evidence { too_large: 199, ..healthy() }), None);
    }

    #[test]
    fn values_too_large_excludes_a_few_values_that_take_most_of_the_capacity() {
        let with = |p99| {
            let sizes = EntrySizes { count: 20_000, mean: 1_024, p99, largest: 3 << 20 };
            values_too_large(&Evidence { sizes: Some(sizes), bytes: Some(10_000_000), ..healthy() })
        };
        let advice = with(61_440).unwrap();
        assert_eq!(
            advice.to_string(),
            "Exclude the largest values, with .entry_size_limit(61_440): a few values take most of the capacity \
            (the largest 1 % of 20,000 stored values take at least 60.0 % of the bytes; mean 1 KiB, p99 60 KiB, \
            largest 3 MiB)."
        );
        assert_eq!(advice.impact, Impact::Memory { from: 10_000_000, to: 4_000_000, in_bytes: true });
        assert_eq!(with(51_199), None);
    }

    #[test]
    fn evicted_unread_excludes_values_unless_more_capacity_helps() {
        let of = |unread, curve| {
            let wasted_loads = WastedLoads { loads: 20_000, unread, unread_refreshes: 0.0 };
            evicted_unread(&Evidence { wasted_loads: Some(&wasted_loads), curve, evicted: 15_000, ..healthy() })
        };
        let advice = of(0.82, None).unwrap();
        assert_eq!(
            advice.to_string(),
            "Exclude values that are requested only once, with .cache_if, or reduce the capacity: most values \
            are evicted unread (82.0 % of the values from 20,000 loads answered no other request; 15,000 entries \
            were evicted for capacity)."
        );
        assert_eq!(of(0.6, None), None);
        assert_eq!(of(0.82, Some(&curve([0.4, 0.5, 0.6, 0.7, 0.8, 0.9]))), None);
    }
}
