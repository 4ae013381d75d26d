//! What is dropped half-way.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ground, LONG, token};
use super::promises::Needs;
use super::steps::given_up;
use crate::shared::StoreKey;

pub(super) const CASES: &[Case] =
    &[Case { name: "dropped_operations", needs: Needs::Nothing, body: |ground| Box::pin(dropped(ground)) }];

/// Larger than what is sent, or written, at once.
const LENGTH: usize = 300_000;

/// Gives up every operation after every number of polls, many more times than there are connections in a pool.
async fn dropped(ground: &Ground<'_>) -> Result<(), Seen> {
    let elsewhere = ground.scope("elsewhere")?;
    let (old, new) = (vec![b'o'; LENGTH], vec![b'n'; LENGTH + 1]);
    for round in 0..24 {
        let polls = round as usize % 6 + 1;
        // Of its own, as what was dropped may happen yet.
        let scope = ground.scope_of_version("cache", round)?;
        let key = scope.key(&round)?;
        let store = ground.store;
        ground.put(&key, &old, Some(LONG)).await?;
        given_up(store.get(&key), polls).await;
        given_up(store.size(&scope), polls).await;
        given_up(store.sweep(&scope), polls).await;
        let mine = token();
        given_up(store.lease(&key, mine, LONG), polls).await;
        given_up(store.release(&key, mine), polls).await;
        given_up(store.put(&key, &new, Some(LONG), Some(mine)), polls).await;
        given_up(store.put(&key, &new, Some(LONG), None), polls).await;
        let got = store.get(&key).await?;
        let whole = got.as_ref() == Some(&old) || got.as_ref() == Some(&new);
        same("a value after a put that was dropped is the old one or the new one, whole", whole, true)?;
        given_up(store.remove(&key), polls).await;
        let got = store.get(&key).await?;
        let whole = got.is_none() || got.as_ref() == Some(&old) || got.as_ref() == Some(&new);
        same("a value after a remove that was dropped is gone or whole", whole, true)?;
        given_up(store.clear(&scope), polls).await;
        usable(ground, &elsewhere.key(&round)?).await?;
    }
    Ok(())
}

async fn usable(ground: &Ground<'_>, key: &StoreKey) -> Result<(), Seen> {
    let mine = token();
    ground.granted("a lease after operations were dropped", key, mine).await?;
    same("a put after operations were dropped", ground.fenced(key, b"value", mine).await?, true)?;
    ground.holds("get after operations were dropped", key, Some(b"value")).await?;
    ground.store.remove(key).await?;
    ground.holds("get after a remove after operations were dropped", key, None).await
}
