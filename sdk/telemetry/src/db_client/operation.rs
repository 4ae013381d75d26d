//! An operation on a database: its span and its duration.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::client::Client;
use super::names::{attributes, error_types};
use super::operation_error::OperationError;

/// An operation on a database that hasn't started, with its attributes.
///
/// Cloning doesn't allocate if all names are static or `Arc<str>`, so an operation can be kept and started often.
#[derive(Clone)]
#[must_use = "an operation that isn't started isn't reported"]
pub struct Operation {
    client: Client,
    name: StringValue,
    collection: Option<StringValue>,
    batch_size: Option<i64>,
    query_text: Option<StringValue>,
    query_summary: Option<StringValue>,
}

impl Operation {
    pub(super) fn new(client: Client, name: StringValue) -> Self {
        Self { client, name, collection: None, batch_size: None, query_text: None, query_summary: None }
    }

    /// Sets the table or collection. Each name is a series, so never make it from data.
    pub fn collection(mut self, name: impl Into<StringValue>) -> Self {
        self.collection = Some(name.into());
        self
    }

    /// Sets the number of operations in a batch. Reported on the span if it is greater than one.
    pub fn batch_size(mut self, operations: usize) -> Self {
        self.batch_size = (operations > 1).then(|| i64::try_from(operations).unwrap_or(i64::MAX));
        self
    }

    /// Sets the text of the query, which is reported on the span unchanged. To remove the literals, use
    /// [`Dialect::sanitised`].
    ///
    /// [`Dialect::sanitised`]: super::Dialect::sanitised
    pub fn query_text(mut self, text: impl Into<StringValue>) -> Self {
        self.query_text = Some(text.into());
        self
    }

    /// Sets a summary of the query, such as `SELECT users`. It is reported on the span and becomes the name of the
    /// span. See [`Dialect::summary`].
    ///
    /// [`Dialect::summary`]: super::Dialect::summary
    pub fn query_summary(mut self, summary: impl Into<StringValue>) -> Self {
        self.query_summary = Some(summary.into());
        self
    }

    /// Starts the operation: a span of kind client below the current span, and a timer.
    ///
    /// Costs a few allocations and less than a microsecond without an SDK. With an SDK, the cost of its span is added.
    #[must_use = "an operation that isn't ended was cancelled"]
    pub fn start(self) -> RunningOperation {
        self.start_in(&Context::current())
    }

    /// Starts the operation below the span of `parent`.
    #[must_use = "an operation that isn't ended was cancelled"]
    pub fn start_in(self, parent: &Context) -> RunningOperation {
        let span = self.client.0.telemetry.tracer().build_with_context(self.span(), parent);
        RunningOperation { context: parent.with_span(span), operation: self, started: Instant::now(), ended: false }
    }

    /// Reports an operation that has already ended, below the span of `parent`. [`Context::new()`] has no span.
    ///
    /// The duration is the time from `start` to `end`, or zero if the system clock was set back in between.
    pub fn record_finished(
        self,
        start: SystemTime,
        end: SystemTime,
        parent: &Context,
        outcome: Result<(), OperationError>,
    ) {
        let builder = self.span().with_start_time(start);
        let span = self.client.0.telemetry.tracer().build_with_context(builder, parent);
        let context = parent.with_span(span);
        self.record(end.duration_since(start).unwrap_or_default(), outcome.as_ref().err());
        finish(&context, outcome.as_ref().err(), Some(end));
    }

