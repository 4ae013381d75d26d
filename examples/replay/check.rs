//! Measures the errors of predictions by more runs.

use crate::args::Args;
use crate::outcome::Outcome;
use crate::run::Run;

/// Replays the trace with each predicted capacity, and with each predicted TTL if the cache has a TTL. Reports progress
/// by `progress`.
pub(crate) async fn check(
    outcome: &mut Outcome,
    args: &Args,
    progress: &dyn Fn(&str) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let (config, hit_rate) = (outcome.config, outcome.hit_rate);
    for size in &mut outcome.curve {
        size.real = if size.multiple == 1.0 {
            Some(hit_rate)
        } else {
            progress(&format!("replaying with a capacity of {} ...", size.capacity))?;
            Some(Run::new(args, &config.with_limit(size.capacity), false).await?.hit_rate())
        };
    }
    let Some(own) = config.ttl else { return Ok(()) };
    for point in &mut outcome.ttl_curve {
        point.real = if point.ttl == own {
            Some(hit_rate)
        } else {
            progress(&format!("replaying with a TTL of {:?} ...", point.ttl))?;
            Some(Run::new(args, &config.with_ttl(point.ttl), false).await?.hit_rate())
        };
    }
    Ok(())
}
