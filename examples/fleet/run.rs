//! A run: instances come, one crashes and comes again, the gateway may too, and all end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::args::FleetArgs;
use crate::books::Books;
use crate::cost::Cost;
use crate::crash::crash;
use crate::member::{Exports, Member};
use crate::outcome::Outcome;
use crate::places::Places;
use crate::quantiles::quantiles;
use crate::restart::{Restart, restart};
use crate::shown;

/// Parts of a run's time: the last instance comes after so much of it at the latest, ...
const ALL_HERE: f64 = 0.15;
/// ... the first one dies, ...
const CRASH: f64 = 0.35;
/// ... and the gateway does.
const RESTART: f64 = 0.45;

/// Runs all of it, and says by `say` what happens.
pub(crate) fn run(args: &FleetArgs, say: &dyn Fn(&str) -> std::io::Result<()>) -> anyhow::Result<Outcome> {
    let mut places = Places::open(args)?;
    say(&format!("Prometheus {}, job {}", places.prometheus().url(), places.job()))?;
    let begun = Instant::now();
    let at = |share: f64| begun + args.run_for.mul_f64(share);

    let count = args.instances;
    let mut members = Vec::new();
    for number in 1..=count {
        sleep_until(at(ALL_HERE * f64::from(number - 1) / f64::from(count)));
        // The first is to crash, the last is slow to flush.
        let exports = if number == 1 || number == count { Exports::Told } else { Exports::EverySecond };
        members.push(Member::start(&format!("{number}.1"), exports, args, &places)?);
    }
    say(&format!("{count} instances serve requests"))?;

    let first = crash(members.remove(0), at(CRASH))?;
    say("instance 1 was killed, and begins anew")?;
    members.push(Member::start("1.2", Exports::EverySecond, args, &places)?);

    let mut restarted = None;
    if args.gateway_restart {
        sleep_until(at(RESTART));
        restarted = Some(restart(&mut places, &mut members, &first.handed_over, args.temporality)?);
        say("the gateway was killed, and began anew")?;
    }

    sleep_until(at(1.0));
    // While they are all at it.
    let cost = Cost::over(args.run_for.mul_f64(1.0 - CRASH).max(Duration::from_secs(2)), &places)?;
    let mut handed_over = Books::default();
    handed_over.add(&first.handed_over);
    for member in members {
        handed_over.add(&member.end()?);
    }
    let ran_for = begun.elapsed();
    say("all instances have ended")?;

    // After a restart its buckets are those of the second life.
    let whole = restarted.is_none();
    let Restart { before, lost } = restarted.unwrap_or_default();
    let counted = handed_over.tally();
    let shown = before.plus(&shown::finally(&places, &counted.since(&before).since(&lost))?);
    let quantiles = if whole { quantiles(&handed_over, &places)? } else { Vec::new() };
    Ok(Outcome { counted, lost_in_crash: first.lost, lost_in_restart: lost, shown, quantiles, cost, ran_for })
}

fn sleep_until(time: Instant) {
    sleep(time.saturating_duration_since(Instant::now()));
}
