//! The settings, and what is made of them.

use cachescope_core::{ExportedItem, Exports};
use opentelemetry::Key;

use crate::delivery::Delivery;
use crate::notation::Notation;
use crate::translation::Translation;
use crate::{Address, Dialect, Error, MetricExporter, Timings, name};

const ADDRESS: &str = "CACHESCOPE_STATSD_ADDRESS";
const DIALECT: &str = "CACHESCOPE_STATSD_DIALECT";
const PREFIX: &str = "CACHESCOPE_STATSD_PREFIX";
const TIMINGS: &str = "CACHESCOPE_STATSD_TIMINGS";

/// A StatsD server, and how it is spoken to.
///
/// | variable | values |
/// |---|---|
/// | `CACHESCOPE_STATSD_ADDRESS` | `HOST:PORT` for UDP, `unix:///PATH`; `127.0.0.1:8125` |
/// | `CACHESCOPE_STATSD_DIALECT` | `tagged` (default), `plain`, `dogstatsd` |
/// | `CACHESCOPE_STATSD_PREFIX` | what every name begins with, a dot after it; none |
/// | `CACHESCOPE_STATSD_TIMINGS` | `sampled` (default), `sampled:N`, `summarised`: see [`Timings`] |
///
/// ```
/// use cachescope_statsd::{Address, Dialect, StatsD};
///
/// let statsd = StatsD::new(Address::default()).dialect(Dialect::Plain).prefix("shop");
/// let exporter = statsd.metric_exporter()?; // nothing is sent before the first export
/// assert_eq!(statsd.exports().total_sent(), 0);
/// # Ok::<(), cachescope_statsd::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StatsD {
    address: Address,
    dialect: Dialect,
    prefix: String,
    timings: Timings,
    resource: Vec<Key>,
    exports: Exports,
}

impl StatsD {
    /// At `address`, with the defaults for all else.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            dialect: Dialect::default(),
            prefix: String::new(),
            timings: Timings::default(),
            resource: Vec::new(),
            exports: Exports::new("statsd_metric_exporter", ExportedItem::DataPoint),
        }
    }

    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// A variable has a value that can't be honoured ([`Error::is_setting`]).
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables through `lookup`, for defaults of one's own or for tests. Empty is unset.
    ///
    /// # Errors
    ///
    /// As for [`StatsD::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        fn read<T: std::str::FromStr<Err = Error> + Default>(
            lookup: &dyn Fn(&str) -> Option<String>,
            variable: &'static str,
        ) -> Result<T, Error> {
            let set = lookup(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
            set.map_or_else(|| Ok(T::default()), |value| value.parse().map_err(|e: Error| e.of_variable(variable)))
        }
        let prefix = lookup(PREFIX).unwrap_or_default().trim().to_owned();
        check_prefix(&prefix).map_err(|error| error.of_variable(PREFIX))?;
        Ok(Self::new(read(lookup, ADDRESS)?)
            .dialect(read(lookup, DIALECT)?)
            .timings(read(lookup, TIMINGS)?)
            .prefix(prefix))
    }

    /// What the server understands.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What every name begins with; a dot is put after it. Checked when the exporter is made.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How histograms are told.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Which of the resource's attributes become attributes of every series, none unless set. Counters need none:
    /// servers add up those of all clients. Gauges of two instances overwrite each other unless something like
    /// `service.instance.id` tells them apart, at the price of as many series.
    #[must_use]
    pub fn resource_attributes<K: Into<Key>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.resource = keys.into_iter().map(Into::into).collect();
        self
    }

    /// Builds the exporter. Sends nothing; a host's name is resolved, which may wait for DNS, an IP and `localhost` don't.
    ///
    /// # Errors
    ///
    /// The prefix has characters that would end a name ([`Error::is_setting`]), or the host has no address
    /// ([`Error::is_resolve`]). That nobody listens there is no error.
    pub fn metric_exporter(&self) -> Result<MetricExporter, Error> {
        check_prefix(&self.prefix)?;
        let target = self.address.resolve()?;
        let translation = Translation {
            notation: Notation::new(self.dialect, &self.prefix),
            timings: self.timings,
            resource: self.resource.clone(),
        };
        Ok(MetricExporter::new(translation, Delivery::new(self.address.clone(), target, self.exports.clone())))
    }

    /// What the exporters made of this, and of its clones, have sent and dropped, in points.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.exports
    }
}

fn check_prefix(prefix: &str) -> Result<(), Error> {
    let accepted = "a name without white space and any of :|@#,;";
    if name::is_clean(prefix) { Ok(()) } else { Err(Error::setting("the StatsD prefix", prefix, accepted)) }
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
    fn wrong_values_name_variable_value_and_what_is_accepted() {
        for (name, value, accepted) in [
            (ADDRESS, "nowhere", "HOST:PORT"),
            (DIALECT, "latin", "plain, tagged or dogstatsd"),
            (PREFIX, "a b", "white space"),
            (TIMINGS, "sampled:x", "summarised"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            let text = error.to_string();
            assert!(error.is_setting());
            assert!(text.contains(name) && text.contains(value) && text.contains(accepted), "{text}");
        }
        let error = StatsD::new(Address::default()).prefix("a|b").metric_exporter().unwrap_err();
        assert!(error.is_setting(), "{error}");
    }
}
