//! Sample rates that a server converts back to the exact count.

/// Splits `count` into parts, each of which is the exact reciprocal of its sample rate. Nearly always, there is one part.
///
/// A server counts `1 / rate` in floating point. For many counts, of which 49 is the first, the reciprocal of the nearest
/// rate isn't the count. Servers that truncate the fraction are then one too low.
pub(crate) fn parts(mut count: u64) -> Vec<Part> {
    let mut parts = Vec::new();
    while count > 0 {
        // A power of two always has an exact rate.
        let below = (count.saturating_sub(SEARCH)..=count).rev().filter(|part| *part > 0).find_map(exact);
        let part = below.or_else(|| exact(1 << count.ilog2()));
        let Some(part) = part else { break };
        count -= part.count;
        parts.push(part);
    }
    parts
}

/// The distance below a count in which a part is searched for, before a power of two is used.
const SEARCH: u64 = 8;

/// A part of a count, and its sample rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) count: u64,
    /// `None` for a count of one.
    pub(crate) rate: Option<f64>,
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn exact(count: u64) -> Option<Part> {
    if count == 1 {
        return Some(Part { count, rate: None });
    }
    let wanted = count as f64;
    let nearest = wanted.recip();
    let rate = [nearest, nearest.next_up(), nearest.next_down()].into_iter().find(|rate| rate.recip() == wanted)?;
    (wanted as u64 == count && count != u64::MAX).then_some(Part { count, rate: Some(rate) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the count of a server, which parses the rate.
    fn counted(part: Part) -> f64 {
        part.rate.map_or(1.0, |rate| 1.0 / rate.to_string().parse::<f64>().unwrap())
    }

    #[test]
    fn every_count_is_recovered_from_its_rates() {
        assert_ne!(1.0 / (1.0 / 49.0), 49.0, "the reason for the search");
        for count in (0..100_000).chain([1 << 40, (1 << 53) - 1, u64::MAX]) {
            let parts = parts(count);
            assert_eq!(parts.iter().map(|part| part.count).sum::<u64>(), count);
            for part in &parts {
                assert_eq!(counted(*part), part.count as f64);
            }
            // Counts beyond the precision of floating point take more parts.
            let most = if count < 1 << 53 { 3 } else { 64 };
            assert!(parts.len() <= most, "{} lines for {count}", parts.len());
        }
    }

    #[test]
    fn rate_is_written_without_an_exponent() {
        for part in parts(123_456_789_012).into_iter().chain(parts(1 << 50)) {
            let text = part.rate.map_or_else(String::new, |rate| rate.to_string());
            assert!(text.chars().all(|c| c.is_ascii_digit() || c == '.'), "{text}");
        }
    }
}
