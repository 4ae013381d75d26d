//! How histograms are told.

use std::num::NonZeroU32;
use std::str::FromStr;

use crate::Error;

/// How a histogram, whose single values are gone by the time it is exported, is told in lines.
///
/// ```
/// use cachescope_statsd::Timings;
///
/// assert_eq!("summarised".parse::<Timings>()?, Timings::Summarised);
/// assert_eq!("sampled".parse::<Timings>()?, Timings::default());
/// # Ok::<(), cachescope_statsd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timings {
    /// As values that stand for the recorded ones, each with the rate that makes the server count it as many times.
    Sampled {
        /// About how many for a series and export, 16 unless set; one a bucket at least. As many as were recorded, if
        /// those are fewer: then servers that don't weigh by the rate have right percentiles, too. More make these
        /// servers' percentiles better, and cost a line each.
        values: NonZeroU32,
    },
    /// As a counter `NAME.count`, a counter `NAME.sum` and gauges `NAME.min` and `NAME.max`: four lines, exact, no
    /// percentiles.
    Summarised,
}

impl Default for Timings {
    fn default() -> Self {
        const VALUES: NonZeroU32 = NonZeroU32::new(16).unwrap();
        Self::Sampled { values: VALUES }
    }
}

impl FromStr for Timings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        let (kind, values) = lower.split_once(':').map_or((&*lower, None), |(kind, values)| (kind, Some(values)));
        match (kind, values.map(str::parse)) {
            ("sampled", None) => Ok(Self::default()),
            ("sampled", Some(Ok(values))) => Ok(Self::Sampled { values }),
            ("summarised" | "summarized", None) => Ok(Self::Summarised),
            _ => Err(Error::setting(
                "how StatsD timings are told",
                text,
                "sampled, sampled:N with the number of values for a series and export, or summarised",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_others_are_not() {
        let sampled = |values| Timings::Sampled { values: NonZeroU32::new(values).unwrap() };
        assert_eq!("Sampled:100".parse::<Timings>().unwrap(), sampled(100));
        assert_eq!("summarized".parse::<Timings>().unwrap(), Timings::Summarised);
        for text in ["", "sampled:", "sampled:0", "sampled:-1", "sampled:many", "summarised:3", "all"] {
            let error = text.parse::<Timings>().unwrap_err().to_string();
            assert!(error.contains("sampled:N"), "{text}: {error}");
        }
    }
}
