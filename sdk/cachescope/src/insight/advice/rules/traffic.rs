//! Rules about the pattern of requests: many for one key, or many at the same time.

use crate::insight::advice::evidence::share;
use crate::insight::advice::wording::{code, count, percent};
use crate::insight::advice::{Advice, Evidence, Impact, Rule};
use crate::insight::{HotKey, HotKeys};
use crate::metrics::format::format_time;

/// The share of requests from which the cache depends on one key.
const HOT: f64 = 0.3;
/// With this few entries, one of them is always hot.
const HANDFUL: u64 = 10;
/// The largest length of a key's name in advice. Names are user data, and may be long.
const LONGEST_NAME: usize = 60;
/// The share of requests that wait for another's load. Below it, waits are normal for popular keys.
const MANY_WAIT: f64 = 0.1;
/// The share of waits of all request time. From this share on, callers notice.
const LONG_WAITS: f64 = 0.25;
/// Below this number of waits their time is chance: one load that hangs is no thundering herd.
const FEW_WAITS: u64 = 100;
/// The share of misses by expiry from which expiry is the main reason for loads.
const MOSTLY_EXPIRED: f64 = 0.5;
/// The usual `refresh_ahead` is the TTL divided by this. It has no effect in the first half of the TTL.
const AHEAD: u32 = 10;

/// Returns the key with a large share of all requests, if there is one.
pub(crate) fn dominant(hot_keys: &HotKeys) -> Option<&HotKey> {
    hot_keys.by_requests.first().filter(|hottest| at_least(hottest) >= HOT)
}

fn at_least(key: &HotKey) -> f64 {
    key.share - key.error
}

pub(crate) fn one_hot_key(evidence: &Evidence<'_>) -> Option<Advice> {
    let hottest = dominant(evidence.hot_keys?)?;
    if evidence.entries <= HANDFUL {
        return None;
    }
    let renewed = if evidence.expires { ", or refresh it before it expires, with .refresh_ahead" } else { "" };
    Some(Advice {
        rule: Rule::OneHotKey,
        action: format!(
            "Keep the value of the hottest key outside the cache{renewed}: one key has a large share \
            of all requests"
        ),
        evidence: format!(
            "{} has at least {} of {} requests, among {} entries",
            named(hottest),
            percent(at_least(hottest)),
            count(evidence.requests),
            count(evidence.entries)
        ),
        impact: Impact::None,
    })
}

pub(crate) fn stampedes(evidence: &Evidence<'_>) -> Option<Advice> {
    let mean_load = evidence.mean_load()?;
    let many = evidence.share_of_requests(evidence.coalesced);
    let all_time = evidence.request_time.as_secs_f64();
    let long = if all_time > 0.0 { (evidence.wait_time.as_secs_f64() / all_time).min(1.0) } else { 0.0 };
    if evidence.coalesced < FEW_WAITS || (many < MANY_WAIT && long < LONG_WAITS) {
        return None;
    }
    let action = if evidence.expires && share(evidence.expired_misses, evidence.misses) >= MOSTLY_EXPIRED {
        // A longer load has to start earlier.
        let ahead = evidence.ttl.map(|ttl| (ttl / AHEAD).max(mean_load * 2).min(ttl / 2));
        let ahead = ahead.map_or(String::new(), |ahead| format!("({})", code(ahead)));
        format!(
            "Refresh values before requests have to wait, with .refresh_ahead{ahead} or .early_expiration(1.0), \
            or serve expired values during the load, with .serve_stale_for: many requests wait for one load"
        )
    } else {
        "Load values before they are requested, with .get_many and .batch_load, or keep them longer: many \
        requests wait for one load"
            .to_owned()
    };
    Some(Advice {
        rule: Rule::Stampedes,
        action,
        evidence: format!(
            "{} of {} requests waited for another's load, {} in {}, which is {} of all request time",
            percent(many),
            count(evidence.requests),
            format_time(evidence.wait_time),
            format_time(evidence.period),
            percent(long)
        ),
        impact: Impact::Time(evidence.time_per_hour(evidence.wait_time)),
    })
}

/// Returns the name of the key, or its hash if the user didn't opt in to names.
fn named(key: &HotKey) -> String {
    let Some(name) = &key.name else { return format!("the key with the hash {:016x}", key.hash) };
    let mut shown: String = name.chars().take(LONGEST_NAME).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::insight::HotKeys;
    use crate::insight::advice::tests::healthy;

    fn hot(name: Option<&str>, share: f64) -> HotKeys {
        let key = HotKey { hash: 0x1f, name: name.map(str::to_owned), share, error: 0.02 };
        HotKeys { by_requests: vec![key], by_load_time: Vec::new() }
    }

    #[test]
    fn one_hot_key_is_reported() {
        let keys = hot(None, 0.42);
        let evidence = Evidence { hot_keys: Some(&keys), ..healthy() };
        assert_eq!(
            one_hot_key(&evidence).unwrap().to_string(),
            "Keep the value of the hottest key outside the cache, or refresh it before it expires, with \
            .refresh_ahead: one key has a large share of all requests (the key with the hash 000000000000001f \
            has at least 40.0 % of 100,000 requests, among 9,500 entries)."
        );
        assert_eq!(one_hot_key(&Evidence { entries: 10, ..evidence }), None);
        let less = hot(None, 0.31);
        assert_eq!(one_hot_key(&Evidence { hot_keys: Some(&less), ..healthy() }), None, "it may be less");
    }

    #[test]
    fn named_escapes_and_shortens_names() {
        let long = "x".repeat(100);
        let named = |name| named(&hot(Some(name), 0.4).by_requests[0]);
        assert_eq!(named("home\n"), r#""home\n""#);
        assert_eq!(named(&long), format!("\"{}…\"", "x".repeat(60)));
    }

    #[test]
    fn stampedes_advises_refreshing_expiring_values() {
        let evidence = Evidence { coalesced: 12_000, wait_time: Duration::from_secs(90), ..healthy() };
        let advice = stampedes(&evidence).unwrap();
        assert_eq!(
            advice.to_string(),
            "Refresh values before requests have to wait, with .refresh_ahead(Duration::from_secs(6)) or \
            .early_expiration(1.0), or serve expired values during the load, with .serve_stale_for: many \
            requests wait for one load (12.0 % of 100,000 requests waited for another's load, 1.50 min in 1 h, \
            which is 30.0 % of all request time)."
        );
        assert_eq!(advice.impact, Impact::Time(Duration::from_secs(90)));
        assert!(stampedes(&Evidence { coalesced: 100, ..evidence.clone() }).is_some(), "by time alone");
        assert_eq!(stampedes(&Evidence { coalesced: 99, ..evidence.clone() }), None);
        assert!(stampedes(&Evidence { wait_time: Duration::ZERO, ..evidence }).is_some(), "by number alone");
    }

    #[test]
    fn stampedes_advises_loading_beforehand_without_expiry() {
        let cold = Evidence { coalesced: 12_000, expires: false, ttl: None, expired_misses: 0, ..healthy() };
        assert!(stampedes(&cold).unwrap().action.contains(".batch_load"));
    }
}
