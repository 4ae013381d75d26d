//! How requests come: all for one key, or many at once.

use super::evidence::share;
use super::wording::{code, count, percent};
use super::{Advice, Evidence, Gain, Rule};
use crate::amount::time;
use crate::insight::{HotKey, HotKeys};

/// What one key has at least of all requests, for the cache to stand and fall with it.
const HOT: f64 = 0.3;
/// Among so few keys one is bound to be hot.
const HANDFUL: u64 = 10;
/// Names of keys are somebody's data, and may be long.
const LONGEST_NAME: usize = 60;
/// Requests that wait for a load of another. Fewer are what keys that many ask for bring with them.
const MANY_WAIT: f64 = 0.1;
/// What their waits may be of all requests' time: at a quarter they show in what callers see.
const LONG_WAITS: f64 = 0.25;
/// Of so few waits the time is chance: one load that hangs is no stampede.
const FEW_WAITS: u64 = 100;
/// From here on expiry is why requests load.
const MOSTLY_EXPIRED: f64 = 0.5;
/// The share of a life that is usual to renew ahead of its end. Not in its first half, which is as far as it acts.
const AHEAD: u32 = 10;

/// The key that has a large share of all requests, if one does.
pub(super) fn dominant(hot_keys: &HotKeys) -> Option<&HotKey> {
    hot_keys.by_requests.first().filter(|hottest| at_least(hottest) >= HOT)
}

fn at_least(key: &HotKey) -> f64 {
    key.share - key.error
}

pub(super) fn one_hot_key(evidence: &Evidence<'_>) -> Option<Advice> {
    let hottest = dominant(evidence.hot_keys?)?;
    if evidence.entries <= HANDFUL {
        return None;
    }
    let renewed = if evidence.expires { ", or renew it before it expires, with .refresh_ahead" } else { "" };
    Some(Advice {
        rule: Rule::OneHotKey,
        action: format!("Keep the value of the hottest key outside the cache{renewed}: much hangs on one key"),
        evidence: format!(
            "{} has {} of {} requests at least, among {} entries",
            named(hottest),
            percent(at_least(hottest)),
            count(evidence.requests),
            count(evidence.entries)
        ),
        gain: Gain::None,
    })
}

pub(super) fn stampedes(evidence: &Evidence<'_>) -> Option<Advice> {
    let mean_load = evidence.mean_load()?;
    let many = evidence.of_requests(evidence.coalesced);
    let all_time = evidence.request_time.as_secs_f64();
    let long = if all_time > 0.0 { (evidence.wait_time.as_secs_f64() / all_time).min(1.0) } else { 0.0 };
    if evidence.coalesced < FEW_WAITS || (many < MANY_WAIT && long < LONG_WAITS) {
        return None;
    }
    let action = if evidence.expires && share(evidence.expired, evidence.misses) >= MOSTLY_EXPIRED {
        // What takes longer to load has to be renewed earlier.
        let ahead = evidence.ttl.map(|ttl| (ttl / AHEAD).max(mean_load * 2).min(ttl / 2));
        let ahead = ahead.map_or(String::new(), |ahead| format!("({})", code(ahead)));
        format!(
            "Renew values before requests have to wait, with .refresh_ahead{ahead} or .early_expiration(1.0), or serve \
             those past their time meanwhile, with .serve_stale_for: many wait for one load"
        )
    } else {
        "Load values before they are asked for, with .get_many and .batch_load, or keep them longer: many wait for one \
         load"
            .to_owned()
    };
    Some(Advice {
        rule: Rule::Stampedes,
        action,
        evidence: format!(
            "{} of {} requests waited for another's load, {} in {}, which is {} of all requests' time",
            percent(many),
            count(evidence.requests),
            time(evidence.wait_time),
            time(evidence.covers),
            percent(long)
        ),
        gain: Gain::Time(evidence.time_per_hour(evidence.wait_time)),
    })
}

/// By its name where it is known, which is only where that was asked for.
fn named(key: &HotKey) -> String {
    let Some(name) = &key.name else { return format!("the key of hash {:016x}", key.hash) };
    let mut shown: String = name.chars().take(LONGEST_NAME).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::healthy;
    use super::*;
    use crate::insight::HotKeys;

    fn hot(name: Option<&str>, share: f64) -> HotKeys {
        let key = HotKey { hash: 0x1f, name: name.map(str::to_owned), share, error: 0.02 };
        HotKeys { by_requests: vec![key], by_load_time: Vec::new() }
    }

    #[test]
    fn one_key_that_all_ask_for_is_told() {
        let keys = hot(None, 0.42);
        let evidence = Evidence { hot_keys: Some(&keys), ..healthy() };
        assert_eq!(
            one_hot_key(&evidence).unwrap().to_string(),
            "Keep the value of the hottest key outside the cache, or renew it before it expires, with .refresh_ahead: \
             much hangs on one key (the key of hash 000000000000001f has 40.0 % of 100,000 requests at least, among \
             9,500 entries)."
        );
        assert_eq!(one_hot_key(&Evidence { entries: 10, ..evidence }), None);
        let less = hot(None, 0.31);
        assert_eq!(one_hot_key(&Evidence { hot_keys: Some(&less), ..healthy() }), None, "it may be less");
    }

    #[test]
    fn a_key_has_a_name_only_where_one_was_asked_for() {
        let long = "x".repeat(100);
        let named = |name| named(&hot(Some(name), 0.4).by_requests[0]);
        assert_eq!(named("home\n"), r#""home\n""#);
        assert_eq!(named(&long), format!("\"{}…\"", "x".repeat(60)));
    }

    #[test]
    fn values_that_many_wait_for_are_renewed_before() {
        let evidence = Evidence { coalesced: 12_000, wait_time: Duration::from_secs(90), ..healthy() };
        let advice = stampedes(&evidence).unwrap();
        assert_eq!(
            advice.to_string(),
            "Renew values before requests have to wait, with .refresh_ahead(Duration::from_secs(6)) or \
             .early_expiration(1.0), or serve those past their time meanwhile, with .serve_stale_for: many wait for \
             one load (12.0 % of 100,000 requests waited for another's load, 1.50 min in 1 h, which is 30.0 % of all \
             requests' time)."
        );
        assert_eq!(advice.gain, Gain::Time(Duration::from_secs(90)));
        assert!(stampedes(&Evidence { coalesced: 100, ..evidence.clone() }).is_some(), "by time alone");
        assert_eq!(stampedes(&Evidence { coalesced: 99, ..evidence.clone() }), None);
        assert!(stampedes(&Evidence { wait_time: Duration::ZERO, ..evidence }).is_some(), "by number alone");
    }

    #[test]
    fn what_never_expires_is_loaded_beforehand() {
        let cold = Evidence { coalesced: 12_000, expires: false, ttl: None, expired: 0, ..healthy() };
        assert!(stampedes(&cold).unwrap().action.contains(".batch_load"));
    }
}
