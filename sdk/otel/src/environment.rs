//! The variables, and what code set below them.

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_sdk::trace::BatchConfigBuilder;

use crate::Error;

/// Variables of the specification that nothing here honours, each with the values, if any, that ask for what is done
/// anyway.
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

/// How spans are put together for their exporter.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "of those exporters that aren't compiled in"))]
#[derive(Debug)]
pub(crate) struct Batches {
    pub(crate) config: BatchConfigBuilder,
    /// How many spans may wait.
    pub(crate) places: usize,
}

type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where variables come from: the process, or a function in its place, and below it the defaults that code set.
pub(crate) struct Environment {
    lookup: Lookup,
    defaults: BTreeMap<String, String>,
}

impl Environment {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { lookup: Box::new(lookup), defaults: BTreeMap::new() }
    }

    pub(crate) fn process() -> Self {
        // Bytes that are no text become a value that no parser accepts, rather than a variable that is not there.
        Self::new(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    pub(crate) fn set_default(&mut self, name: String, value: String) {
        self.defaults.insert(name, value);
    }

    /// The variable's value; empty counts as unset, as the specification wants.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let trimmed = |value: String| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        (self.lookup)(name).and_then(trimmed).or_else(|| self.defaults.get(name).cloned().and_then(trimmed))
    }

    /// A comma-separated list read item by item; `none` stands alone and gives an empty one.
    pub(crate) fn list<T: PartialEq>(
        &self,
        name: &str,
        accepted: &str,
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
                None => return Err(Error::variable(name, &value, accepted)),
            }
        }
        Ok(Some(items))
    }

    pub(crate) fn is_disabled(&self) -> Result<bool, Error> {
        const NAME: &str = "OTEL_SDK_DISABLED";
        match self.get(NAME) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(Error::variable(NAME, &value, "true or false")),
        }
    }

    /// The SDK reads these too, but falls back in silence, and takes an interval of 0 for "export without a pause".
    pub(crate) fn metric_interval(&self) -> Result<Duration, Error> {
        // An exporter keeps to it.
        self.positive("OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds")?;
        Ok(Duration::from_millis(self.positive("OTEL_METRIC_EXPORT_INTERVAL", "milliseconds")?.unwrap_or(60_000)))
    }

    /// The SDK's builder would ask the process's environment for whatever is not said here.
    pub(crate) fn batches(&self) -> Result<Batches, Error> {
        let delay = self.positive("OTEL_BSP_SCHEDULE_DELAY", "milliseconds")?.unwrap_or(5_000);
        let spans = |name: &str, default: u64| {
            let spans = self.positive(name, "spans")?.unwrap_or(default);
            Ok::<_, Error>(usize::try_from(spans).unwrap_or(usize::MAX))
        };
        let places = spans("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?;
        let config = BatchConfigBuilder::default()
            .with_scheduled_delay(Duration::from_millis(delay))
            .with_max_queue_size(places)
            .with_max_export_batch_size(spans("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?);
        // The exporter keeps to it.
        self.positive("OTEL_BSP_EXPORT_TIMEOUT", "milliseconds")?;
        Ok(Batches { config, places })
    }

    /// Variables that are set, and that nothing honours.
    pub(crate) fn unsupported(&self) -> Vec<&'static str> {
        let asks_for_more = |(name, same): &(&str, &[&str])| {
            self.get(name).is_some_and(|value| !same.iter().any(|same| value.eq_ignore_ascii_case(same)))
        };
        UNSUPPORTED.iter().filter(|entry| asks_for_more(entry)).map(|(name, _)| *name).collect()
    }

    /// Says once what will be missed.
    pub(crate) fn say_what_is_unsupported(&self) {
        let names = self.unsupported();
        if !names.is_empty() {
            tracing::warn!("set, and not supported: {}; the program goes on as if they were not set", names.join(", "));
        }
    }

    fn positive(&self, name: &str, of: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number.into())),
            _ => Err(Error::variable(name, &value, format!("{of}, a whole number from 1 to {}", u32::MAX))),
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

    /// Every message about a wrong value has the variable, the value, and what would do.
    pub(crate) fn assert_names<T>(result: Result<T, Error>, parts: &[&str]) {
        let Err(error) = result else { panic!("accepted, though wrong: {parts:?}") };
        assert!(error.is_variable());
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}, wanted {parts:?}");
    }

    #[test]
    fn the_environment_wins_over_code_and_empty_is_unset() {
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
    fn booleans() {
        for (value, expected) in [("true", true), ("TRUE", true), ("false", false), ("", false)] {
            assert_eq!(environment(&[("OTEL_SDK_DISABLED", value)]).is_disabled().unwrap(), expected);
        }
        let wrong = environment(&[("OTEL_SDK_DISABLED", "1")]).is_disabled();
        assert_names(wrong, &["OTEL_SDK_DISABLED is \"1\"", "true or false"]);
    }

    #[test]
    fn numbers() {
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
            assert_names(environment(&[(name, "many")]).batches(), &[name, "many", "a whole number"]);
            environment(&[(name, "7")]).batches().unwrap();
        }
        let wrong = environment(&[("OTEL_METRIC_EXPORT_TIMEOUT", "0")]).metric_interval();
        assert_names(wrong, &["OTEL_METRIC_EXPORT_TIMEOUT", "milliseconds"]);
        let set = [("OTEL_BSP_MAX_QUEUE_SIZE", "7"), ("OTEL_BSP_SCHEDULE_DELAY", "9")];
        let batches = environment(&set).batches().unwrap();
        let shown = format!("{:?}", batches.config.build());
        assert!(shown.contains("max_queue_size: 7") && shown.contains("scheduled_delay: 9ms"), "{shown}");
        assert_eq!((batches.places, environment(&[]).batches().unwrap().places), (7, 2_048));
    }

    #[test]
    fn what_is_set_and_not_honoured_is_told_by_name() {
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
