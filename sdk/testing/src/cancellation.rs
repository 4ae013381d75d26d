//! Case: operations that are dropped before they end.

use cachescope_core::shared::StoreKey;

use super::capabilities::Requirement;
use super::case::Case;
use super::steps::poll_then_drop;
use super::test_context::{LONG, TestContext, token};
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[Case {
    name: "dropped_operations_are_atomic",
    requires: Requirement::Nothing,
    body: |context| Box::pin(dropped(context)),
}];

/// More bytes than are sent or written at once.
const LENGTH: usize = 300_000;

/// Drops every operation after various numbers of polls, many more times than a pool has connections.
async fn dropped(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let elsewhere = context.scope("elsewhere")?;
    let (old, new) = (vec![b'o'; LENGTH], vec![b'n'; LENGTH + 1]);
    for round in 0..24 {
        let polls = round as usize % 6 + 1;
        // A new scope, because a dropped operation may still happen later.
        let scope = context.scope_of_version("cache", round)?;
        let key = scope.key(&round)?;
        let store = context.store;
        context.put(&key, &old, Some(LONG)).await?;
        poll_then_drop(store.get(&key), polls).await;
        poll_then_drop(store.size(&scope), polls).await;
        poll_then_drop(store.sweep(&scope), polls).await;
        let mine = token();
        poll_then_drop(store.lease(&key, mine, LONG), polls).await;
        poll_then_drop(store.release(&key, mine), polls).await;
        poll_then_drop(store.put(&key, &new, Some(LONG), Some(mine)), polls).await;
        poll_then_drop(store.put(&key, &new, Some(LONG), None), polls).await;
        let got = store.get(&key).await?;
        let whole = got.as_ref() == Some(&old) || got.as_ref() == Some(&new);
        expect_eq("a value after a dropped put is the old one or the new one, complete", whole, true)?;
        poll_then_drop(store.remove(&key), polls).await;
        let got = store.get(&key).await?;
        let whole = got.is_none() || got.as_ref() == Some(&old) || got.as_ref() == Some(&new);
        expect_eq("a value after a dropped remove is gone or complete", whole, true)?;
        poll_then_drop(store.clear(&scope), polls).await;
        usable(context, &elsewhere.key(&round)?).await?;
    }
    Ok(())
}

async fn usable(context: &TestContext<'_>, key: &StoreKey) -> Result<(), Mismatch> {
    let mine = token();
    context.expect_granted("a lease after operations were dropped", key, mine).await?;
    expect_eq("a put after operations were dropped", context.put_with_lease(key, b"value", mine).await?, true)?;
    context.expect_value("get after operations were dropped", key, Some(b"value")).await?;
    context.store.remove(key).await?;
    context.expect_value("get after a remove after operations were dropped", key, None).await
}
