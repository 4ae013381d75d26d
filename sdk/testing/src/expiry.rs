//! Cases: entries expire after their TTL.

use std::time::Duration;

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{Expiring, LONG, TTLS, TestContext, too_slow};
use super::violation::Mismatch;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "entry_expires_after_its_ttl",
        requires: Requirement::Nothing,
        body: |context| Box::pin(ttl_ends(context)),
    },
    Case { name: "entry_without_ttl_stays", requires: Requirement::Nothing, body: |context| Box::pin(stays(context)) },
    Case {
        name: "replaced_entry_has_the_new_ttl",
        requires: Requirement::Nothing,
        body: |context| Box::pin(new_ttl(context)),
    },
    Case {
        name: "extreme_ttls_are_accepted",
        requires: Requirement::Nothing,
        body: |context| Box::pin(extremes(context)),
    },
];

async fn ttl_ends(context: &TestContext<'_>) -> Result<(), Mismatch> {
    for ttl in TTLS {
        let key = context.key("short")?;
        let started = context.clock.now();
        context.put(&key, b"value", Some(ttl)).await?;
        if context.ends(Expiring::Entry(&key), ttl, started, context.clock.now()).await? {
            context.expect_value("get after an entry's TTL", &key, None).await?;
            context.put(&key, b"again", Some(LONG)).await?;
            return context.expect_value("get after put after an entry's TTL", &key, Some(b"again")).await;
        }
    }
    Err(too_slow())
}

async fn stays(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, long) = (context.key("endless")?, context.key("long")?);
    context.put(&key, b"value", None).await?;
    context.put(&long, b"value", Some(LONG)).await?;
    context.wait_past(TTLS[1]).await;
    context.expect_value("get of an entry without TTL, 1.8 s later", &key, Some(b"value")).await?;
    context.expect_value("get of an entry with a TTL of an hour, 1.8 s later", &long, Some(b"value")).await
}

async fn new_ttl(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (longer, endless) = (context.key("longer")?, context.key("endless")?);
    for (key, ttl) in [(&longer, Some(LONG)), (&endless, None)] {
        context.put(key, b"short", Some(TTLS[0])).await?;
        context.put(key, b"long", ttl).await?;
    }
    context.wait_past(TTLS[0]).await;
    context
        .expect_value("get after the first TTL of an entry that was replaced with a longer TTL", &longer, Some(b"long"))
        .await?;
    context
        .expect_value("get after the first TTL of an entry that was replaced without a TTL", &endless, Some(b"long"))
        .await?;
    for ttl in TTLS {
        let key = context.key("shorter")?;
        context.put(&key, b"long", None).await?;
        let started = context.clock.now();
        context.put(&key, b"short", Some(ttl)).await?;
        if context.ends(Expiring::Entry(&key), ttl, started, context.clock.now()).await? {
            return Ok(());
        }
    }
    Err(too_slow())
}

/// A store that counts in milliseconds, or in 64 bits, must neither fail nor wrap around.
async fn extremes(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (shortest, longest) = (context.key("shortest")?, context.key("longest")?);
    context.put(&shortest, b"value", Some(Duration::from_nanos(1))).await?;
    context.put(&longest, b"value", Some(Duration::MAX)).await?;
    context.wait_past(Duration::from_millis(100)).await;
    context.expect_value("get of an entry with a TTL of a nanosecond, 120 ms later", &shortest, None).await?;
    context.expect_value("get of an entry with the longest TTL", &longest, Some(b"value")).await
}
