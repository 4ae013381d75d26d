//! An instance that dies: what it had handed over, and what died with it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::books::Books;
use crate::member::Member;
use crate::tally::Tally;

/// How often it delivers.
const DELIVERIES: Duration = Duration::from_secs(1);
/// At least so much of its time it can't deliver any more.
const UNSENT: Duration = Duration::from_millis(500);

/// What is known of its life.
#[derive(Debug)]
pub(crate) struct Crash {
    /// Up to its last delivery.
    pub(crate) handed_over: Books,
    /// Counted since, and never sent.
    pub(crate) lost: Tally,
}

/// Has `member` deliver now and then, and kills it at `end`, between two deliveries. It exports nothing by itself, so
/// that it is known, to the request, what it had handed over.
pub(crate) fn crash(mut member: Member, end: Instant) -> anyhow::Result<Crash> {
    let mut handed_over = Books::default();
    let left = || end.saturating_duration_since(Instant::now());
    while left() > DELIVERIES + UNSENT {
        sleep(DELIVERIES);
        handed_over = member.flush()?;
        member.go()?;
    }
    sleep(left());
    let counted = member.hold()?;
    member.crash()?;
    let lost = counted.tally().since(&handed_over.tally());
    Ok(Crash { handed_over, lost })
}
