//! What goes through all keys of a server: to clear a scope, and to tell how much it holds.

use std::collections::HashSet;

use cachescope_core::shared::{Scope, StoreSize};
use redis::{Pipeline, RedisResult, Value, from_redis_value};

use crate::names::{entries_of, is_entry, leases_of};
use crate::nodes::{Node, nodes};
use crate::script::unexpected;
use crate::source::Lent;

/// How many keys a server looks at in a step: it does nothing else meanwhile, for less than a millisecond.
const STEP: usize = 1_000;

/// How many steps a node is asked for to tell how much a scope holds. What a database of up to some 10,000 keys holds
/// is counted, that of a larger one estimated from so many.
const STEPS: usize = 10;

/// Drops a scope's leases, then its entries.
///
/// In this order, a value that was loaded before the scope was cleared doesn't survive it: either it was stored before
/// its lease was dropped, and is there when entries are looked for, or it isn't stored any more. `SCAN` finds all that
/// is there from its beginning to its end.
pub(crate) async fn clear(lent: &mut dyn Lent, scope: &Scope) -> RedisResult<()> {
    let nodes = nodes(lent).await?;
    for pattern in [leases_of(scope), entries_of(scope)] {
        for node in &nodes {
            drop_all(lent, *node, &pattern).await?;
        }
    }
    Ok(())
}

async fn drop_all(lent: &mut dyn Lent, node: Node, pattern: &str) -> RedisResult<()> {
    let mut cursor = 0;
    loop {
        let (next, keys) = step(lent, node, cursor, Some(pattern)).await?;
        if !keys.is_empty() {
            let mut unlink = Pipeline::with_capacity(keys.len());
            for key in &keys {
                // One by one, as a node of a cluster refuses one command about several of its slots.
                unlink.cmd("UNLINK").arg(key);
            }
            for answer in lent.ask_node_all(node, &unlink).await? {
                answer.extract_error()?;
            }
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

/// How much a scope holds.
pub(crate) async fn size(lent: &mut dyn Lent, scope: &Scope) -> RedisResult<StoreSize> {
    let mut sum = Sample { entries: 0, bytes: 0, exact: true };
    for node in nodes(lent).await? {
        let Sample { entries, bytes, exact } = sample(lent, node, scope).await?;
        sum = Sample { entries: sum.entries + entries, bytes: sum.bytes + bytes, exact: sum.exact && exact };
    }
    Ok(StoreSize { entries: Some(sum.entries), bytes: Some(sum.bytes), exact: sum.exact })
}

/// How much a node holds of a scope.
struct Sample {
    entries: u64,
    bytes: u64,
    exact: bool,
}

async fn sample(lent: &mut dyn Lent, node: Node, scope: &Scope) -> RedisResult<Sample> {
    // A key may come twice when the server makes its table larger meanwhile.
    let (mut looked_at, mut entries) = (HashSet::new(), 0);
    let (mut bytes, mut cursor) = (0, 0);
    for _ in 0..STEPS {
        // Without a pattern, as how many were looked at counts.
        let (next, keys) = step(lent, node, cursor, None).await?;
        let mut lengths = Pipeline::new();
        for key in keys {
            if !looked_at.contains(&key) {
                if is_entry(scope, &key) {
                    lengths.cmd("STRLEN").arg(&key);
                }
                looked_at.insert(key);
            }
        }
        entries += lengths.len() as u64;
        if !lengths.is_empty() {
            let lengths = lent.ask_node_all(node, &lengths).await?;
            bytes += lengths.into_iter().map(length).sum::<RedisResult<u64>>()?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(Sample { entries, bytes, exact: true });
        }
    }
    let all = length(lent.ask_node(node, &redis::cmd("DBSIZE")).await?)?;
    let looked_at = looked_at.len() as u64;
    let scaled = |number: u64| {
        let scaled = u128::from(number) * u128::from(all.max(looked_at)) / u128::from(looked_at.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    Ok(Sample { entries: scaled(entries), bytes: scaled(bytes), exact: false })
}

/// A number that isn't negative.
fn length(value: Value) -> RedisResult<u64> {
    match value.extract_error()? {
        Value::Int(number) => u64::try_from(number).map_err(|_| unexpected()),
        _ => Err(unexpected()),
    }
}

/// A step through a node's keys: where to go on (0: it was the last one), and the keys.
async fn step(lent: &mut dyn Lent, node: Node, cursor: u64, pattern: Option<&str>) -> RedisResult<(u64, Vec<Vec<u8>>)> {
    let mut scan = redis::cmd("SCAN");
    scan.arg(cursor).arg("COUNT").arg(STEP);
    if let Some(pattern) = pattern {
        scan.arg("MATCH").arg(pattern);
    }
    Ok(from_redis_value(lent.ask_node(node, &scan).await?)?)
}
