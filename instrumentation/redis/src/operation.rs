//! What is told of a command or a pipeline, by OpenTelemetry's conventions for Redis.

use std::borrow::Cow;

use cachescope_core::client::{Client, Failed, Running};
use redis::{Arg, Cmd, Pipeline, RedisError, RedisResult, Value};

use crate::failure::{code, error_kind};

/// Starts to tell of a command.
pub(crate) fn command(client: &Client, cmd: &Cmd) -> Running {
    client.operation(name(cmd)).start()
}

/// Starts to tell of a pipeline or a transaction, which is one operation.
pub(crate) fn pipeline(client: &Client, pipeline: &Pipeline) -> Running {
    let operation = client.operation(name_of_all(pipeline));
    operation.batch_size(pipeline.len()).start()
}

/// Ends it with the answer to a command.
pub(crate) fn answered(running: Running, answer: &RedisResult<Value>) {
    running.end(match answer {
        Ok(value) => told(value),
        Err(error) => Err(failed(error)),
    });
}

/// Ends it with the answers to a pipeline, of which the first error is told.
pub(crate) fn all_answered(running: Running, answers: &RedisResult<Vec<Value>>) {
    running.end(match answers {
        Ok(values) => values.iter().try_for_each(told),
        Err(error) => Err(failed(error)),
    });
}

fn told(value: &Value) -> Result<(), Failed> {
    match value {
        Value::ServerError(error) => Err(with_code(error.code().to_owned())),
        _ => Ok(()),
    }
}

fn failed(error: &RedisError) -> Failed {
    match code(error) {
        Some(code) => with_code(code),
        None => Failed::new(error_kind(error).as_str()),
    }
}

/// What a server's error begins with is its code.
fn with_code(code: String) -> Failed {
    Failed::new(code.clone()).status_code(code)
}

/// A command's name. One that doesn't look like a name isn't told: it may be data.
fn name(cmd: &Cmd) -> Cow<'static, str> {
    match cmd.args_iter().next() {
        Some(Arg::Simple(name)) => of_bytes(name),
        _ => Cow::Borrowed(""),
    }
}

fn of_bytes(name: &[u8]) -> Cow<'static, str> {
    /// Those of the store, without an allocation.
    const OURS: [&str; 9] = ["GET", "EVALSHA", "EVAL", "UNLINK", "SCAN", "STRLEN", "DBSIZE", "PUBLISH", "PING"];
    if let Some(ours) = OURS.into_iter().find(|ours| ours.as_bytes() == name) {
        return Cow::Borrowed(ours);
    }
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match str::from_utf8(name) {
        Ok(text) if name.len() <= 32 && name.iter().all(of_name) => Cow::Owned(text.to_ascii_uppercase()),
        _ => Cow::Borrowed(""),
    }
}

/// `PIPELINE` or `MULTI`, and the commands' name where they all have the same.
fn name_of_all(pipeline: &Pipeline) -> Cow<'static, str> {
    let kind = if pipeline.is_transaction() { "MULTI" } else { "PIPELINE" };
    let mut names = pipeline.cmd_iter().map(name);
    match names.next() {
        Some(first) if !first.is_empty() && names.all(|name| name == first) => Cow::Owned(format!("{kind} {first}")),
        _ => Cow::Borrowed(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_name_is_told_and_nothing_else() {
        let named = |text: &str| name(redis::cmd(text).arg("key").arg("value"));
        assert_eq!(named("get"), "GET");
        assert_eq!(named("JSON.SET"), "JSON.SET");
        assert_eq!(named("SET key secret"), "");
        assert_eq!(named(&"x".repeat(33)), "");
        assert_eq!(name(&Cmd::new()), "");
    }

    #[test]
    fn a_pipelines_name_tells_what_all_of_it_is() {
        let mut pipeline = Pipeline::new();
        assert_eq!(name_of_all(&pipeline), "PIPELINE");
        pipeline.cmd("get").arg("a").cmd("GET").arg("b");
        assert_eq!(name_of_all(&pipeline), "PIPELINE GET");
        pipeline.cmd("SET").arg("a").arg(1).atomic();
        assert_eq!(name_of_all(&pipeline), "MULTI");
    }
}
