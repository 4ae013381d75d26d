//! What a scope holds, and how it is rid of what is over.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ground, LIVES, LONG, token};
use super::promises::Needs;
use crate::shared::Scope;

pub(super) const CASES: &[Case] = &[
    Case { name: "size_is_right_where_exact", needs: Needs::Nothing, body: |ground| Box::pin(size(ground)) },
    Case { name: "sweep_keeps_the_living", needs: Needs::Nothing, body: |ground| Box::pin(keeps(ground)) },
    Case { name: "sweep_drops_the_dead", needs: Needs::Sweeps, body: |ground| Box::pin(drops(ground)) },
];

async fn sized(ground: &Ground<'_>, what: &str, scope: &Scope, entries: u64, bytes: u64) -> Result<(), Seen> {
    let size = ground.store.size(scope).await?;
    if !size.exact {
        return Ok(());
    }
    same(&format!("entries {what}"), size.entries.unwrap_or(entries), entries)?;
    same(&format!("bytes {what}"), size.bytes.unwrap_or(bytes), bytes)
}

async fn size(ground: &Ground<'_>) -> Result<(), Seen> {
    let (scope, longer) = (ground.scope("cache")?, ground.scope("cache2")?);
    sized(ground, "of an empty scope", &scope, 0, 0).await?;
    for number in 0..10_u8 {
        ground.put(&scope.key(&number)?, &vec![number; usize::from(number)], Some(LONG)).await?;
    }
    ground.put(&longer.key(&0)?, b"of another scope", None).await?;
    sized(ground, "of a scope with ten", &scope, 10, 45).await?;
    ground.put(&scope.key(&3)?, &[7; 103], None).await?;
    sized(ground, "after one was replaced by one of 100 bytes more", &scope, 10, 145).await?;
    ground.granted("a lease that nobody holds", &scope.key(&3)?, token()).await?;
    ground.granted("a lease that nobody holds", &scope.key("absent")?, token()).await?;
    sized(ground, "with two leases", &scope, 10, 145).await?;
    ground.store.remove(&scope.key(&3)?).await?;
    ground.store.remove(&scope.key("absent")?).await?;
    sized(ground, "after one was removed", &scope, 9, 42).await?;
    ground.store.clear(&scope).await?;
    sized(ground, "of a cleared scope", &scope, 0, 0).await?;
    sized(ground, "of another scope", &longer, 1, 16).await
}

const DEAD: u64 = 12;

/// A scope in which so many entries' life is over, among others.
async fn partly_dead(ground: &Ground<'_>) -> Result<Scope, Seen> {
    let scope = ground.scope("cache")?;
    for number in 0..DEAD {
        ground.put(&scope.key(&("dead", number))?, b"dead", Some(LIVES[0])).await?;
        ground.put(&scope.key(&("long", number))?, b"long", Some(LONG)).await?;
        ground.put(&scope.key(&("endless", number))?, b"endless", None).await?;
        ground.put(&scope.key(&("renewed", number))?, b"dead", Some(LIVES[0])).await?;
        ground.put(&scope.key(&("renewed", number))?, b"renewed", Some(LONG)).await?;
    }
    ground.outlive(LIVES[0]).await;
    Ok(scope)
}

/// Sweeps until there is nothing more to do, and says how much there was.
async fn swept(ground: &Ground<'_>, scope: &Scope) -> Result<u64, Seen> {
    let mut sum = 0;
    for _ in 0..100 {
        match ground.store.sweep(scope).await? {
            0 => return Ok(sum),
            swept => sum += swept,
        }
    }
    Err(Seen::new("sweeps that come to an end", "100 sweeps that all dropped something"))
}

async fn keeps(ground: &Ground<'_>) -> Result<(), Seen> {
    let scope = partly_dead(ground).await?;
    let (leased, mine) = (scope.key("leased")?, token());
    ground.granted("a lease that nobody holds", &leased, mine).await?;
    let swept = swept(ground, &scope).await?;
    same("sweeps drop no more than is over", swept <= DEAD, true)?;
    for number in 0..DEAD {
        for kind in ["long", "endless", "renewed"] {
            let key = scope.key(&(kind, number))?;
            ground.holds("get of what lives, after a sweep", &key, Some(kind.as_bytes())).await?;
        }
        ground.holds("get of what is over, after a sweep", &scope.key(&("dead", number))?, None).await?;
    }
    same("a put with a lease that is held, after a sweep", ground.fenced(&leased, b"value", mine).await?, true)
}

async fn drops(ground: &Ground<'_>) -> Result<(), Seen> {
    ground.put(&ground.scope("other")?.key(&0)?, b"dead", Some(LIVES[0])).await?;
    let scope = partly_dead(ground).await?;
    same("how many the sweeps of a scope drop", swept(ground, &scope).await?, DEAD)?;
    sized(ground, "after sweeps", &scope, 3 * DEAD, (4 + 7 + 7) * DEAD).await
}
