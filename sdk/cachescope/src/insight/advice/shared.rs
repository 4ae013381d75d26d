//! Whether the store behind does what it is for.

use std::time::Duration;

use super::evidence::ENOUGH_LOADS;
use super::wording::{code, count, percent};
use super::{Advice, Evidence, Gain, Rule};
use crate::amount::time;

/// What making bytes may take of what the store takes: from here on it is no longer the smaller part of an answer.
const CODING: f64 = 0.5;
/// Loads that another process made in vain, or had made already. Fewer come with processes that end.
const MANY_DUPLICATES: f64 = 0.01;
/// Time for a load that takes longer than any so far.
const SLACK: u32 = 2;

pub(super) fn slower_than_load(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared.filter(|shared| shared.gets >= ENOUGH_LOADS)?;
    let load = evidence.mean_load()?;
    let get = shared.get_time.div_f64(shared.gets as f64);
    if get < load {
        return None;
    }
    let longer = get.saturating_sub(load).mul_f64(shared.gets as f64);
    Some(Advice {
        rule: Rule::SharedStoreSlowerThanLoad,
        action:
            "Do without the shared store, or ask it less, with a longer Tiered::memory_life, unless it is there to \
                 spare the source: asking it takes as long as a load"
                .to_owned(),
        evidence: format!("mean get {} of {}, mean load {}", time(get), count(shared.gets), time(load)),
        gain: Gain::Time(evidence.time_per_hour(longer)),
    })
}

pub(super) fn serialisation_dominates(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared.filter(|shared| shared.gets >= ENOUGH_LOADS)?;
    let (coding, store) = (shared.coding_time?, shared.get_time + shared.put_time);
    let most = store.mul_f64(CODING);
    if coding <= most {
        return None;
    }
    Some(Advice {
        rule: Rule::SerialisationDominates,
        action:
            "Use a faster codec, with Shared::codec(Postcard), compress less, or keep less in a value: making bytes \
                 of values takes long beside the store itself"
                .to_owned(),
        evidence: format!(
            "{} of encoding and decoding, {} of gets and puts, in {}",
            time(coding),
            time(store),
            time(evidence.covers)
        ),
        gain: Gain::Time(evidence.time_per_hour(coding - most)),
    })
}

pub(super) fn duplicate_loads(evidence: &Evidence<'_>) -> Option<Advice> {
    let shared = evidence.shared?;
    let load = evidence.mean_load()?;
    let term = shared.lease?;
    // A lease that no load outlasted was ended by invalidations, which is what they are for.
    let overtaken = if evidence.longest_load >= term { shared.overtaken } else { 0 };
    let duplicates = overtaken + shared.timeouts;
    let of_loads = evidence.of_loads(duplicates);
    if of_loads < MANY_DUPLICATES {
        return None;
    }
    let enough = code(whole_seconds(evidence.longest_load * SLACK));
    let action = if overtaken >= shared.timeouts {
        format!("Give processes longer to load, with Shared::lease({enough}): others load what they still do")
    } else {
        format!("Let requests wait longer, with .wait_for_load_timeout({enough}): they load what others still do")
    };
    let lost = if overtaken > 0 { format!("{} were overtaken, ", count(overtaken)) } else { String::new() };
    let patience = shared.patience.map_or(String::new(), |patience| format!(" after {}", time(patience)));
    Some(Advice {
        rule: Rule::DuplicateLoads,
        action,
        evidence: format!(
            "{} of loads: {lost}{} waits gave up{patience}; a lease is {}, the longest load took {}",
            percent(of_loads),
            count(shared.timeouts),
            time(term),
            time(evidence.longest_load)
        ),
        gain: Gain::Time(evidence.time_per_hour(load.mul_f64(duplicates as f64))),
    })
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::super::evidence::StoreBehind;
    use super::super::tests::{healthy, shared};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn with(shared: StoreBehind) -> Evidence<'static> {
        Evidence { shared: Some(shared), ..healthy() }
    }

    #[test]
    fn a_store_that_is_slower_than_a_load_is_asked_less() {
        let slow = StoreBehind { get_time: SECOND * 250, ..shared() };
        let advice = slower_than_load(&with(slow)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Do without the shared store, or ask it less, with a longer Tiered::memory_life, unless it is there to \
             spare the source: asking it takes as long as a load (mean get 12.5 ms of 20,000, mean load 10 ms)."
        );
        assert_eq!(advice.gain, Gain::Time(SECOND * 50));
        assert_eq!(slower_than_load(&with(StoreBehind { gets: 99, ..slow })), None);
    }

    #[test]
    fn bytes_that_take_long_to_make_want_a_faster_codec() {
        let slow = StoreBehind { coding_time: Some(SECOND * 40), ..shared() };
        let advice = serialisation_dominates(&with(slow)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Use a faster codec, with Shared::codec(Postcard), compress less, or keep less in a value: making bytes of \
             values takes long beside the store itself (40 s of encoding and decoding, 40 s of gets and puts, in 1 h)."
        );
        assert_eq!(advice.gain, Gain::Time(SECOND * 20));
        assert_eq!(serialisation_dominates(&with(StoreBehind { coding_time: None, ..slow })), None);
    }

    #[test]
    fn loads_that_outlast_their_lease_want_a_longer_one() {
        let evidence = |longest_load, overtaken, timeouts| {
            let patience = Some(SECOND);
            Evidence { longest_load, ..with(StoreBehind { overtaken, timeouts, patience, ..shared() }) }
        };
        let advice = duplicate_loads(&evidence(Duration::from_millis(14_200), 300, 50)).unwrap();
        assert_eq!(
            advice.to_string(),
            "Give processes longer to load, with Shared::lease(Duration::from_secs(29)): others load what they still \
             do (1.8 % of loads: 300 were overtaken, 50 waits gave up after 1 s; a lease is 10 s, the longest load \
             took 14.2 s)."
        );
        assert_eq!(advice.gain, Gain::Time(Duration::from_millis(3_500)));
        let impatient = duplicate_loads(&evidence(SECOND * 2, 0, 250)).unwrap();
        assert!(impatient.action.contains(".wait_for_load_timeout(Duration::from_secs(4))"));
        assert_eq!(duplicate_loads(&evidence(SECOND, 300, 50)), None, "those were invalidated");
    }
}
