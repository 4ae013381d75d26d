//! A run: instances start, one crashes and starts again, optionally the gateway restarts, and all instances end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::args::FleetArgs;
use crate::collected;
use crate::cost::Cost;
use crate::crash::crash;
use crate::instance_handle::{ExportSchedule, InstanceHandle};
use crate::outcome::Outcome;
use crate::quantiles::quantiles;
use crate::restart::{Restart, restart};
use crate::servers::Servers;
use crate::totals::Totals;

/// The part of the run's time by which all instances have started.
const ALL_STARTED: f64 = 0.15;
/// The part of the run's time at which the first instance is killed.
const CRASH: f64 = 0.35;
/// The part of the run's time at which the gateway is killed.
const RESTART: f64 = 0.45;

/// Runs the fleet. Reports progress by `progress`.
pub(crate) fn run(args: &FleetArgs, progress: &dyn Fn(&str) -> std::io::Result<()>) -> anyhow::Result<Outcome> {
    let mut servers = Servers::open(args)?;
    progress(&format!("Prometheus {}, job {}", servers.prometheus().url(), servers.job()))?;
    let begun = Instant::now();
    let at = |share: f64| begun + args.run_for.mul_f64(share);

    let count = args.instances;
    let mut instances = Vec::new();
    for number in 1..=count {
        sleep_until(at(ALL_STARTED * f64::from(number - 1) / f64::from(count)));
        // The first instance crashes later, the last one delivers only at its end.
        let exports =
            if number == 1 || number == count { ExportSchedule::OnCommand } else { ExportSchedule::EverySecond };
        instances.push(InstanceHandle::start(&format!("{number}.1"), exports, args, &servers)?);
    }
    progress(&format!("{count} instances serve requests"))?;

    let first = crash(instances.remove(0), at(CRASH))?;
    progress("instance 1 was killed, and starts again")?;
    instances.push(InstanceHandle::start("1.2", ExportSchedule::EverySecond, args, &servers)?);

    let mut restarted = None;
    if args.gateway_restart {
        sleep_until(at(RESTART));
        restarted = Some(restart(&mut servers, &mut instances, &first.delivered, args.temporality)?);
        progress("the gateway was killed, and started again")?;
    }

    sleep_until(at(1.0));
    // All instances are still running.
    let cost = Cost::over(args.run_for.mul_f64(1.0 - CRASH).max(Duration::from_secs(2)), &servers)?;
    let mut delivered = Totals::default();
    delivered.add(&first.delivered);
    for instance in instances {
        delivered.add(&instance.end()?);
    }
    let ran_for = begun.elapsed();
    progress("all instances have ended")?;

    // After a restart the buckets have only the counts since the restart.
    let whole = restarted.is_none();
    let Restart { before, lost } = restarted.unwrap_or_default();
    let counted = delivered.tally();
    let shown = before.plus(&collected::settle(&servers, &counted.since(&before).since(&lost))?);
    let quantiles = if whole { quantiles(&delivered, &servers)? } else { Vec::new() };
    Ok(Outcome { counted, lost_in_crash: first.lost, lost_in_restart: lost, shown, quantiles, cost, ran_for })
}

fn sleep_until(time: Instant) {
    sleep(time.saturating_duration_since(Instant::now()));
}
