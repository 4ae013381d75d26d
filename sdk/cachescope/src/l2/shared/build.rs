//! The shared store of a cache that is being built.

use std::sync::Arc;
use std::time::Duration;

use cachescope_core::{ConfigError, IntoStore};

use super::lease::random;
use super::tier::SharedTier;
use crate::engine::background::Runs;
use crate::engine::freshness::Policy;

/// The shared tier, if there is one, and the policy that knows of it.
pub(crate) type Built<K, V> = (Option<Arc<SharedTier<K, V>>>, Policy<V>);

/// Creates the shared tier that `config` asks for, and lets `policy` know of it.
///
/// # Errors
/// If the shared store can't be made as configured, or if `runs` has no runtime that could wait for the store.
pub(crate) fn build<K, V, C: IntoStore<K, V>>(
    config: &mut C,
    cache: &str,
    maintenance: Option<Duration>,
    runs: Runs,
    policy: Policy<V>,
) -> Result<Built<K, V>, ConfigError> {
    let Some(shared) = config.shared(cache)? else { return Ok((None, policy)) };
    if runs != Runs::InItsRuntime {
        return Err(ConfigError::new(
            "a shared store must be used with an async function, got a blocking one: wrap an async function, or choose \
             a store in memory",
        ));
    }
    let tier = SharedTier::new(shared, random(), maintenance);
    let policy = match tier.settings.memory_ttl {
        Some(ttl) => policy.before_shared_store(ttl),
        None => policy,
    };
    Ok((Some(Arc::new(tier)), policy))
}
