//! Operations of several commands, as Lua scripts that Redis runs atomically.

use std::sync::LazyLock;
use std::time::Duration;

use cachescope_core::shared::{LeaseResult, LeaseToken};
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, Value};

use crate::connection_source::StoreConnection;
use crate::error::unexpected_reply;
use crate::key_names::{KeyNames, millis};

/// A script, and the hash by which Redis identifies it.
struct LuaScript {
    code: &'static str,
    hash: LazyLock<String>,
}

/// Stores a value and ends the lease. With a token, stores only if the token holds the lease.
static PUT: LuaScript = {
    const CODE: &str = "if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end \
         if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) \
         elseif ARGV[3] == '0' then redis.call('DEL', KEYS[1]) \
         else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end \
         redis.call('DEL', KEYS[2]) \
         return 1";
    LuaScript { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

/// Takes the lease unless another token holds it, and returns the stored value in a list, which may be empty.
static LEASE: LuaScript = {
    const CODE: &str = "local holder = redis.call('GET', KEYS[2]) \
         if holder and holder ~= ARGV[1] then return 0 end \
         if ARGV[2] == '' then redis.call('SET', KEYS[2], ARGV[1]) \
         else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end \
         return {redis.call('GET', KEYS[1])}";
    LuaScript { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

/// Ends the lease if the token holds it.
static RELEASE: LuaScript = {
    const CODE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1";
    LuaScript { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

fn hash(code: &str) -> String {
    redis::Script::new(code).get_hash().to_owned()
}

pub(crate) async fn put(
    connection: &mut dyn StoreConnection,
    names: &KeyNames,
    bytes: &[u8],
    ttl: Option<Duration>,
    token: Option<LeaseToken>,
) -> RedisResult<bool> {
    let token = token.map(|token| token.number().to_string()).unwrap_or_default();
    let ttl = millis(ttl).map(|millis| millis.to_string()).unwrap_or_default();
    let keys = [names.entry.as_str(), &names.lease];
    match run(connection, &PUT, &keys, &[token.as_bytes(), bytes, ttl.as_bytes()]).await? {
        Value::Int(stored) => Ok(stored == 1),
        _ => Err(unexpected_reply()),
    }
}

pub(crate) async fn lease(
    connection: &mut dyn StoreConnection,
    names: &KeyNames,
    token: LeaseToken,
    term: Duration,
) -> RedisResult<LeaseResult> {
    // Redis refuses an expiry of 0.
    let term = millis(Some(term)).map(|millis| millis.max(1).to_string()).unwrap_or_default();
    let token = token.number().to_string();
    let keys = [names.entry.as_str(), &names.lease];
    match run(connection, &LEASE, &keys, &[token.as_bytes(), term.as_bytes()]).await? {
        Value::Int(_) => Ok(LeaseResult::Held),
        Value::Array(mut stored) => Ok(LeaseResult::Granted(bytes(stored.pop().unwrap_or(Value::Nil))?)),
        _ => Err(unexpected_reply()),
    }
}

pub(crate) async fn release(
    connection: &mut dyn StoreConnection,
    names: &KeyNames,
    token: LeaseToken,
) -> RedisResult<()> {
    let token = token.number().to_string();
    run(connection, &RELEASE, &[names.lease.as_str()], &[token.as_bytes()]).await.map(drop)
}

/// Returns the bytes of a value without copying them, or `None` if there is no value.
pub(crate) fn bytes(value: Value) -> RedisResult<Option<Vec<u8>>> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        _ => Err(unexpected_reply()),
    }
}

/// Runs a script by its hash. If the server doesn't know the hash, because it is new, was restarted or flushed, sends
/// the text of the script once.
///
/// The text goes to the node that holds the keys. Loading the script on every node of a cluster would fail if any node
/// is down.
async fn run(
    connection: &mut dyn StoreConnection,
    script: &'static LuaScript,
    keys: &[&str],
    args: &[&[u8]],
) -> RedisResult<Value> {
    let by_hash = invocation("EVALSHA", &script.hash, keys, args);
    match connection.query(&by_hash).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            drop(by_hash);
            connection.query(&invocation("EVAL", script.code, keys, args)).await
        }
        answer => answer,
    }
}

fn invocation(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let capacity = args.iter().map(|arg| arg.len()).sum::<usize>() + keys.iter().map(|key| key.len()).sum::<usize>();
    let mut cmd = Cmd::with_capacity(3 + keys.len() + args.len(), command.len() + script.len() + capacity + 4);
    cmd.arg(command).arg(script).arg(keys.len());
    for key in keys {
        cmd.arg(*key);
    }
    for arg in args {
        cmd.arg(*arg);
    }
    cmd
}
