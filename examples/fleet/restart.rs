//! The restart of the gateway: the lost counts, computed from the reports of the instances.

use std::thread::sleep;
use std::time::Duration;

use crate::args::Temporality;
use crate::collected;
use crate::instance_handle::InstanceHandle;
use crate::servers::Servers;
use crate::tally::Tally;
use crate::totals::Totals;

/// The time in which the gateway receives counts that aren't scraped before it is killed.
const UNSCRAPED: Duration = Duration::from_secs(1);
/// The time without a gateway. Instances keep the counts of this time.
const AWAY: Duration = Duration::from_millis(1_500);

/// The effect of the restart.
#[derive(Debug, Default)]
pub(crate) struct Restart {
    /// The counts in Prometheus before the restart that later counts don't include.
    pub(crate) before: Tally,
    /// The counts that were delivered and never scraped.
    pub(crate) lost: Tally,
}

/// Kills the gateway under load, once it has counts that aren't scraped, and starts it again. `ended` has the delivered
/// counts of instances that are gone.
pub(crate) fn restart(
    servers: &mut Servers,
    instances: &mut [InstanceHandle],
    ended: &Totals,
    temporality: Temporality,
) -> anyhow::Result<Restart> {
    let scraped = delivered(instances, ended)?;
    collected::wait_for(servers, &scraped)?;
    servers.started()?.1.pause()?;
    go(instances)?;
    sleep(UNSCRAPED);
    let received = delivered(instances, ended)?;
    // No request is running now, so the received counts are known.
    servers.started()?.0.kill()?;
    go(instances)?;
    sleep(AWAY);
    let (gateway, scraper) = servers.started()?;
    gateway.restart()?;
    scraper.resume()?;
    Ok(match temporality {
        // Every series starts at zero again: the scraped counts stay in Prometheus, the rest is lost.
        Temporality::Delta => Restart { lost: received.since(&scraped), before: scraped },
        // Running instances send their totals again.
        Temporality::Cumulative => Restart { lost: ended.tally(), before: Tally::default() },
    })
}

/// Holds and flushes all instances. Returns the delivered counts of these instances and of `ended`.
fn delivered(instances: &mut [InstanceHandle], ended: &Totals) -> anyhow::Result<Tally> {
    instances.iter_mut().try_fold(ended.tally(), |all, instance| Ok(all.plus(&instance.flush()?.tally())))
}

fn go(instances: &mut [InstanceHandle]) -> anyhow::Result<()> {
    instances.iter_mut().try_for_each(InstanceHandle::go)
}
