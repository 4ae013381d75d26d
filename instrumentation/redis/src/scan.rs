//! Scans over all keys of a server, to clear a scope and to measure its size.

use std::collections::HashSet;

use cachescope_core::shared::{Scope, StoreSize};
use redis::{Pipeline, RedisResult, Value, from_redis_value};

use crate::connection_source::StoreConnection;
use crate::error::unexpected_reply;
use crate::key_names::{entry_pattern, is_entry, lease_pattern};
use crate::node::Node;
use crate::topology::nodes;

/// The number of keys in a scan step. A step blocks the server for less than a millisecond.
const SCAN_COUNT: usize = 1_000;

/// The maximum number of scan steps on a node to measure a size. Up to about 10,000 keys are counted. A larger database
/// is estimated from that sample.
const SAMPLE_SCANS: usize = 10;

/// Removes the leases of a scope, then its entries.
///
/// In this order, a value that was loaded before the clear doesn't survive it. If the value was stored before its lease
/// was removed, the scan for entries finds it. Otherwise it isn't stored. `SCAN` finds all keys that exist during the
/// whole scan.
pub(crate) async fn clear(connection: &mut dyn StoreConnection, scope: &Scope) -> RedisResult<()> {
    let nodes = nodes(connection).await?;
    for pattern in [lease_pattern(scope), entry_pattern(scope)] {
        for node in &nodes {
            remove_matching(connection, *node, &pattern).await?;
        }
    }
    Ok(())
}

async fn remove_matching(connection: &mut dyn StoreConnection, node: Node, pattern: &str) -> RedisResult<()> {
    let mut cursor = 0;
    loop {
        let (next, keys) = scan_step(connection, node, cursor, Some(pattern)).await?;
        if !keys.is_empty() {
            let mut unlink = Pipeline::with_capacity(keys.len());
            for key in &keys {
                // One command for each key: a node of a cluster refuses a command on several slots.
                unlink.cmd("UNLINK").arg(key);
            }
            for answer in connection.query_node_pipeline(node, &unlink).await? {
                answer.extract_error()?;
            }
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

/// Returns the size of a scope.
pub(crate) async fn size(connection: &mut dyn StoreConnection, scope: &Scope) -> RedisResult<StoreSize> {
    let mut sum = NodeUsage { entries: 0, bytes: 0, exact: true };
    for node in nodes(connection).await? {
        let NodeUsage { entries, bytes, exact } = sample(connection, node, scope).await?;
        sum = NodeUsage { entries: sum.entries + entries, bytes: sum.bytes + bytes, exact: sum.exact && exact };
    }
    Ok(StoreSize { entries: Some(sum.entries), bytes: Some(sum.bytes), exact: sum.exact })
}

/// The size of a scope on one node.
struct NodeUsage {
    entries: u64,
    bytes: u64,
    exact: bool,
}

async fn sample(connection: &mut dyn StoreConnection, node: Node, scope: &Scope) -> RedisResult<NodeUsage> {
    // `SCAN` may return a key twice while the server resizes its table.
    let (mut looked_at, mut entries) = (HashSet::new(), 0);
    let (mut bytes, mut cursor) = (0, 0);
    for _ in 0..SAMPLE_SCANS {
        // Without a pattern, because the number of scanned keys is needed.
        let (next, keys) = scan_step(connection, node, cursor, None).await?;
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
            let lengths = connection.query_node_pipeline(node, &lengths).await?;
            bytes += lengths.into_iter().map(length).sum::<RedisResult<u64>>()?;
        }
        cursor = next;
        if cursor == 0 {
            return Ok(NodeUsage { entries, bytes, exact: true });
        }
    }
    let all = length(connection.query_node(node, &redis::cmd("DBSIZE")).await?)?;
    let looked_at = looked_at.len() as u64;
    let scaled = |number: u64| {
        let scaled = u128::from(number) * u128::from(all.max(looked_at)) / u128::from(looked_at.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    Ok(NodeUsage { entries: scaled(entries), bytes: scaled(bytes), exact: false })
}

/// Returns a reply as a non-negative integer.
fn length(value: Value) -> RedisResult<u64> {
    match value.extract_error()? {
        Value::Int(number) => u64::try_from(number).map_err(|_| unexpected_reply()),
        _ => Err(unexpected_reply()),
    }
}

/// Runs one step of a scan. Returns the next cursor, or 0 at the end, and the keys.
async fn scan_step(
    connection: &mut dyn StoreConnection,
    node: Node,
    cursor: u64,
    pattern: Option<&str>,
) -> RedisResult<(u64, Vec<Vec<u8>>)> {
    let mut scan = redis::cmd("SCAN");
    scan.arg(cursor).arg("COUNT").arg(SCAN_COUNT);
    if let Some(pattern) = pattern {
        scan.arg("MATCH").arg(pattern);
    }
    Ok(from_redis_value(connection.query_node(node, &scan).await?)?)
}
