//! Environment variables, with defaults set in code.

use std::collections::BTreeMap;
use std::time::Duration;

use cachescope_exporter::{Variables, non_empty, process_variable};
use opentelemetry_sdk::trace::BatchConfigBuilder;

use crate::Error;

/// Variables of the specification that are not supported, each with the values that equal the actual behaviour.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("OTEL_CONFIG_FILE", &[]),
    ("OTEL_EXPERIMENTAL_CONFIG_FILE", &[]),
    ("OTEL_ENTITIES", &[]),
    ("OTEL_LOG_LEVEL", &[]),
    ("OTEL_LOGS_EXPORTER", &["none"]),
    // The SDK has no exemplars.
    ("OTEL_METRICS_EXEMPLAR_FILTER", &["always_off"]),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", &[]),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[]),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[]),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &[]),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &[]),
    ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", &[]),
    ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[]),
    ("OTEL_BLRP_SCHEDULE_DELAY", &[]),
    ("OTEL_BLRP_EXPORT_TIMEOUT", &[]),
    ("OTEL_BLRP_MAX_QUEUE_SIZE", &[]),
    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", &[]),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", &[]),
    // Older names of `..._TRACES_INSECURE` and `..._METRICS_INSECURE`.
    ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", &[]),
    ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", &[]),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &[]),
    ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", &[]),
    ("OTEL_EXPORTER_JAEGER_AGENT_HOST", &[]),
    ("OTEL_EXPORTER_JAEGER_ENDPOINT", &[]),
];

/// The settings of the batch span processor.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "used by exporters that may not be compiled in"))]
#[derive(Debug)]
pub(crate) struct BatchSettings {
    pub(crate) config: BatchConfigBuilder,
    /// The number of spans that may wait.
    pub(crate) queue_size: usize,
}

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The source of variables: the process or a function, and the defaults set in code.
pub(crate) struct Environment {
    lookup: Lookup,
    defaults: BTreeMap<String, String>,
}

