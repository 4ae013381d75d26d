//! Runs that show how wrong predictions were.

use crate::args::Args;
use crate::outcome::Outcome;
use crate::run::Run;

/// Replays the trace with each capacity that something was predicted for, and with each time to live if the cache has
/// one; says by `say` what it is at.
pub(crate) async fn check(
    outcome: &mut Outcome,
    args: &Args,
    say: &dyn Fn(&str) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let (setting, hit_rate) = (outcome.setting, outcome.hit_rate);
    for size in &mut outcome.curve {
        size.real = if size.multiple == 1.0 {
            Some(hit_rate)
        } else {
            say(&format!("with a capacity of {} ...", size.capacity))?;
            Some(Run::of(args, &setting.with_room(size.capacity), false).await?.hit_rate())
        };
    }
    let Some(own) = setting.ttl else { return Ok(()) };
    for life in &mut outcome.lifetimes {
        life.real = if life.ttl == own {
            Some(hit_rate)
        } else {
            say(&format!("with entries that live for {:?} ...", life.ttl))?;
            Some(Run::of(args, &setting.with_ttl(life.ttl), false).await?.hit_rate())
        };
    }
    Ok(())
}
