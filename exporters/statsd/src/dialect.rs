use std::str::FromStr;

use cachescope_exporter::ConfigError;

use crate::Error;

/// The dialect of the StatsD protocol that the server understands.
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
    /// Without tags: each attribute is two levels of the name, sorted by key, with `_` instead of dots:
    /// `cachescope.requests.cachescope_cache_name.users.result.hit:3|c`.
    Plain,
    /// Tags after `|#`, and timings as `|ms`. The OpenTelemetry Collector, Telegraf, the Datadog agent and the original
    /// server (0.9 and later, which turns them into Graphite's tags) read it.
    #[default]
    Tagged,
    /// Tags after `|#`, and histograms as distributions, `|d`, for which Datadog has percentiles over all hosts. Don't use it
    /// with the original server, which takes distributions for counters.
    DogStatsD,
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "plain" => Ok(Self::Plain),
            "tagged" => Ok(Self::Tagged),
            "dogstatsd" => Ok(Self::DogStatsD),
            _ => Err(ConfigError::new("the StatsD dialect", "plain, tagged or dogstatsd", text).into()),
        }
    }
}
