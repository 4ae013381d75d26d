//! Cases: the size of a scope, and sweeps.

use cachescope_core::shared::Scope;

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{LONG, TTLS, TestContext, token};
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[
    Case { name: "exact_size_is_correct", requires: Requirement::Nothing, body: |context| Box::pin(size(context)) },
    Case {
        name: "sweep_keeps_fresh_entries",
        requires: Requirement::Nothing,
        body: |context| Box::pin(keeps_fresh(context)),
    },
    Case {
        name: "sweep_removes_expired_entries",
        requires: Requirement::Sweeps,
        body: |context| Box::pin(removes_expired(context)),
    },
];

async fn expect_size(
    context: &TestContext<'_>,
    what: &str,
    scope: &Scope,
    entries: u64,
    bytes: u64,
) -> Result<(), Mismatch> {
    let size = context.store.size(scope).await?;
    if !size.exact {
        return Ok(());
    }
    expect_eq(&format!("entries {what}"), size.entries.unwrap_or(entries), entries)?;
    expect_eq(&format!("bytes {what}"), size.bytes.unwrap_or(bytes), bytes)
}

async fn size(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (scope, longer) = (context.scope("cache")?, context.scope("cache2")?);
    expect_size(context, "of an empty scope", &scope, 0, 0).await?;
    for number in 0..10_u8 {
        context.put(&scope.key(&number)?, &vec![number; usize::from(number)], Some(LONG)).await?;
    }
    context.put(&longer.key(&0)?, b"of another scope", None).await?;
    expect_size(context, "of a scope with ten", &scope, 10, 45).await?;
    context.put(&scope.key(&3)?, &[7; 103], None).await?;
    expect_size(context, "after one was replaced by one that is 100 bytes larger", &scope, 10, 145).await?;
    context.expect_granted("a free lease", &scope.key(&3)?, token()).await?;
    context.expect_granted("a free lease", &scope.key("absent")?, token()).await?;
    expect_size(context, "with two leases", &scope, 10, 145).await?;
    context.store.remove(&scope.key(&3)?).await?;
    context.store.remove(&scope.key("absent")?).await?;
    expect_size(context, "after one was removed", &scope, 9, 42).await?;
    context.store.clear(&scope).await?;
    expect_size(context, "of a cleared scope", &scope, 0, 0).await?;
    expect_size(context, "of another scope", &longer, 1, 16).await
}

const EXPIRED: u64 = 12;

/// Creates a scope with `EXPIRED` expired entries among others.
async fn with_expired_entries(context: &TestContext<'_>) -> Result<Scope, Mismatch> {
    let scope = context.scope("cache")?;
    for number in 0..EXPIRED {
        context.put(&scope.key(&("expired", number))?, b"expired", Some(TTLS[0])).await?;
        context.put(&scope.key(&("long", number))?, b"long", Some(LONG)).await?;
        context.put(&scope.key(&("endless", number))?, b"endless", None).await?;
        context.put(&scope.key(&("renewed", number))?, b"expired", Some(TTLS[0])).await?;
        context.put(&scope.key(&("renewed", number))?, b"renewed", Some(LONG)).await?;
    }
    context.wait_past(TTLS[0]).await;
    Ok(scope)
}

/// Sweeps until nothing is left to remove, and returns the number of removed entries.
async fn swept(context: &TestContext<'_>, scope: &Scope) -> Result<u64, Mismatch> {
    let mut sum = 0;
    for _ in 0..100 {
        match context.store.sweep(scope).await? {
            0 => return Ok(sum),
            swept => sum += swept,
        }
    }
    Err(Mismatch::new("sweeps that end", "100 sweeps that all removed entries"))
}

async fn keeps_fresh(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let scope = with_expired_entries(context).await?;
    let (leased, mine) = (scope.key("leased")?, token());
    context.expect_granted("a free lease", &leased, mine).await?;
    let swept = swept(context, &scope).await?;
    expect_eq("sweeps remove no more than the expired entries", swept <= EXPIRED, true)?;
    for number in 0..EXPIRED {
        for kind in ["long", "endless", "renewed"] {
            let key = scope.key(&(kind, number))?;
            context.expect_value("get of a fresh entry, after a sweep", &key, Some(kind.as_bytes())).await?;
        }
        context.expect_value("get of an expired entry, after a sweep", &scope.key(&("expired", number))?, None).await?;
    }
    expect_eq(
        "a put with a lease that is held, after a sweep",
        context.put_with_lease(&leased, b"value", mine).await?,
        true,
    )
}

async fn removes_expired(context: &TestContext<'_>) -> Result<(), Mismatch> {
    context.put(&context.scope("other")?.key(&0)?, b"expired", Some(TTLS[0])).await?;
    let scope = with_expired_entries(context).await?;
    expect_eq("the number of entries that the sweeps of a scope remove", swept(context, &scope).await?, EXPIRED)?;
    expect_size(context, "after sweeps", &scope, 3 * EXPIRED, (4 + 7 + 7) * EXPIRED).await
}
