//! Entries live as long as they were given.

use std::time::Duration;

use super::broken::Seen;
use super::case::Case;
use super::ground::{Ending, Ground, LIVES, LONG, too_slow};
use super::promises::Needs;

pub(super) const CASES: &[Case] = &[
    Case { name: "life_ends", needs: Needs::Nothing, body: |ground| Box::pin(life_ends(ground)) },
    Case { name: "without_a_life_it_stays", needs: Needs::Nothing, body: |ground| Box::pin(stays(ground)) },
    Case { name: "replaced_takes_the_new_life", needs: Needs::Nothing, body: |ground| Box::pin(new_life(ground)) },
    Case { name: "shortest_and_longest_life", needs: Needs::Nothing, body: |ground| Box::pin(extremes(ground)) },
];

async fn life_ends(ground: &Ground<'_>) -> Result<(), Seen> {
    for life in LIVES {
        let key = ground.key("short")?;
        let begun = ground.clock.now();
        ground.put(&key, b"value", Some(life)).await?;
        if ground.ends(Ending::Entry(&key), life, begun, ground.clock.now()).await? {
            ground.holds("get after an entry's life", &key, None).await?;
            ground.put(&key, b"anew", Some(LONG)).await?;
            return ground.holds("get after put after an entry's life", &key, Some(b"anew")).await;
        }
    }
    Err(too_slow())
}

async fn stays(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, long) = (ground.key("for ever")?, ground.key("long")?);
    ground.put(&key, b"value", None).await?;
    ground.put(&long, b"value", Some(LONG)).await?;
    ground.outlive(LIVES[1]).await;
    ground.holds("get of what was put without a life, 1.8 s later", &key, Some(b"value")).await?;
    ground.holds("get of what was put for an hour, 1.8 s later", &long, Some(b"value")).await
}

async fn new_life(ground: &Ground<'_>) -> Result<(), Seen> {
    let (longer, endless) = (ground.key("longer")?, ground.key("endless")?);
    for (key, life) in [(&longer, Some(LONG)), (&endless, None)] {
        ground.put(key, b"short", Some(LIVES[0])).await?;
        ground.put(key, b"long", life).await?;
    }
    ground.outlive(LIVES[0]).await;
    ground.holds("get of what replaced a shorter life, after that", &longer, Some(b"long")).await?;
    ground.holds("get of what has no life and replaced one, after that", &endless, Some(b"long")).await?;
    for life in LIVES {
        let key = ground.key("shorter")?;
        ground.put(&key, b"long", None).await?;
        let begun = ground.clock.now();
        ground.put(&key, b"short", Some(life)).await?;
        if ground.ends(Ending::Entry(&key), life, begun, ground.clock.now()).await? {
            return Ok(());
        }
    }
    Err(too_slow())
}

/// A store that counts in milliseconds, or in 64 bits, neither fails nor turns them round.
async fn extremes(ground: &Ground<'_>) -> Result<(), Seen> {
    let (shortest, longest) = (ground.key("shortest")?, ground.key("longest")?);
    ground.put(&shortest, b"value", Some(Duration::from_nanos(1))).await?;
    ground.put(&longest, b"value", Some(Duration::MAX)).await?;
    ground.outlive(Duration::from_millis(100)).await;
    ground.holds("get of what was put for a nanosecond, 120 ms later", &shortest, None).await?;
    ground.holds("get of what was put for the longest time there is", &longest, Some(b"value")).await
}