    /// Builds the span with all its attributes, so that a sampler sees them.
    fn span(&self) -> SpanBuilder {
        let text = |name: &'static str, value: &Option<StringValue>| {
            value.clone().map(|value| KeyValue::new(name, Value::String(value)))
        };
        let mut attributes = self.attributes(None);
        attributes.extend(self.batch_size.map(|size| KeyValue::new(attributes::OPERATION_BATCH_SIZE, size)));
        attributes.extend(text(attributes::QUERY_SUMMARY, &self.query_summary));
        attributes.extend(text(attributes::QUERY_TEXT, &self.query_text));
        SpanBuilder::from_name(self.span_name()).with_kind(SpanKind::Client).with_attributes(attributes)
    }

    /// Returns the span's name by the conventions: the summary, or the operation and its target, as far as they are
    /// known.
    fn span_name(&self) -> Cow<'static, str> {
        if let Some(summary) = &self.query_summary {
            return Cow::Owned(summary.as_str().to_owned());
        }
        let client = &self.client.0;
        let server;
        let target = match (&self.collection, &client.namespace) {
            (Some(collection), _) => Some(collection.as_str()),
            (None, Some(namespace)) => Some(&**namespace),
            (None, None) => {
                server = self.client.server_name();
                server.as_deref()
            }
        };
        match (self.name.as_str(), target) {
            ("", None) => Cow::Borrowed(client.system.as_str()),
            ("", Some(name)) | (name, None) => Cow::Owned(name.to_owned()),
            (operation, Some(target)) => Cow::Owned(format!("{operation} {target}")),
        }
    }

    /// Returns the attributes of the metric, which the span has as well, sorted by name. A set that isn't sorted takes
    /// two entries in the SDK's tables.
    fn attributes(&self, error: Option<&OperationError>) -> Vec<KeyValue> {
        let client = &self.client.0;
        let mut all = Vec::with_capacity(11);
        let mut add = |name: &'static str, value: Option<Value>| {
            all.extend(value.map(|value| KeyValue::new(name, value)));
        };
        add(attributes::COLLECTION_NAME, self.collection.clone().map(Value::String));
        add(attributes::NAMESPACE, client.namespace.clone().map(Value::from));
        add(
            attributes::OPERATION_NAME,
            Some(&self.name).filter(|name| !name.as_str().is_empty()).cloned().map(Value::String),
        );
        add(attributes::RESPONSE_STATUS_CODE, error.and_then(|error| error.status_code.clone()).map(Value::from));
        add(attributes::SYSTEM_NAME, Some(Value::from(client.system.as_str())));
        add(attributes::ERROR_TYPE, error.map(|error| Value::from(error.error_type.clone())));
        if let Some((address, port)) = &client.server {
            add(attributes::SERVER_ADDRESS, Some(Value::from(address.clone())));
            add(attributes::SERVER_PORT, port.map(|port| Value::from(i64::from(port))));
        }
        all
    }

    fn record(&self, duration: Duration, error: Option<&OperationError>) {
        let instruments = self.client.0.telemetry.operation_instruments();
        instruments.duration.record(duration.as_secs_f64(), &self.attributes(error));
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("client", &self.client)
            .field("name", &self.name.as_str())
            .field("collection", &self.collection.as_ref().map(StringValue::as_str))
            .finish_non_exhaustive()
    }
}

/// An operation that is running. If it is dropped without [`RunningOperation::end`], it is reported as cancelled.
#[must_use = "an operation that isn't ended was cancelled"]
pub struct RunningOperation {
    operation: Operation,
    context: Context,
    started: Instant,
    ended: bool,
}

impl RunningOperation {
    /// Returns the context with the operation's span. Attach it, or run a future with it, so that other spans become
    /// its children.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Ends the operation with its outcome, and records its duration.
    pub fn end(mut self, outcome: Result<(), OperationError>) {
        self.finish(outcome.as_ref().err());
    }

    fn finish(&mut self, error: Option<&OperationError>) {
        self.ended = true;
        self.operation.record(self.started.elapsed(), error);
        finish(&self.context, error, None);
    }
}

impl Drop for RunningOperation {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(Some(&OperationError::new(error_types::CANCELLED)));
        }
    }
}

