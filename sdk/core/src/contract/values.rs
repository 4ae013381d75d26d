//! What was put comes back as it was.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ground, LONG};
use super::promises::Needs;

const LARGE: usize = 10 << 20;

pub(super) const CASES: &[Case] = &[
    Case { name: "absent_key", needs: Needs::Nothing, body: |ground| Box::pin(absent_key(ground)) },
    Case { name: "put_get_replace_remove", needs: Needs::Nothing, body: |ground| Box::pin(put_get_replace(ground)) },
    Case { name: "every_byte_comes_back", needs: Needs::Nothing, body: |ground| Box::pin(every_byte(ground)) },
    Case { name: "a_large_value", needs: Needs::Bytes(LARGE), body: |ground| Box::pin(comes_back(ground, LARGE)) },
];

async fn absent_key(ground: &Ground<'_>) -> Result<(), Seen> {
    let key = ground.key("absent")?;
    ground.holds("get of a key that was never put", &key, None).await?;
    ground.store.remove(&key).await?;
    ground.store.clear(key.scope()).await?;
    ground.holds("get of a key that was never put, and removed", &key, None).await
}

async fn put_get_replace(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, other) = (ground.key("key")?, ground.key("other")?);
    ground.put(&key, b"first", Some(LONG)).await?;
    ground.put(&other, b"other", None).await?;
    ground.holds("get after put", &key, Some(b"first")).await?;
    ground.holds("get after get", &key, Some(b"first")).await?;
    ground.put(&key, b"second, and longer", Some(LONG)).await?;
    ground.holds("get after a longer value replaced it", &key, Some(b"second, and longer")).await?;
    ground.put(&key, b"3", None).await?;
    ground.holds("get after a shorter value replaced it", &key, Some(b"3")).await?;
    ground.store.remove(&key).await?;
    ground.holds("get after remove", &key, None).await?;
    ground.holds("get of another key than the removed one", &other, Some(b"other")).await?;
    ground.put(&key, b"fourth", Some(LONG)).await?;
    ground.holds("get after put after remove", &key, Some(b"fourth")).await
}

async fn every_byte(ground: &Ground<'_>) -> Result<(), Seen> {
    let key = ground.key("key")?;
    let all: Vec<u8> = (0..=255).collect();
    let values: [&[u8]; 6] = [b"", &all, b"\0", b"line\r\nline\n", b"ended by zero\0", &[0xff; 3]];
    for value in values {
        ground.put(&key, value, Some(LONG)).await?;
        ground.holds("the value that was put, byte by byte", &key, Some(value)).await?;
    }
    comes_back(ground, 1 << 20).await
}

/// A value that no compression makes small, whose parts all differ.
async fn comes_back(ground: &Ground<'_>, length: usize) -> Result<(), Seen> {
    let key = ground.key("large")?;
    let mixed = |index: usize| ((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    let value: Vec<u8> = (0..length).map(mixed).collect();
    ground.put(&key, &value, Some(LONG)).await?;
    let got = ground.store.get(&key).await?;
    same("the length of a large value", got.as_ref().map(Vec::len), Some(length))?;
    same("the bytes of a large value", got == Some(value), true)
}
