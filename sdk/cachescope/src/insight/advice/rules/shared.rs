//! Rules about the shared store (L2).

use std::time::Duration;

use crate::insight::advice::evidence::ENOUGH_LOADS;
use crate::insight::advice::wording::{code, count, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::metrics::format::format_time;

/// The time for encoding and decoding, as a share of the time for operations of the store. Above it, coding is no
/// longer a minor part.
const CODING: f64 = 0.5;
/// The share of duplicate loads: another process was loading the value, or had loaded it. A smaller share is normal
/// when processes end.
const MANY_DUPLICATES: f64 = 0.01;
/// The factor of the longest load so far that a lease or a timeout should allow.
const SLACK: u32 = 2;

pub(crate) fn slower_than_load(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared.filter(|shared| shared.gets >= ENOUGH_LOADS)?;
    let load = evidence.mean_load()?;
    let get = shared.get_time.div_f64(shared.gets as f64);
    if get < load {
        return None;
    }
    let longer = get.saturating_sub(load).mul_f64(shared.gets as f64);
    Some(Advice {
        rule: Rule::SharedStoreSlowerThanLoad,
        action: "Remove the shared store, or query it less often with a longer Tiered::memory_ttl, unless it \
            protects the source from load: a get takes as long as a load"
            .to_owned(),
        evidence: format!("mean get {} of {}, mean load {}", format_time(get), count(shared.gets), format_time(load)),
        impact: Impact::Time(evidence.time_per_hour(longer)),
    })
}

pub(crate) fn serialisation_dominates(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared.filter(|shared| shared.gets >= ENOUGH_LOADS)?;
    let (coding, store) = (shared.coding_time?, shared.get_time + shared.put_time);
    let most = store.mul_f64(CODING);
    if coding <= most {
        return None;
    }
    Some(Advice {
        rule: Rule::SerialisationDominates,
        action: "Use a faster codec, with Shared::codec(Postcard), compress less, or cache smaller values: encoding \
            and decoding take long compared to the store itself"
            .to_owned(),
        evidence: format!(
            "{} for encoding and decoding, {} for gets and puts, in {}",
            format_time(coding),
            format_time(store),
            format_time(evidence.period)
        ),
        impact: Impact::Time(evidence.time_per_hour(coding - most)),
    })
}

pub(crate) fn duplicate_loads(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared?;
    let load = evidence.mean_load()?;
    let term = shared.lease?;
    // If no load took longer than the lease, the leases were ended by invalidations, as intended.
    let overtaken = if evidence.longest_load >= term { shared.overtaken } else { 0 };
    let duplicates = overtaken + shared.wait_timeouts;
    let share_of_loads = evidence.share_of_loads(duplicates);
    if share_of_loads < MANY_DUPLICATES {
        return None;
    }
    let enough = code(whole_seconds(evidence.longest_load * SLACK));
    let action = if overtaken >= shared.wait_timeouts {
        format!(
            "Give processes more time to load, with Shared::lease({enough}): others load values that are \
            still being loaded"
        )
    } else {
        format!(
            "Let requests wait longer, with .wait_for_load_timeout({enough}): they load values that others \
            are still loading"
        )
    };
    let overtaken_loads = if overtaken > 0 { format!("{} were overtaken, ", count(overtaken)) } else { String::new() };
    let wait_timeout =
        shared.wait_timeout.map_or(String::new(), |wait_timeout| format!(" after {}", format_time(wait_timeout)));
    Some(Advice {
        rule: Rule::DuplicateLoads,
        action,
        evidence: format!(
            "{} of loads are duplicates: {overtaken_loads}{} waits timed out{wait_timeout}; the lease is {}, the \
            longest load took {}",
            percent(share_of_loads),
            count(shared.wait_timeouts),
            format_time(term),
            format_time(evidence.longest_load)
        ),
        impact: Impact::Time(evidence.time_per_hour(load.mul_f64(duplicates as f64))),
    })
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::advice::evidence::L2Evidence;
    use crate::insight::advice::tests::{healthy, shared};

    const SECOND: Duration = Duration::from_secs(1);

    fn with(shared: L2Evidence) -> Evidence<'static> {
        Evidence { shared: Some(shared), ..healthy() }
    }

    #[test]
    fn slower_than_load_advises_fewer_queries() {
        let slow = L2Evidence { get_time: SECOND * 250, ..shared() };
        let advice = slower_than_load(&with(slow)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Remove the shared store, or query it less often with a longer Tiered::memory_ttl, unless it \
            protects the source from load: a get takes as long as a load (mean get 12.5 ms of 20,000, mean load \
            10 ms)."
        );
        assert_eq!(advice.impact, Impact::Time(SECOND * 50));
        assert_eq!(slower_than_load(&with(L2Evidence { gets: 99, ..slow })), None);
    }

    #[test]
    fn serialisation_dominates_advises_a_faster_codec() {
        let slow = L2Evidence { coding_time: Some(SECOND * 40), ..shared() };
        let advice = serialisation_dominates(&with(slow)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Use a faster codec, with Shared::codec(Postcard), compress less, or cache smaller values: encoding \
            and decoding take long compared to the store itself (40 s for encoding and decoding, 40 s for gets \
            and puts, in 1 h)."
        );
        assert_eq!(advice.impact, Impact::Time(SECOND * 20));
        assert_eq!(serialisation_dominates(&with(L2Evidence { coding_time: None, ..slow })), None);
    }

    #[test]
    fn duplicate_loads_advises_a_longer_lease() {
        let evidence = |longest_load, overtaken, wait_timeouts| {
            let wait_timeout = Some(SECOND);
            Evidence { longest_load, ..with(L2Evidence { overtaken, wait_timeouts, wait_timeout, ..shared() }) }
        };
        let advice = duplicate_loads(&evidence(Duration::from_millis(14_200), 300, 50)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Give processes more time to load, with Shared::lease(Duration::from_secs(29)): others load values \
            that are still being loaded (1.8 % of loads are duplicates: 300 were overtaken, 50 waits timed out \
            after 1 s; the lease is 10 s, the longest load took 14.2 s)."
        );
        assert_eq!(advice.impact, Impact::Time(Duration::from_millis(3_500)));
        let impatient = duplicate_loads(&evidence(SECOND * 2, 0, 250)).unwrap();
        assert!(impatient.action.contains(".wait_for_load_timeout(Duration::from_secs(4))"));
        assert_eq!(duplicate_loads(&evidence(SECOND, 300, 50)), None, "those were invalidated");
    }
}
