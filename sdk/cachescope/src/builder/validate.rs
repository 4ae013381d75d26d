//! The validation of a configuration, when the cache is built.

use cachescope_core::{ConfigError, Labels};
use cachescope_telemetry::names::attributes;

use super::Builder;
use crate::engine::freshness::Policy;

/// Telemetry backends cut or reject longer names.
const NAME_LIMIT: usize = 200;
/// Each label makes every series of the cache larger.
const LABEL_LIMIT: usize = 8;

impl<K, V, E, C, M> Builder<K, V, E, C, M> {
    /// Returns an error for a configuration that can't work, or the freshness policy.
    pub(super) fn check(&mut self) -> Result<Policy<V>, ConfigError> {
        check_name(&self.name)?;
        let in_cache = |what: String| ConfigError::new(format!("cache \"{}\": {what}", self.name));
        check_labels(&self.labels).map_err(in_cache)?;
        self.settings.check().map_err(|error| in_cache(error.to_string()))?;
        let policy = Policy::new(self.ttl_fn.take(), &self.settings);
        let is_set = |option| self.steps.contains(&option);
        let settings = &self.settings;
        let about_expiry = [
            ("jitter", settings.jitter > 0.0),
            ("refresh_ahead", !settings.refresh_ahead.is_zero()),
            ("early_expiration", settings.early_expiration > 0.0),
            ("serve_stale_for", !settings.serve_stale_for.is_zero()),
            ("serve_stale_on_error", !settings.serve_stale_on_error.is_zero()),
            ("cleanup_interval", settings.cleanup_interval.is_some()),
        ];
        let pointless = |(step, in_effect): &(&'static str, bool)| *in_effect && is_set(step) && !policy.expires();
        if let Some((step, _)) = about_expiry.iter().find(|step| pointless(step)) {
            return Err(in_cache(format!(
                "{step} has no effect on entries that never expire: add stale_after, or remove {step}"
            )));
        }
        if is_set("serve_stale_on_error") && !settings.serve_stale_on_error.is_zero() && self.error_type.is_none() {
            let what = "serve_stale_on_error has no effect on a function that returns no error: wrap a function that \
                        returns a Result with try_cached, or remove serve_stale_on_error";
            return Err(in_cache(what.to_owned()));
        }
        if is_set("wait_timeout_error") && settings.wait_for_load_timeout.is_none() {
            let what = "wait_timeout_error has no effect without a wait timeout: add wait_for_load_timeout, or remove \
                        wait_timeout_error";
            return Err(in_cache(what.to_owned()));
        }
        if self.counted_tags.is_some() && self.tags.is_none() {
            return Err(in_cache(
                "export_tags has no effect on entries without tags: add tags, or remove export_tags".to_owned(),
            ));
        }
        #[cfg(feature = "persist")]
        if let Some(persistence) = &self.persistence {
            persistence.check().map_err(|error| in_cache(error.to_string()))?;
        }
        self.admission.check(&self.name)?;
        Ok(policy)
    }
}

fn check_labels(labels: &Labels) -> Result<(), String> {
    if labels.len() > LABEL_LIMIT {
        return Err(format!("labels must be at most {LABEL_LIMIT}, got {}", labels.len()));
    }
    for (name, value) in labels {
        let is_ours = attributes::ALL.contains(&name.as_str()) || name.starts_with("cachescope.");
        if is_ours || name.is_empty() || !is_fit(name) {
            let name = name.escape_debug();
            return Err(format!(
                "label name must be 1 to {NAME_LIMIT} bytes, without control characters, and not a name of cachescope's own, got \"{name}\""
            ));
        }
        if value.is_empty() || !is_fit(value) {
            let value = value.escape_debug();
            return Err(format!(
                "label value of {name} must be 1 to {NAME_LIMIT} bytes, without control characters, got \"{value}\""
            ));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), ConfigError> {
    if name.is_empty() {
        return Err(ConfigError::new(
            "cache name must not be empty, got \"\": choose a stable name such as \"user.by_id\", which identifies the cache in telemetry",
        ));
    }
    if !is_fit(name) {
        let name = name.escape_debug();
        return Err(ConfigError::new(format!(
            "cache name must be at most {NAME_LIMIT} bytes, without control characters, got \"{name}\""
        )));
    }
    Ok(())
}

/// Returns whether telemetry backends accept the text unchanged.
fn is_fit(text: &str) -> bool {
    text.len() <= NAME_LIMIT && !text.chars().any(char::is_control)
}

#[cfg(all(test, feature = "moka"))]
mod tests {
    use cachescope_moka::Moka;

    use std::time::Duration;

    use super::*;
    use crate::builder::{cached, try_cached};

    fn refused(name: &str, capacity: u64) -> String {
        let builder = cached(name, |id: u64| async move { id }).store(Moka::with_capacity(capacity));
        builder.try_build().expect_err("refused").to_string()
    }

    #[test]
    fn jitter_must_be_a_share_and_needs_a_ttl() {
        let built = |jitter, life: Option<Duration>| {
            let builder = cached("jittered", |id: u64| async move { id }).jitter(jitter);
            let builder = life.into_iter().fold(builder, Builder::stale_after);
            builder.try_build().map_err(|error| error.to_string())
        };
        let life = Some(Duration::from_secs(60));
        assert!(built(0.1, life).is_ok() && built(0.0, None).is_ok());
        assert!(built(1.1, life).expect_err("too much").contains("0 to 1"));
        assert!(built(f64::NAN, life).expect_err("no number").contains("0 to 1"));
        assert!(built(0.1, None).expect_err("nothing to shorten").contains("add stale_after"));
    }

    #[test]
    fn option_without_effect_names_the_missing_option() {
        let second = Duration::from_secs(1);
        let refused = |error: Result<_, ConfigError>| error.map(|_: ()| ()).expect_err("refused").to_string();
        let values = || cached("values", |id: u64| async move { id });
        let results = || try_cached("results", |id: u64| async move { Ok::<_, ()>(id) });
        let error = values().stale_after(second).serve_stale_on_error(second).try_build().map(drop);
        assert!(refused(error).contains("try_cached"));
        let error = results().wait_timeout_error(|| ()).try_build().map(drop);
        assert!(refused(error).contains("add wait_for_load_timeout"));
        assert!(refused(results().refresh_ahead(second).try_build().map(drop)).contains("add stale_after"));
        assert!(refused(results().cleanup_interval(second).try_build().map(drop)).contains("add stale_after"));
        assert!(refused(results().export_tags(10).try_build().map(drop)).contains("add tags"));
        assert!(refused(results().load_concurrency(0).try_build().map(drop)).contains("at least 1"));
        let error = results().stale_after(second).early_expiration(-1.0).try_build().map(drop);
        assert!(refused(error).contains("0 or more"));
        let error = results().stale_after(second).cleanup_interval(Duration::ZERO).try_build().map(drop);
        assert!(refused(error).contains("greater than zero"));
    }

    #[test]
    fn label_needs_own_name_and_value() {
        let refused = |labels: &[(&str, &str)]| {
            let builder = cached("labelled", |id: u64| async move { id });
            let builder = labels.iter().fold(builder, |builder, (name, value)| builder.label(*name, *value));
            builder.try_build().map(drop).err().map(|error| error.to_string())
        };
        assert_eq!(refused(&[("team", "search"), ("tier", "gold")]), None);
        assert!(
            refused(&[("cachescope.store", "mine")])
                .is_some_and(|error| error.contains("not a name of cachescope's own"))
        );
        assert!(
            refused(&[("error.type", "none")]).is_some_and(|error| error.contains("not a name of cachescope's own"))
        );
        assert!(refused(&[("team", "")]).is_some_and(|error| error.contains("1 to 200 bytes")));
        let many: Vec<String> = (0..9).map(|number| format!("label{number}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(refused(&many).is_some_and(|error| error.contains("at most 8")));
    }

    #[test]
    fn invalid_configuration_names_the_fix() {
        assert!(refused("", 1).contains("must not be empty"));
        assert!(refused("a\nb", 1).contains(r"a\nb"));
        assert!(refused(&"x".repeat(201), 1).contains("at most 200 bytes"));
        assert_eq!(
            refused("user.by_id", 0),
            "cache \"user.by_id\": capacity of a moka store must be at least 1, got 0"
        );
    }
}
