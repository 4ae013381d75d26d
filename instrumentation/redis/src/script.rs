//! What takes more than one command and must not be half done: scripts, which Redis runs as one.

use std::sync::LazyLock;
use std::time::Duration;

use cachescope_core::shared::{LeaseToken, Leased};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use crate::names::{Names, millis};
use crate::source::Lent;

/// A script, and the hash that Redis knows it by.
struct Script {
    code: &'static str,
    hash: LazyLock<String>,
}

/// Stores, if the token is the lease's or none; ends the lease.
static PUT: Script = {
    const CODE: &str = "if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end \
         if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) \
         elseif ARGV[3] == '0' then redis.call('DEL', KEYS[1]) \
         else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end \
         redis.call('DEL', KEYS[2]) \
         return 1";
    Script { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

/// Takes the lease unless another holds it, and then says what is stored: in a list, as there may be nothing.
static LEASE: Script = {
    const CODE: &str = "local holder = redis.call('GET', KEYS[2]) \
         if holder and holder ~= ARGV[1] then return 0 end \
         if ARGV[2] == '' then redis.call('SET', KEYS[2], ARGV[1]) \
         else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end \
         return {redis.call('GET', KEYS[1])}";
    Script { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

/// Ends the lease if the token is its.
static RELEASE: Script = {
    const CODE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1";
    Script { code: CODE, hash: LazyLock::new(|| hash(CODE)) }
};

fn hash(code: &str) -> String {
    redis::Script::new(code).get_hash().to_owned()
}

pub(crate) async fn put(
    lent: &mut dyn Lent,
    names: &Names,
    bytes: &[u8],
    life: Option<Duration>,
    token: Option<LeaseToken>,
) -> RedisResult<bool> {
    let token = token.map(|token| token.number().to_string()).unwrap_or_default();
    let life = millis(life).map(|millis| millis.to_string()).unwrap_or_default();
    let keys = [names.entry.as_str(), &names.lease];
    match run(lent, &PUT, &keys, &[token.as_bytes(), bytes, life.as_bytes()]).await? {
        Value::Int(stored) => Ok(stored == 1),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn lease(
    lent: &mut dyn Lent,
    names: &Names,
    token: LeaseToken,
    term: Duration,
) -> RedisResult<Leased> {
    // One of no time would be no lease, and an error to Redis.
    let term = millis(Some(term)).map(|millis| millis.max(1).to_string()).unwrap_or_default();
    let token = token.number().to_string();
    let keys = [names.entry.as_str(), &names.lease];
    match run(lent, &LEASE, &keys, &[token.as_bytes(), term.as_bytes()]).await? {
        Value::Int(_) => Ok(Leased::Held),
        Value::Array(mut stored) => Ok(Leased::Granted(bytes(stored.pop().unwrap_or(Value::Nil))?)),
        _ => Err(unexpected()),
    }
}

pub(crate) async fn release(lent: &mut dyn Lent, names: &Names, token: LeaseToken) -> RedisResult<()> {
    let token = token.number().to_string();
    run(lent, &RELEASE, &[names.lease.as_str()], &[token.as_bytes()]).await.map(drop)
}

/// The bytes that are a value; `None` for none. Takes them as they are: they may be many.
pub(crate) fn bytes(value: Value) -> RedisResult<Option<Vec<u8>>> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        _ => Err(unexpected()),
    }
}

pub(crate) fn unexpected() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "an answer of another type").into()
}

/// Runs by the script's hash. A server that doesn't know it (it is new, was restarted or flushed) is sent the text,
/// and knows it then. That goes where the keys are: to load it on every node of a cluster would fail with any of them.
async fn run(lent: &mut dyn Lent, script: &'static Script, keys: &[&str], args: &[&[u8]]) -> RedisResult<Value> {
    let by_hash = invocation("EVALSHA", &script.hash, keys, args);
    match lent.ask(&by_hash).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            drop(by_hash);
            lent.ask(&invocation("EVAL", script.code, keys, args)).await
        }
        answer => answer,
    }
}

fn invocation(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let room = args.iter().map(|arg| arg.len()).sum::<usize>() + keys.iter().map(|key| key.len()).sum::<usize>();
    let mut cmd = Cmd::with_capacity(3 + keys.len() + args.len(), command.len() + script.len() + room + 4);
    cmd.arg(command).arg(script).arg(keys.len());
    for key in keys {
        cmd.arg(*key);
    }
    for arg in args {
        cmd.arg(*arg);
    }
    cmd
}
