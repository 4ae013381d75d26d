//! What a server understands besides name, value and type.

use std::str::FromStr;

use crate::Error;

/// What a StatsD server understands besides name, value and type.
///
/// ```
/// use cachescope_statsd::Dialect;
///
/// assert_eq!("DogStatsD".parse::<Dialect>()?, Dialect::DogStatsD);
/// # Ok::<(), cachescope_statsd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// No tags: each attribute is two levels of the name, sorted by key, dots within it as `_`:
    /// `cachescope.requests.cachescope_cache_name.users.result.hit:3|c`.
    Plain,
    /// Tags after `|#`, timings as `|ms`. The original server (0.9 and later, which makes them Graphite's tags),
    /// Telegraf, the OpenTelemetry Collector and the Datadog agent read it.
    #[default]
    Tagged,
    /// Tags after `|#`, histograms as distributions, `|d`, of which Datadog has percentiles over all hosts. The original
    /// server takes those for counters: don't send it these.
    DogStatsD,
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "plain" => Ok(Self::Plain),
            "tagged" => Ok(Self::Tagged),
            "dogstatsd" => Ok(Self::DogStatsD),
            _ => Err(Error::setting("the StatsD dialect", text, "plain, tagged or dogstatsd")),
        }
    }
}
