//! Records commands and pipelines by OpenTelemetry's conventions for Redis.

use std::borrow::Cow;

use cachescope_telemetry::db_client::{Client, OperationError, RunningOperation};
use redis::{Arg, Cmd, Pipeline, RedisError, RedisResult, Value};

use crate::error::{error_kind, server_code};

/// Starts the record of a command.
pub(crate) fn start_command(client: &Client, cmd: &Cmd) -> RunningOperation {
    client.operation(command_name(cmd)).start()
}

/// Starts the record of a pipeline or a transaction, which is one operation.
pub(crate) fn start_pipeline(client: &Client, pipeline: &Pipeline) -> RunningOperation {
    let operation = client.operation(pipeline_name(pipeline));
    operation.batch_size(pipeline.len()).start()
}

/// Ends the record of a command with its reply.
pub(crate) fn end_command(running: RunningOperation, answer: &RedisResult<Value>) {
    running.end(match answer {
        Ok(value) => outcome(value),
        Err(error) => Err(telemetry_error(error)),
    });
}

/// Ends the record of a pipeline with its replies. Records the first error.
pub(crate) fn end_pipeline(running: RunningOperation, answers: &RedisResult<Vec<Value>>) {
    running.end(match answers {
        Ok(values) => values.iter().try_for_each(outcome),
        Err(error) => Err(telemetry_error(error)),
    });
}

fn outcome(value: &Value) -> Result<(), OperationError> {
    match value {
        Value::ServerError(error) => Err(error_of_code(error.code().to_owned())),
        _ => Ok(()),
    }
}

fn telemetry_error(error: &RedisError) -> OperationError {
    match server_code(error) {
        Some(code) => error_of_code(code),
        None => OperationError::new(error_kind(error).as_str()),
    }
}

/// Returns an error with the server's code.
fn error_of_code(code: String) -> OperationError {
    OperationError::new(code.clone()).status_code(code)
}

/// Returns the name of a command, or an empty name if it doesn't look like a name. Such a name may be data.
fn command_name(cmd: &Cmd) -> Cow<'static, str> {
    match cmd.args_iter().next() {
        Some(Arg::Simple(name)) => checked_name(name),
        _ => Cow::Borrowed(""),
    }
}

fn checked_name(name: &[u8]) -> Cow<'static, str> {
    /// The store's own commands, which need no allocation.
    const STORE_COMMANDS: [&str; 9] =
        ["GET", "EVALSHA", "EVAL", "UNLINK", "SCAN", "STRLEN", "DBSIZE", "PUBLISH", "PING"];
    if let Some(known) = STORE_COMMANDS.into_iter().find(|known| known.as_bytes() == name) {
        return Cow::Borrowed(known);
    }
    let is_name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match str::from_utf8(name) {
        Ok(text) if name.len() <= 32 && name.iter().all(is_name_byte) => Cow::Owned(text.to_ascii_uppercase()),
        _ => Cow::Borrowed(""),
    }
}

/// Returns `PIPELINE` or `MULTI`, followed by the name of the commands if all have the same name.
fn pipeline_name(pipeline: &Pipeline) -> Cow<'static, str> {
    let kind = if pipeline.is_transaction() { "MULTI" } else { "PIPELINE" };
    let mut names = pipeline.cmd_iter().map(command_name);
    match names.next() {
        Some(first) if !first.is_empty() && names.all(|name| name == first) => Cow::Owned(format!("{kind} {first}")),
        _ => Cow::Borrowed(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_name_never_contains_data() {
        let named = |text: &str| command_name(redis::cmd(text).arg("key").arg("value"));
        assert_eq!(named("get"), "GET");
        assert_eq!(named("JSON.SET"), "JSON.SET");
        assert_eq!(named("SET key secret"), "");
        assert_eq!(named(&"x".repeat(33)), "");
        assert_eq!(command_name(&Cmd::new()), "");
    }

    #[test]
    fn pipeline_name_includes_common_command() {
        let mut pipeline = Pipeline::new();
        assert_eq!(pipeline_name(&pipeline), "PIPELINE");
        pipeline.cmd("get").arg("a").cmd("GET").arg("b");
        assert_eq!(pipeline_name(&pipeline), "PIPELINE GET");
        pipeline.cmd("SET").arg("a").arg(1).atomic();
        assert_eq!(pipeline_name(&pipeline), "MULTI");
    }
}
