//! Cases: one holder at a time has the lease of a key.

use cachescope_core::shared::LeaseResult;

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{Expiring, LONG, TTLS, TestContext, token, too_slow};
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lease_returns_stored_bytes",
        requires: Requirement::Nothing,
        body: |context| Box::pin(returns_bytes(context)),
    },
    Case { name: "lease_is_exclusive", requires: Requirement::Leases, body: |context| Box::pin(exclusive(context)) },
    Case {
        name: "release_by_another_token_has_no_effect",
        requires: Requirement::Leases,
        body: |context| Box::pin(other_token(context)),
    },
    Case { name: "lease_ends_with_its_term", requires: Requirement::Leases, body: |context| Box::pin(term(context)) },
    Case { name: "lease_can_be_extended", requires: Requirement::Leases, body: |context| Box::pin(extended(context)) },
    Case { name: "put_ends_the_lease", requires: Requirement::Leases, body: |context| Box::pin(put_ends(context)) },
    Case {
        name: "remove_ends_the_lease",
        requires: Requirement::Leases,
        body: |context| Box::pin(remove_ends(context)),
    },
    Case { name: "clear_ends_leases", requires: Requirement::Leases, body: |context| Box::pin(clear_ends(context)) },
];

async fn returns_bytes(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, brief) = (context.key("key")?, context.key("brief")?);
    let lease = |key| context.store.lease(key, token(), LONG);
    expect_eq("lease of an absent key", lease(&key).await?, LeaseResult::Granted(None))?;
    context.put(&key, b"value", Some(LONG)).await?;
    expect_eq("lease of a stored key", lease(&key).await?, LeaseResult::Granted(Some(b"value".to_vec())))?;
    context.put(&key, b"", None).await?;
    expect_eq("lease of a key with an empty value", lease(&key).await?, LeaseResult::Granted(Some(Vec::new())))?;
    context.put(&brief, b"value", Some(TTLS[0])).await?;
    context.wait_past(TTLS[0]).await;
    expect_eq("lease of a key whose entry has expired", lease(&brief).await?, LeaseResult::Granted(None))
}

async fn exclusive(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, other) = (context.key("key")?, context.key("other")?);
    let (mine, yours) = (token(), token());
    context.expect_granted("a free lease", &key, mine).await?;
    context.expect_held("a lease that another token holds", &key, yours).await?;
    context.expect_granted("a lease for the token that holds it", &key, mine).await?;
    context.expect_granted("the lease of another key", &other, yours).await?;
    let elsewhere = context.scope("elsewhere")?.key("key")?;
    context.expect_granted("the lease of the same key in another scope", &elsewhere, yours).await?;
    context.expect_value("get of a key that has a lease and no value", &key, None).await?;
    context.store.release(&key, mine).await?;
    context.expect_granted("a lease that was released", &key, yours).await?;
    context.expect_held("a lease that was released and granted to another token", &key, mine).await
}

async fn other_token(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let key = context.key("key")?;
    let (mine, yours) = (token(), token());
    context.store.release(&key, yours).await?;
    context.put(&key, b"value", Some(LONG)).await?;
    context.expect_granted("a free lease", &key, mine).await?;
    context.store.release(&key, yours).await?;
    context.expect_held("a lease after another token released it", &key, yours).await?;
    context.store.release(&key, mine).await?;
    context.expect_value("get after a release", &key, Some(b"value")).await
}

async fn term(context: &TestContext<'_>) -> Result<(), Mismatch> {
    for term in TTLS {
        let key = context.key("key")?;
        context.store.remove(&key).await?;
        let started = context.clock.now();
        expect_eq("a free lease", context.store.lease(&key, token(), term).await?, LeaseResult::Granted(None))?;
        if context.ends(Expiring::Lease(&key, token()), term, started, context.clock.now()).await? {
            return context.expect_held("a lease that another token got after the first term", &key, token()).await;
        }
    }
    Err(too_slow())
}

async fn extended(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, mine) = (context.key("key")?, token());
    expect_eq("a free lease", context.store.lease(&key, mine, TTLS[0]).await?, LeaseResult::Granted(None))?;
    context.expect_granted("a longer lease for the token that holds it", &key, mine).await?;
    context.wait_past(TTLS[0]).await;
    context.expect_held("an extended lease, after its first term", &key, token()).await?;
    expect_eq("a put with an extended lease", context.put_with_lease(&key, b"value", mine).await?, true)
}

async fn put_ends(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, mine) = (context.key("key")?, token());
    context.expect_granted("a free lease", &key, mine).await?;
    context.put(&key, b"put", Some(LONG)).await?;
    expect_eq(
        "a put with a lease that another put ended",
        context.put_with_lease(&key, b"loaded", mine).await?,
        false,
    )?;
    context.expect_value("get after a rejected put", &key, Some(b"put")).await?;
    context.expect_granted("a lease that a put ended", &key, token()).await
}

async fn remove_ends(context: &TestContext<'_>) -> Result<(), Mismatch> {
    for stored in [false, true] {
        let (key, mine) = (context.key("key")?, token());
        if stored {
            context.put(&key, b"old", Some(LONG)).await?;
        }
        context.expect_granted("a free lease", &key, mine).await?;
        context.store.remove(&key).await?;
        expect_eq(
            "a put with a lease that a remove ended",
            context.put_with_lease(&key, b"loaded", mine).await?,
            false,
        )?;
        context.expect_value("get after a rejected put", &key, None).await?;
        context.expect_granted("a lease that a remove ended", &key, token()).await?;
        context.store.remove(&key).await?;
    }
    Ok(())
}

async fn clear_ends(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, stored, mine) = (context.key("key")?, context.key("stored")?, token());
    let elsewhere = context.scope("elsewhere")?.key("key")?;
    context.put(&stored, b"old", Some(LONG)).await?;
    for key in [&key, &stored, &elsewhere] {
        context.expect_granted("a free lease", key, mine).await?;
    }
    context.store.clear(key.scope()).await?;
    for key in [&key, &stored] {
        expect_eq("a put with a lease that a clear ended", context.put_with_lease(key, b"loaded", mine).await?, false)?;
        context.expect_value("get after a rejected put", key, None).await?;
        context.expect_granted("a lease that a clear ended", key, token()).await?;
    }
    context.expect_held("a lease in another scope than the cleared one", &elsewhere, token()).await?;
    expect_eq("a put with a lease in another scope", context.put_with_lease(&elsewhere, b"loaded", mine).await?, true)
}
