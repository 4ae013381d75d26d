//! The size of a scope.

use std::time::Duration;

use cachescope_core::shared::{ByteStore, Scope, StoreSize};
use cachescope_redis::Redis;

use crate::server::{cli, key, scope, start, token};

#[tokio::test]
async fn size_is_exact_for_small_database() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    assert_eq!(redis.size(&scope()).await.unwrap(), StoreSize { entries: Some(0), bytes: Some(0), exact: true });
    for n in 0..300 {
        redis.put(&key(n), &vec![7; n as usize], None, None).await.unwrap();
        redis.lease(&key(n), token(1), Duration::from_secs(60)).await.unwrap();
    }
    let other = Scope::new("test", "cache", 2).unwrap();
    redis.put(&other.key(&1).unwrap(), b"other", None, None).await.unwrap();
    let bytes = (0..300).sum();
    assert_eq!(redis.size(&scope()).await.unwrap(), StoreSize { entries: Some(300), bytes: Some(bytes), exact: true });
    assert_eq!(redis.size(&other).await.unwrap(), StoreSize { entries: Some(1), bytes: Some(5), exact: true });
}

#[tokio::test]
async fn size_is_estimated_at_bounded_cost_for_large_database() {
    let server = start();
    let redis = Redis::connect(server.url()).await.unwrap();
    // 60,000 keys of the scope, and 140,000 other keys.
    let fill = "for n = 1, 200000 do local name = n % 10 < 3 and '{test:cache:1:' .. n .. '}' or 'other:' .. n \
                redis.call('SET', name, string.rep('x', 100)) end";
    cli(&server, &["EVAL", fill, "0"]);
    cli(&server, &["CONFIG", "RESETSTAT"]);
    let size = redis.size(&scope()).await.unwrap();
    assert!(!size.exact);
    // The sample has 10,000 keys, so three standard deviations are 5 %.
    let (entries, bytes) = (size.entries.unwrap(), size.bytes.unwrap());
    assert!((54_000..=66_000).contains(&entries), "{entries}");
    assert!((bytes / 100).abs_diff(entries) <= 1, "{bytes}, {entries}");
    let stats = cli(&server, &["INFO", "commandstats"]);
    let calls = |command: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:"))).unwrap();
        line.split(['=', ',']).nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(calls("scan"), 10);
    assert!(calls("strlen") < 5_000, "{stats}");
}