impl fmt::Debug for RunningOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Ends the span in `context`.
fn finish(context: &Context, error: Option<&OperationError>, at: Option<SystemTime>) {
    let span = context.span();
    if let Some(error) = error.filter(|_| span.is_recording()) {
        span.set_attribute(KeyValue::new(attributes::ERROR_TYPE, error.error_type.clone()));
        if let Some(code) = &error.status_code {
            span.set_attribute(KeyValue::new(attributes::RESPONSE_STATUS_CODE, code.clone()));
        }
        // The text of a database's error may contain values, so it isn't reported.
        span.set_status(Status::error(""));
    }
    match at {
        Some(at) => span.end_with_timestamp(at),
        None => span.end(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use opentelemetry::trace::{SpanId, TracerProvider};
    use opentelemetry_sdk::trace::SpanData;

    use super::*;
    use crate::db_client::in_memory_sdk::{InMemorySdk, attribute_map, attributes};
    use crate::db_client::names::metrics;
    use crate::db_client::{Dialect, System};

    const DURATION: &str = metrics::OPERATION_DURATION.name;

    fn client(sdk: &InMemorySdk) -> Client {
        Client::new(System::PostgreSql).telemetry(sdk.telemetry()).server("db.internal", 5433).namespace("shop")
    }

    fn only_span(sdk: &InMemorySdk) -> SpanData {
        let mut spans = sdk.spans();
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    #[test]
    fn operation_is_reported_as_span_and_duration() {
        let sdk = InMemorySdk::default();
        client(&sdk).operation("SELECT").collection("users").start().end(Ok(()));
        let expected = attribute_map([
            ("db.system.name", "postgresql"),
            ("db.namespace", "shop"),
            ("db.collection.name", "users"),
            ("db.operation.name", "SELECT"),
            ("server.address", "db.internal"),
            ("server.port", "5433"),
        ]);
        let span = only_span(&sdk);
        assert_eq!((&*span.name, span.span_kind, span.status), ("SELECT users", SpanKind::Client, Status::Unset));
        assert_eq!((attributes(&span.attributes), span.parent_span_id), (expected.clone(), SpanId::INVALID));
        let point = sdk.points().remove(0);
        assert_eq!((&*point.metric, point.instrument, &*point.unit), (DURATION, "histogram", "s"));
        assert_eq!((point.attributes, point.value), (expected, 1.0));
        assert_eq!(point.boundaries, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]);
    }

    #[test]
    fn error_is_reported_by_type_and_code_without_its_text() {
        let sdk = InMemorySdk::default();
        let error = OperationError::new("unique_violation").status_code("23505");
        client(&sdk).operation("INSERT").start().end(Err(error));
        let span = only_span(&sdk);
        let reported = attributes(&span.attributes);
        assert_eq!((&*reported["error.type"], &*reported["db.response.status_code"]), ("unique_violation", "23505"));
        assert_eq!(span.status, Status::error(""));
        assert_eq!(sdk.values(DURATION), [(reported, 1.0)]);
    }

    #[test]
    fn dropped_operation_is_reported_as_cancelled() {
        let sdk = InMemorySdk::default();
        drop(client(&sdk).operation("GET").start());
        let span = only_span(&sdk);
        assert_eq!(
            (attributes(&span.attributes).remove("error.type"), span.status),
            (Some("cancelled".to_owned()), Status::error(""))
        );
        let values = sdk.values(DURATION);
        assert_eq!((values.len(), &*values[0].0["error.type"], values[0].1), (1, "cancelled", 1.0));
    }

    #[test]
    fn span_name_contains_the_known_parts() {
        let sdk = InMemorySdk::default();
        let bare = Client::new(System::Redis).telemetry(sdk.telemetry());
        let (there, with) = (bare.clone().server("cache", 6380), bare.clone().server("cache", None).namespace("0"));
        for operation in [
            bare.operation("GET").collection("c"),
            with.operation("GET"),
            there.operation("GET"),
            bare.clone().server("cache", 6379).operation("GET"),
            bare.operation("GET"),
            there.operation(""),
            bare.operation(""),
            bare.operation("GET").query_summary("GET of many"),
        ] {
            operation.start().end(Ok(()));
        }
        let names: Vec<_> = sdk.spans().into_iter().map(|span| span.name).collect();
        assert_eq!(
            names,
            ["GET c", "GET 0", "GET cache:6380", "GET cache", "GET", "cache:6380", "redis", "GET of many"]
        );
    }

    #[test]
    fn spans_nest_in_both_directions() {
        let sdk = InMemorySdk::default();
        let tracer = sdk.traces.tracer("test");
        let request = Context::new().with_span(tracer.start("request"));
        let attached = request.clone().attach();
        let running = client(&sdk).operation("SELECT").start();
        let inner = tracer.start_with_context("inner", running.context());
        drop((inner, attached));
        running.end(Ok(()));
        let spans = sdk.spans();
        let (inner, operation) = (&spans[0], &spans[1]);
        assert_eq!((&*inner.name, inner.parent_span_id), ("inner", operation.span_context.span_id()));
        assert_eq!(operation.parent_span_id, request.span().span_context().span_id());
        assert_eq!(operation.span_context.trace_id(), request.span().span_context().trace_id());
    }

    #[test]
    fn finished_operation_has_the_given_times_and_parent() {
        let sdk = InMemorySdk::default();
        let (start, took) = (UNIX_EPOCH + Duration::from_secs(1_000), Duration::from_millis(1_500));
        let parent = Context::new().with_span(sdk.traces.tracer("test").start("request"));
        let find = client(&sdk).operation("find").collection("c");
        find.clone().record_finished(start, start + took, &parent, Ok(()));
        let span = only_span(&sdk);
        assert_eq!((span.start_time, span.end_time), (start, start + took));
        assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
        let point = sdk.points().remove(0);
        assert_eq!((point.value, point.sum), (1.0, 1.5));
        find.record_finished(start, start - took, &Context::new(), Err(OperationError::new("late")));
        assert_eq!(sdk.spans()[1].parent_span_id, SpanId::INVALID);
        assert_eq!(sdk.points().iter().map(|point| point.sum).sum::<f64>(), 1.5, "time doesn't run backwards");
    }

    #[test]
    fn query_text_is_reported_on_the_span_only() {
        let sdk = InMemorySdk::default();
        let sql = "SELECT name FROM users WHERE id = 4711";
        let operation = client(&sdk).operation("SELECT").query_text(Dialect::PostgreSql.sanitised(sql));
        assert!(!format!("{operation:?}").contains("users"));
        operation.batch_size(3).start().end(Ok(()));
        client(&sdk).operation("SELECT").batch_size(1).start().end(Ok(()));
        let spans: Vec<_> = sdk.spans().iter().map(|span| attributes(&span.attributes)).collect();
        assert_eq!(spans[0]["db.query.text"], "SELECT name FROM users WHERE id = ?");
        assert_eq!((&*spans[0]["db.operation.batch.size"], spans[1].get("db.operation.batch.size")), ("3", None));
        let values = sdk.values(DURATION);
        assert_eq!((values.len(), values[0].1), (1, 2.0), "both are of one series");
        assert!(!values[0].0.contains_key("db.query.text"));
    }

    #[test]
    fn instruments_are_created_on_first_use() {
        let sdk = InMemorySdk::default();
        let client = client(&sdk);
        assert_eq!(sdk.points().len(), 0);
        client.operation("GET").start().end(Ok(()));
        assert_eq!(sdk.points().len(), 1, "and none of pools where there is no pool");
    }
}
