use cachescope_exporter::{ConfigError, ExportedItem, ExporterStats, Variables, process_variable};
use opentelemetry::Key;

use crate::conversion::Conversion;
use crate::line_format::LineFormat;
use crate::transport::Transport;
use crate::{Address, Dialect, Error, MetricExporter, Timings, sanitize};

const ADDRESS: &str = "CACHESCOPE_STATSD_ADDRESS";
const DIALECT: &str = "CACHESCOPE_STATSD_DIALECT";
const PREFIX: &str = "CACHESCOPE_STATSD_PREFIX";
const TIMINGS: &str = "CACHESCOPE_STATSD_TIMINGS";

/// Configures and builds the exporter for a StatsD server.
///
/// | variable | values |
/// |---|---|
/// | `CACHESCOPE_STATSD_ADDRESS` | `HOST:PORT` for UDP, `unix:///PATH`; `127.0.0.1:8125` |
/// | `CACHESCOPE_STATSD_DIALECT` | `tagged` (default), `plain`, `dogstatsd` |
/// | `CACHESCOPE_STATSD_PREFIX` | the prefix of every name, followed by a dot; none |
/// | `CACHESCOPE_STATSD_TIMINGS` | `sampled` (default), `sampled:N`, `summarised`: see [`Timings`] |
///
/// ```
/// use cachescope_statsd::{Address, Dialect, StatsD};
///
/// let statsd = StatsD::new(Address::default()).dialect(Dialect::Plain).prefix("shop");
/// let exporter = statsd.metric_exporter()?; // the first export sends the first datagram
/// assert_eq!(statsd.stats().total_sent(), 0);
/// # Ok::<(), cachescope_statsd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StatsD {
    address: Address,
    dialect: Dialect,
    prefix: String,
    timings: Timings,
    resource: Vec<Key>,
    stats: ExporterStats,
}

impl StatsD {
    /// Creates the settings for a server at `address`, with defaults for all others.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            dialect: Dialect::default(),
            prefix: String::new(),
            timings: Timings::default(),
            resource: Vec::new(),
            stats: ExporterStats::new("statsd_metric_exporter", ExportedItem::DataPoint),
        }
    }

    /// Reads the variables of the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that isn't valid ([`Error::is_config`]).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&process_variable)
    }

    /// Reads variables through `lookup`, for your own defaults or for tests. An empty value counts as unset.
    ///
    /// # Errors
    ///
    /// As for [`StatsD::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        fn read<T: std::str::FromStr<Err = Error> + Default>(variables: Variables<'_>, name: &str) -> Result<T, Error> {
            let parse = |value: String| value.parse().map_err(|error: Error| error.for_setting(name));
            variables.get(name).map_or_else(|| Ok(T::default()), parse)
        }
        let variables = Variables::new(lookup);
        let prefix = variables.get(PREFIX).unwrap_or_default();
        check_prefix(&prefix).map_err(|error| error.for_setting(PREFIX))?;
        Ok(Self::new(read(variables, ADDRESS)?)
            .dialect(read(variables, DIALECT)?)
            .timings(read(variables, TIMINGS)?)
            .prefix(prefix))
    }

    /// Sets the dialect.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the prefix of every name. A dot follows it. The prefix is validated when the exporter is built.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the representation of histograms.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Selects attributes of the resource that become attributes of every series. Default: none.
    ///
    /// Counters need none, because servers add up the counters of all clients. Gauges of two instances overwrite each other
    /// unless an attribute such as `service.instance.id` separates them, at the cost of a series for each instance.
    #[must_use]
    pub fn resource_attributes<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.resource = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Builds the exporter. Sends nothing. Resolves a host name, which may wait for DNS; an IP address and `localhost` don't.
    ///
    /// # Errors
    ///
    /// The prefix has characters that would end a name ([`Error::is_config`]), or the host name can't be resolved
    /// ([`Error::is_resolve`]). A server that doesn't listen is no error.
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        check_prefix(&self.prefix)?;
        let target = self.address.resolve()?;
        let conversion = Conversion {
            format: LineFormat::new(self.dialect, &self.prefix),
            timings: self.timings,
            resource: self.resource.clone(),
        };
        let transport = Transport::new(self.address.clone(), target, self.stats.clone());
        Ok(MetricExporter::new(conversion, transport))
    }

    /// Returns the counts of data points that the exporters of these settings, and of their clones, have sent and dropped.
    #[must_use]
    pub fn stats(&self) -> &ExporterStats {
        &self.stats
    }
}

fn check_prefix(prefix: &str) -> Result<(), Error> {
    let rule = "a name without white space and any of :|@#,;";
    if sanitize::is_clean(prefix) { Ok(()) } else { Err(ConfigError::new("the StatsD prefix", rule, prefix).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<StatsD, Error> {
        StatsD::from_lookup(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn variables_are_read_and_empty_ones_are_unset() {
        let none = read(&[(ADDRESS, ""), (DIALECT, " "), (PREFIX, ""), (TIMINGS, "")]).unwrap();
        assert_eq!((none.address, none.dialect, none.timings), Default::default());
        assert_eq!(none.prefix, "");
        let all =
            read(&[(ADDRESS, "unix:///run/s.sock"), (DIALECT, "Plain"), (PREFIX, "shop.eu"), (TIMINGS, "summarised")]);
        let all = all.unwrap();
        assert_eq!(all.address, Address::Unix("/run/s.sock".into()));
        assert_eq!((all.dialect, all.timings, &*all.prefix), (Dialect::Plain, Timings::Summarised, "shop.eu"));
    }

    #[test]
    fn invalid_value_is_reported_with_its_variable_and_rule() {
        for (name, value, accepted) in [
            (ADDRESS, "nowhere", "HOST:PORT"),
            (DIALECT, "latin", "plain, tagged or dogstatsd"),
            (PREFIX, "a b", "white space"),
            (TIMINGS, "sampled:x", "summarised"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(error.is_config());
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
        let error = StatsD::new(Address::default()).prefix("a|b").metric_exporter().unwrap_err();
        assert!(error.is_config(), "{error}");
    }
}
