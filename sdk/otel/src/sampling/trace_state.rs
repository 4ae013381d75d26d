//! Sampling information in OpenTelemetry's entry of tracestate: `ot=th:fd70a;rv:…`.

use opentelemetry::trace::{TraceId, TraceState};

use super::threshold::{Threshold, hexadecimal};

const ENTRY: &str = "ot";
const THRESHOLD: &str = "th";
const RANDOMNESS: &str = "rv";

/// The random part of a trace id: its last 56 bits.
const RANDOM_BITS: u128 = (1 << 56) - 1;

/// Returns the threshold that the span was sampled by. `None` if there is none, or it can't be parsed.
pub(crate) fn threshold(state: &TraceState) -> Option<Threshold> {
    value(state, THRESHOLD).and_then(Threshold::read)
}

/// Returns the randomness that decides on this trace: its explicit `rv`, else the random part of its id.
pub(crate) fn randomness(state: &TraceState, trace_id: TraceId) -> u64 {
    let explicit = value(state, RANDOMNESS).filter(|text| text.len() == 14).and_then(hexadecimal);
    explicit.unwrap_or_else(|| (u128::from_be_bytes(trace_id.to_bytes()) & RANDOM_BITS) as u64)
}

/// Returns the state with this threshold, or without one. The entry's other members stay.
pub(crate) fn with_threshold(state: &TraceState, threshold: Option<Threshold>) -> TraceState {
    let text = threshold.and_then(Threshold::text);
    if value(state, THRESHOLD) == text.as_deref() {
        return state.clone();
    }
    let others = members(state).filter(|(key, _)| *key != THRESHOLD);
    let mut entry = String::new();
    for (key, value) in text.as_deref().map(|text| (THRESHOLD, text)).into_iter().chain(others) {
        let separator = if entry.is_empty() { "" } else { ";" };
        entry.extend([separator, key, ":", value]);
    }
    let changed = if entry.is_empty() { state.delete(ENTRY) } else { state.insert(ENTRY, entry) };
    // The entry would be too long: it is removed, because an old threshold would be wrong.
    changed.or_else(|_| state.delete(ENTRY)).unwrap_or_default()
}

fn members(state: &TraceState) -> impl Iterator<Item = (&str, &str)> {
    state.get(ENTRY).into_iter().flat_map(|entry| entry.split(';')).filter_map(|member| member.split_once(':'))
}

fn value<'a>(state: &'a TraceState, key: &str) -> Option<&'a str> {
    members(state).find(|(known, _)| *known == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> TraceState {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn threshold_is_added_replaced_and_removed_without_other_changes() {
        let quarter = Some(Threshold::from_rate(0.25));
        for (before, after, without) in [
            ("", "ot=th:c", ""),
            ("ot=th:8", "ot=th:c", ""),
            ("ot=th:c", "ot=th:c", ""),
            (
                "a=1,ot=rv:0123456789abcd;th:8;k:v,b=2",
                "ot=th:c;rv:0123456789abcd;k:v,a=1,b=2",
                "ot=rv:0123456789abcd;k:v,a=1,b=2",
            ),
        ] {
            assert_eq!(with_threshold(&state(before), quarter).header(), after, "{before:?}");
            assert_eq!(threshold(&with_threshold(&state(before), quarter)), quarter);
            let erased = with_threshold(&state(before), None);
            assert_eq!(threshold(&erased), None);
            assert_eq!(erased.header(), without, "{before:?}");
        }
    }

    #[test]
    fn full_entry_is_removed_rather_than_kept_with_a_wrong_threshold() {
        let full = state(&format!("a=1,ot=th:8;k:{}", "x".repeat(247)));
        assert_eq!(threshold(&full), Some(Threshold::from_rate(0.5)));
        assert_eq!(with_threshold(&full, Some(Threshold::from_rate(0.01))).header(), "a=1");
    }

    #[test]
    fn randomness_is_explicit_or_the_end_of_the_trace_id() {
        let id = TraceId::from(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128);
        assert_eq!(randomness(&state(""), id), 0x0023_4567_89ab_cdef);
        assert_eq!(randomness(&state("ot=rv:00000000000abc"), id), 0xabc);
        for wrong in ["ot=rv:abc", "ot=rv:0000000000000g", "ot=rv:000000000000abc"] {
            assert_eq!(randomness(&state(wrong), id), 0x0023_4567_89ab_cdef, "{wrong}");
        }
    }
}
