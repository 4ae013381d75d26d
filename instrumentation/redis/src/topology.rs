//! The nodes of a cluster.

use std::collections::HashMap;

use redis::{RedisResult, Value, from_redis_value};

use crate::connection_source::StoreConnection;
use crate::error::unexpected_reply;
use crate::node::Node;

/// Returns the nodes that hold keys. Together they hold all keys.
pub(crate) async fn nodes(connection: &mut dyn StoreConnection) -> RedisResult<Vec<Node>> {
    if !connection.is_cluster() {
        return Ok(vec![Node { slot: 0 }]);
    }
    let mut slots = redis::cmd("CLUSTER");
    slots.arg("SLOTS");
    masters(connection.query(&slots).await?)
}

/// Returns the masters in the reply of `CLUSTER SLOTS`, each by one of its slots. The reply has ranges of slots with
/// their nodes, the master first.
fn masters(slots: Value) -> RedisResult<Vec<Node>> {
    let ranges: Vec<Vec<Value>> = from_redis_value(slots)?;
    let mut masters = HashMap::new();
    for range in ranges {
        let [Value::Int(first), _, Value::Array(master), ..] = range.as_slice() else { return Err(unexpected_reply()) };
        let slot = u16::try_from(*first).map_err(|_| unexpected_reply())?;
        let address = master.iter().take(2).map(|part| format!("{part:?}")).collect::<String>();
        masters.entry(address).or_insert(Node { slot });
    }
    Ok(masters.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: &str, port: i64) -> Value {
        let node = |host: &str, port| {
            Value::Array(vec![Value::BulkString(host.as_bytes().to_vec()), Value::Int(port), Value::Nil])
        };
        Value::Array(vec![Value::Int(first), Value::Int(last), node(host, port), node("replica", 1)])
    }

    #[test]
    fn each_master_is_listed_once() {
        let slots = vec![range(0, 9, "a", 1), range(10, 19, "a", 2), range(20, 29, "a", 1), range(30, 39, "b", 1)];
        let mut slots: Vec<u16> = masters(Value::Array(slots)).unwrap().iter().map(|node| node.slot).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 10, 30]);
        assert!(masters(Value::Array(vec![Value::Array(vec![Value::Int(1)])])).is_err());
    }
}
