//! Cases: values are stored without changes.

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{LONG, TestContext};
use super::violation::{Mismatch, expect_eq};

const LARGE: usize = 10 << 20;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "absent_key_has_no_value",
        requires: Requirement::Nothing,
        body: |context| Box::pin(absent_key(context)),
    },
    Case {
        name: "put_get_replace_remove",
        requires: Requirement::Nothing,
        body: |context| Box::pin(put_get_replace(context)),
    },
    Case {
        name: "values_keep_every_byte",
        requires: Requirement::Nothing,
        body: |context| Box::pin(every_byte(context)),
    },
    Case {
        name: "large_value_is_stored",
        requires: Requirement::Bytes(LARGE),
        body: |context| Box::pin(stores_large_value(context, LARGE)),
    },
];

async fn absent_key(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let key = context.key("absent")?;
    context.expect_value("get of a key that was never put", &key, None).await?;
    context.store.remove(&key).await?;
    context.store.clear(key.scope()).await?;
    context.expect_value("get of a key that was never put, and removed", &key, None).await
}

async fn put_get_replace(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (key, other) = (context.key("key")?, context.key("other")?);
    context.put(&key, b"first", Some(LONG)).await?;
    context.put(&other, b"other", None).await?;
    context.expect_value("get after put", &key, Some(b"first")).await?;
    context.expect_value("get after get", &key, Some(b"first")).await?;
    context.put(&key, b"second, and longer", Some(LONG)).await?;
    context.expect_value("get after a longer value replaced it", &key, Some(b"second, and longer")).await?;
    context.put(&key, b"3", None).await?;
    context.expect_value("get after a shorter value replaced it", &key, Some(b"3")).await?;
    context.store.remove(&key).await?;
    context.expect_value("get after remove", &key, None).await?;
    context.expect_value("get of another key than the removed one", &other, Some(b"other")).await?;
    context.put(&key, b"fourth", Some(LONG)).await?;
    context.expect_value("get after put after remove", &key, Some(b"fourth")).await
}

async fn every_byte(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let key = context.key("key")?;
    let all: Vec<u8> = (0..=255).collect();
    let values: [&[u8]; 6] = [b"", &all, b"\0", b"line\r\nline\n", b"ended by zero\0", &[0xff; 3]];
    for value in values {
        context.put(&key, value, Some(LONG)).await?;
        context.expect_value("the value that was put, byte by byte", &key, Some(value)).await?;
    }
    stores_large_value(context, 1 << 20).await
}

/// Stores a value that can't be compressed, and whose parts all differ.
async fn stores_large_value(context: &TestContext<'_>, length: usize) -> Result<(), Mismatch> {
    let key = context.key("large")?;
    let mixed = |index: usize| ((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    let value: Vec<u8> = (0..length).map(mixed).collect();
    context.put(&key, &value, Some(LONG)).await?;
    let got = context.store.get(&key).await?;
    expect_eq("the length of a large value", got.as_ref().map(Vec::len), Some(length))?;
    expect_eq("the bytes of a large value", got == Some(value), true)
}
