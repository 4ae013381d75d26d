//! Cases: only the holder of a lease can store with it.

use cachescope_core::shared::LeaseResult;

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{LONG, TTLS, TestContext, token};
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lease_holder_can_store",
        requires: Requirement::Nothing,
        body: |context| Box::pin(may_store(context)),
    },
    Case {
        name: "put_with_lease_ends_the_lease",
        requires: Requirement::Leases,
        body: |context| Box::pin(ends_the_lease(context)),
    },
    Case {
        name: "expired_lease_cannot_store",
        requires: Requirement::Leases,
        body: |context| Box::pin(expired(context)),
    },
    Case {
        name: "other_token_cannot_store",
        requires: Requirement::Leases,
        body: |context| Box::pin(stranger(context)),
    },
    Case {
        name: "overtaken_lease_cannot_store",
        requires: Requirement::Leases,
        body: |context| Box::pin(overtaken(context)),
    },
];

async fn may_store(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let key = context.key("key")?;
    for value in [b"first".as_slice(), b"second"] {
        let mine = token();
        context.expect_granted("a free lease", &key, mine).await?;
        expect_eq("a put with a lease that is held", context.put_with_lease(&key, value, mine).await?, true)?;
        context.expect_value("get after a put with a lease", &key, Some(value)).await?;
    }
    let mine = token();
    context.expect_granted("a free lease", &key, mine).await?;
    let stored = context.store.put(&key, b"brief", Some(TTLS[0]), Some(mine)).await?;
    expect_eq("a put with a lease that is held", stored, true)?;
    context.wait_past(TTLS[0]).await;
    context.expect_value("get after the TTL of an entry that was put with a lease", &key, None).await
}

async fn ends_the_lease(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, mine, yours) = (context.key("key")?, token(), token());
    context.expect_granted("a free lease", &key, mine).await?;
    expect_eq("a put with a lease that is held", context.put_with_lease(&key, b"first", mine).await?, true)?;
    expect_eq("a second put with the same lease", context.put_with_lease(&key, b"again", mine).await?, false)?;
    context.expect_value("get after a rejected put", &key, Some(b"first")).await?;
    let leased = context.store.lease(&key, yours, LONG).await?;
    expect_eq("a lease that ended by storing", leased, LeaseResult::Granted(Some(b"first".to_vec())))
}

async fn expired(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, mine) = (context.key("key")?, token());
    context.put(&key, b"old", Some(LONG)).await?;
    context.store.lease(&key, mine, TTLS[0]).await?;
    context.wait_past(TTLS[0]).await;
    expect_eq("a put with a lease whose term is over", context.put_with_lease(&key, b"late", mine).await?, false)?;
    context.expect_value("get after a rejected put", &key, Some(b"old")).await
}

async fn stranger(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, mine, yours) = (context.key("key")?, token(), token());
    expect_eq(
        "a put with a lease that was never granted",
        context.put_with_lease(&key, b"other", yours).await?,
        false,
    )?;
    context.expect_value("get after a rejected put", &key, None).await?;
    context.expect_granted("a free lease", &key, mine).await?;
    expect_eq(
        "a put with a lease that another token holds",
        context.put_with_lease(&key, b"other", yours).await?,
        false,
    )?;
    context.expect_value("get after a rejected put", &key, None).await?;
    context.expect_held("a lease after the put of another token was rejected", &key, yours).await?;
    context.store.release(&key, mine).await?;
    expect_eq("a put with a lease that was released", context.put_with_lease(&key, b"released", mine).await?, false)?;
    context.expect_value("get after a rejected put", &key, None).await
}

async fn overtaken(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, slow, quick) = (context.key("key")?, token(), token());
    context.store.lease(&key, slow, TTLS[0]).await?;
    context.wait_past(TTLS[0]).await;
    context.expect_granted("a lease whose term is over", &key, quick).await?;
    expect_eq("a put with a lease that another token got", context.put_with_lease(&key, b"slow", slow).await?, false)?;
    context.store.release(&key, slow).await?;
    context.expect_held("a lease after the previous holder tried to store and to release", &key, token()).await?;
    expect_eq("a put with a lease that is held", context.put_with_lease(&key, b"quick", quick).await?, true)?;
    expect_eq(
        "a put with a lease that another token got and used",
        context.put_with_lease(&key, b"slow", slow).await?,
        false,
    )?;
    context.expect_value("get after a rejected put", &key, Some(b"quick")).await
}
