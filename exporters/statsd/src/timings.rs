use std::num::NonZeroU32;
use std::str::FromStr;

use cachescope_exporter::ConfigError;

use crate::Error;

/// The representation of histograms, whose single values are lost when the SDK exports them.
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
    /// Sends values that represent the recorded ones. The sample rate of each makes the server count all values that it
    /// represents.
    Sampled {
        /// The approximate number of values for a series and export. Default: 16. Each bucket has at least one.
        ///
        /// If fewer values were recorded, each is sent. Servers that don't weight values by the rate then have accurate
        /// percentiles too. More values make the percentiles of such servers more accurate, and cost a line each.
        values: NonZeroU32,
    },
    /// Sends counters `NAME.count` and `NAME.sum`, and gauges `NAME.min` and `NAME.max`: four lines, exact, without
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
            _ => Err(ConfigError::new(
                "the StatsD timings",
                "sampled, sampled:N (with the number of values for a series and export) or summarised",
                text,
            )
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_parsed_in_every_form_and_others_are_refused() {
        let sampled = |values| Timings::Sampled { values: NonZeroU32::new(values).unwrap() };
        assert_eq!("Sampled:100".parse::<Timings>().unwrap(), sampled(100));
        assert_eq!("summarized".parse::<Timings>().unwrap(), Timings::Summarised);
        for text in ["", "sampled:", "sampled:0", "sampled:-1", "sampled:many", "summarised:3", "all"] {
            let error = text.parse::<Timings>().unwrap_err().to_string();
            assert!(error.contains("sampled:N"), "{text}: {error}");
        }
    }
}
