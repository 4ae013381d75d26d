//! The crash of an instance: the counts that it delivered before, and the counts that are lost.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::instance_handle::InstanceHandle;
use crate::tally::Tally;
use crate::totals::Totals;

/// The time between two deliveries.
const DELIVERIES: Duration = Duration::from_secs(1);
/// The minimum time between the last delivery and the crash.
const UNSENT: Duration = Duration::from_millis(500);

/// The counts of the crashed instance.
#[derive(Debug)]
pub(crate) struct Crash {
    /// Counted up to the last delivery.
    pub(crate) delivered: Totals,
    /// Counted after the last delivery, and never sent.
    pub(crate) lost: Tally,
}

/// Lets `instance` deliver at intervals, and kills it at `end`, between two deliveries. The instance exports only on
/// command, so the delivered counts are known exactly.
pub(crate) fn crash(mut instance: InstanceHandle, end: Instant) -> anyhow::Result<Crash> {
    let mut delivered = Totals::default();
    let left = || end.saturating_duration_since(Instant::now());
    while left() > DELIVERIES + UNSENT {
        sleep(DELIVERIES);
        delivered = instance.flush()?;
        instance.go()?;
    }
    sleep(left());
    let counted = instance.hold()?;
    instance.crash()?;
    let lost = counted.tally().since(&delivered.tally());
    Ok(Crash { delivered, lost })
}
