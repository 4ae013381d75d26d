//! What OpenTelemetry's entry of tracestate says of sampling: `ot=th:fd70a;rv:…`.

use opentelemetry::trace::{TraceId, TraceState};

use super::threshold::{Threshold, hexadecimal};

const ENTRY: &str = "ot";
const THRESHOLD: &str = "th";
const RANDOMNESS: &str = "rv";

/// The 56 bits at the end of a trace's id are what is random in it.
const RANDOM_BITS: u128 = (1 << 56) - 1;

/// The threshold that the span was sampled by; `None` if nobody said, or what was said can't be read.
pub(crate) fn threshold(state: &TraceState) -> Option<Threshold> {
    value(state, THRESHOLD).and_then(Threshold::read)
}

/// What all sampling of this trace is decided by: its explicit randomness, else the one of its id.
pub(crate) fn randomness(state: &TraceState, trace_id: TraceId) -> u64 {
    let explicit = value(state, RANDOMNESS).filter(|text| text.len() == 14).and_then(hexadecimal);
    explicit.unwrap_or_else(|| (u128::from_be_bytes(trace_id.to_bytes()) & RANDOM_BITS) as u64)
}

/// The same with this threshold, or with none; what else the entry says stays.
pub(crate) fn with_threshold(state: &TraceState, wanted: Option<Threshold>) -> TraceState {
    let text = wanted.and_then(Threshold::text);
    if value(state, THRESHOLD) == text.as_deref() {
        return state.clone();
    }
    let others = members(state).filter(|(key, _)| *key != THRESHOLD);
    let mut entry = String::new();
    for (key, value) in text.as_deref().map(|text| (THRESHOLD, text)).into_iter().chain(others) {
        let parted = if entry.is_empty() { "" } else { ";" };
        entry.extend([parted, key, ":", value]);
    }
    let changed = if entry.is_empty() { state.delete(ENTRY) } else { state.insert(ENTRY, entry) };
    // Too long with it: no word of the threshold is right, an old one would be wrong.
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
    fn a_threshold_is_put_in_replaced_and_taken_out_and_the_rest_stays() {
        let quarter = Some(Threshold::keeping(0.25));
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
    fn an_entry_without_room_loses_the_threshold_rather_than_telling_a_wrong_one() {
        let full = state(&format!("a=1,ot=th:8;k:{}", "x".repeat(247)));
        assert_eq!(threshold(&full), Some(Threshold::keeping(0.5)));
        assert_eq!(with_threshold(&full, Some(Threshold::keeping(0.01))).header(), "a=1");
    }

    #[test]
    fn randomness_is_the_explicit_one_or_the_end_of_the_id() {
        let id = TraceId::from(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128);
        assert_eq!(randomness(&state(""), id), 0x0023_4567_89ab_cdef);
        assert_eq!(randomness(&state("ot=rv:00000000000abc"), id), 0xabc);
        for wrong in ["ot=rv:abc", "ot=rv:0000000000000g", "ot=rv:000000000000abc"] {
            assert_eq!(randomness(&state(wrong), id), 0x0023_4567_89ab_cdef, "{wrong}");
        }
    }
}