impl Environment {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { lookup: Box::new(lookup), defaults: BTreeMap::new() }
    }

    pub(crate) fn process() -> Self {
        Self::new(process_variable)
    }

    pub(crate) fn set_default(&mut self, name: String, value: String) {
        self.defaults.insert(name, value);
    }

    /// Returns the variable's value, or its default. An empty value counts as unset, as the specification requires.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let set = (self.lookup)(name).and_then(|value| non_empty(&value));
        set.or_else(|| self.defaults.get(name).and_then(|value| non_empty(value)))
    }

    /// Reads a comma-separated list. The value `none` is an empty list, and can't be combined with other items.
    pub(crate) fn list<T: PartialEq>(
        &self,
        name: &str,
        rule: &str,
        item: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        if value.eq_ignore_ascii_case("none") {
            return Ok(Some(Vec::new()));
        }
        let mut items = Vec::new();
        for part in value.split(',') {
            let part = part.trim().to_ascii_lowercase();
            match item(&part) {
                Some(known) if items.contains(&known) => {}
                Some(known) => items.push(known),
                None => return Err(Error::variable(name, &value, rule)),
            }
        }
        Ok(Some(items))
    }

    pub(crate) fn is_disabled(&self) -> Result<bool, Error> {
        let lookup = |name: &str| self.get(name);
        Ok(Variables::new(&lookup).boolean("OTEL_SDK_DISABLED")?.unwrap_or(false))
    }

    /// Reads and validates the export interval. The SDK reads the variable too, but replaces wrong values without a
    /// report, and takes an interval of 0 for "export without a pause".
    pub(crate) fn metric_interval(&self) -> Result<Duration, Error> {
        // Exporters read the timeout themselves; here it is only validated.
        self.positive("OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds")?;
        Ok(Duration::from_millis(self.positive("OTEL_METRIC_EXPORT_INTERVAL", "milliseconds")?.unwrap_or(60_000)))
    }

    /// Reads the settings of the batch span processor, all of them: the SDK's builder would read missing ones from the
    /// process's environment.
    pub(crate) fn batch_settings(&self) -> Result<BatchSettings, Error> {
        let delay = self.positive("OTEL_BSP_SCHEDULE_DELAY", "milliseconds")?.unwrap_or(5_000);
        let spans = |name: &str, default: u64| {
            let spans = self.positive(name, "spans")?.unwrap_or(default);
            Ok::<_, Error>(usize::try_from(spans).unwrap_or(usize::MAX))
        };
        let queue_size = spans("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?;
        let config = BatchConfigBuilder::default()
            .with_scheduled_delay(Duration::from_millis(delay))
            .with_max_queue_size(queue_size)
            .with_max_export_batch_size(spans("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?);
        // Exporters read the timeout themselves; here it is only validated.
        self.positive("OTEL_BSP_EXPORT_TIMEOUT", "milliseconds")?;
        Ok(BatchSettings { config, queue_size })
    }

    /// Returns the names of set variables that are not supported.
    pub(crate) fn unsupported(&self) -> Vec<&'static str> {
        let has_other_effect = |(name, same): &(&str, &[&str])| {
            self.get(name).is_some_and(|value| !same.iter().any(|same| value.eq_ignore_ascii_case(same)))
        };
        UNSUPPORTED.iter().filter(|entry| has_other_effect(entry)).map(|(name, _)| *name).collect()
    }

    /// Logs one warning with the names of set variables that are not supported.
    pub(crate) fn warn_about_unsupported(&self) {
        let names = self.unsupported();
        if !names.is_empty() {
            tracing::warn!(
                "environment variables are set but not supported: {}; they have no effect",
                names.join(", ")
            );
        }
    }

    fn positive(&self, name: &str, unit: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number.into())),
            _ => Err(Error::variable(name, &value, format!("a whole number of {unit} from 1 to {}", u32::MAX))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Environment::new(move |name| variables.get(name).cloned())
    }

    /// Asserts that the error's message contains these parts: the variable, the value and the rule.
    pub(crate) fn assert_names<T>(result: Result<T, Error>, parts: &[&str]) {
        let Err(error) = result else { panic!("a wrong value was accepted: {parts:?}") };
        assert!(error.is_config());
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}, expected {parts:?}");
    }

    #[test]
    fn environment_overrides_code_and_empty_counts_as_unset() {
        let mut e = environment(&[("A", "env"), ("B", " ")]);
        for name in ["A", "B", "C"] {
            e.set_default(name.to_owned(), "code".to_owned());
        }
        assert_eq!(e.get("A").as_deref(), Some("env"));
        assert_eq!(e.get("B").as_deref(), Some("code"));
        assert_eq!(e.get("C").as_deref(), Some("code"));
        assert_eq!(e.get("D"), None);
    }

    #[test]
    fn is_disabled_accepts_only_booleans() {
        for (value, expected) in [("true", true), ("TRUE", true), ("false", false), ("", false)] {
            assert_eq!(environment(&[("OTEL_SDK_DISABLED", value)]).is_disabled().unwrap(), expected);
        }
        let wrong = environment(&[("OTEL_SDK_DISABLED", "1")]).is_disabled();
        assert_names(wrong, &["OTEL_SDK_DISABLED must be true or false, got \"1\""]);
    }

    #[test]
    fn numeric_variables_accept_only_positive_integers() {
        let e = environment(&[("OTEL_METRIC_EXPORT_INTERVAL", "250")]);
        assert_eq!(e.metric_interval().unwrap(), Duration::from_millis(250));
        assert_eq!(environment(&[]).metric_interval().unwrap(), Duration::from_secs(60));
        for value in ["0", "-1", "1s", "99999999999"] {
            let wrong = environment(&[("OTEL_METRIC_EXPORT_INTERVAL", value)]).metric_interval();
            assert_names(wrong, &["OTEL_METRIC_EXPORT_INTERVAL", value, "milliseconds"]);
        }
        for name in [
            "OTEL_BSP_SCHEDULE_DELAY",
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "OTEL_BSP_EXPORT_TIMEOUT",
        ] {
            assert_names(environment(&[(name, "many")]).batch_settings(), &[name, "many", "a whole number"]);
            environment(&[(name, "7")]).batch_settings().unwrap();
        }
        let wrong = environment(&[("OTEL_METRIC_EXPORT_TIMEOUT", "0")]).metric_interval();
        assert_names(wrong, &["OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds"]);
        let set = [("OTEL_BSP_MAX_QUEUE_SIZE", "7"), ("OTEL_BSP_SCHEDULE_DELAY", "9")];
        let batch_settings = environment(&set).batch_settings().unwrap();
        let shown = format!("{:?}", batch_settings.config.build());
        assert!(shown.contains("max_queue_size: 7") && shown.contains("scheduled_delay: 9ms"), "{shown}");
        assert_eq!((batch_settings.queue_size, environment(&[]).batch_settings().unwrap().queue_size), (7, 2_048));
    }

    #[test]
    fn unsupported_lists_set_variables_without_support() {
        let set = [
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based"),
            ("OTEL_CONFIG_FILE", ""),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "1"),
            ("OTEL_SERVICE_NAME", "shop"),
        ];
        let names = environment(&set).unsupported();
        assert_eq!(names, ["OTEL_METRICS_EXEMPLAR_FILTER", "OTEL_BLRP_MAX_QUEUE_SIZE"]);
        assert!(environment(&[("OTEL_METRICS_EXEMPLAR_FILTER", "Always_Off")]).unsupported().is_empty());
        assert_eq!(environment(&[("OTEL_LOGS_EXPORTER", "otlp")]).unsupported(), ["OTEL_LOGS_EXPORTER"]);
    }
}
