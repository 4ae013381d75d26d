//! The gateway dies and begins anew: what that loses, known by the processes before Prometheus is asked.

use std::thread::sleep;
use std::time::Duration;

use crate::args::Temporality;
use crate::books::Books;
use crate::member::Member;
use crate::places::Places;
use crate::shown;
use crate::tally::Tally;

/// What the gateway receives before it dies, and nobody scrapes.
const UNSCRAPED: Duration = Duration::from_secs(1);
/// What instances count while there is no gateway, and keep.
const AWAY: Duration = Duration::from_millis(1_500);

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Restart {
    /// What Prometheus had when the gateway died, and what is shown later doesn't include.
    pub(crate) before: Tally,
    /// Handed over, and in none of the gateway's lives to be seen.
    pub(crate) lost: Tally,
}

/// Kills the gateway under load, once it has received what is not scraped, and starts it anew. `ended` is what instances
/// had handed over that are gone.
pub(crate) fn restart(
    places: &mut Places,
    members: &mut [Member],
    ended: &Books,
    temporality: Temporality,
) -> anyhow::Result<Restart> {
    let scraped = handed_over(members, ended)?;
    shown::awaits(places, &scraped)?;
    places.own()?.1.pause()?;
    go(members)?;
    sleep(UNSCRAPED);
    let received = handed_over(members, ended)?;
    // Nothing is under way now, so it is known what arrived.
    places.own()?.0.kill()?;
    go(members)?;
    sleep(AWAY);
    let (gateway, scraper) = places.own()?;
    gateway.restart()?;
    scraper.resume()?;
    Ok(match temporality {
        // All begins at zero: what was scraped stays scraped, the rest is gone.
        Temporality::Delta => Restart { lost: received.since(&scraped), before: scraped },
        // Who lives tells all of its life once more.
        Temporality::Cumulative => Restart { lost: ended.tally(), before: Tally::default() },
    })
}

/// Holds all, has them deliver, and gives what they and `ended` have handed over.
fn handed_over(members: &mut [Member], ended: &Books) -> anyhow::Result<Tally> {
    members.iter_mut().try_fold(ended.tally(), |all, member| Ok(all.plus(&member.flush()?.tally())))
}

fn go(members: &mut [Member]) -> anyhow::Result<()> {
    members.iter_mut().try_for_each(Member::go)
}
