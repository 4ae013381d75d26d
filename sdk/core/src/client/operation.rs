//! One operation on a database: its span, and what it took.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, StringValue, Value};

use super::Client;
use super::names::{attributes, error_types};

/// An operation on a database that is about to start, and what is to be told of it.
///
/// Cloning one that is made of static names or of `Arc<str>`s doesn't allocate, so one can be kept and started often.
#[derive(Clone)]
#[must_use = "nothing is told of an operation that isn't started"]
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

    /// The table or collection, if it is about one. Each is a series: never make it of data.
    pub fn collection(mut self, name: impl Into<StringValue>) -> Self {
        self.collection = Some(name.into());
        self
    }

    /// How many operations are sent as one. Told on the span, if it is more than one.
    pub fn batch_size(mut self, operations: usize) -> Self {
        self.batch_size = (operations > 1).then(|| i64::try_from(operations).unwrap_or(i64::MAX));
        self
    }

    /// The query's text, told on the span. Whatever stands in it is told: see [`Dialect::sanitised`].
    ///
    /// [`Dialect::sanitised`]: super::Dialect::sanitised
    pub fn query_text(mut self, text: impl Into<StringValue>) -> Self {
        self.query_text = Some(text.into());
        self
    }

    /// What the query does to what, such as `SELECT users`: told on the span, and its name. See [`Dialect::summary`].
    ///
    /// [`Dialect::summary`]: super::Dialect::summary
    pub fn query_summary(mut self, summary: impl Into<StringValue>) -> Self {
        self.query_summary = Some(summary.into());
        self
    }

    /// Starts it, now: a span of kind client below the current one, and a timer.
    ///
    /// Costs a few allocations and less than a microsecond while no SDK is set up; with one, what its span costs on top.
    #[must_use = "an operation that isn't ended was cancelled"]
    pub fn start(self) -> Running {
        self.start_in(&Context::current())
    }

    /// The same below the span of `parent`.
    #[must_use = "an operation that isn't ended was cancelled"]
    pub fn start_in(self, parent: &Context) -> Running {
        let span = self.client.0.telemetry.tracer().build_with_context(self.span(), parent);
        Running { context: parent.with_span(span), operation: self, started: Instant::now(), ended: false }
    }

    /// Tells of an operation that has ended already, below the span of `parent`: [`Context::new()`] has none.
    ///
    /// What it took is the time from `start` to `end`; nothing, where the system's clock was set back in between.
    pub fn between(self, start: SystemTime, end: SystemTime, parent: &Context, outcome: Result<(), Failed>) {
        let builder = self.span().with_start_time(start);
        let span = self.client.0.telemetry.tracer().build_with_context(builder, parent);
        let context = parent.with_span(span);
        self.record(end.duration_since(start).unwrap_or_default(), outcome.as_ref().err());
        finish(&context, outcome.as_ref().err(), Some(end));
    }

    /// What the span is created with: a sampler sees all of it.
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

    /// As the conventions have it: the summary, or the operation and what it is about, as far as they are known.
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

    /// Those of the metric, which the span has as well. In the order of their names: a set that isn't takes two places
    /// in the SDK's tables.
    fn attributes(&self, failed: Option<&Failed>) -> Vec<KeyValue> {
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
        add(attributes::RESPONSE_STATUS_CODE, failed.and_then(|failed| failed.status_code.clone()).map(Value::from));
        add(attributes::SYSTEM_NAME, Some(Value::from(client.system.as_str())));
        add(attributes::ERROR_TYPE, failed.map(|failed| Value::from(failed.error_type.clone())));
        if let Some((address, port)) = &client.server {
            add(attributes::SERVER_ADDRESS, Some(Value::from(address.clone())));
            add(attributes::SERVER_PORT, port.map(|port| Value::from(i64::from(port))));
        }
        all
    }

    fn record(&self, took: Duration, failed: Option<&Failed>) {
        let instruments = self.client.0.telemetry.operation_instruments();
        instruments.duration.record(took.as_secs_f64(), &self.attributes(failed));
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

/// An operation that has started. Dropped without [`Running::end`], it was cancelled.
#[must_use = "an operation that isn't ended was cancelled"]
pub struct Running {
    operation: Operation,
    context: Context,
    started: Instant,
    ended: bool,
}

impl Running {
    /// The context with the operation's span, for spans below it: attach it, or run a future with it.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Ends it: so long it took, and this came of it.
    pub fn end(mut self, outcome: Result<(), Failed>) {
        self.finish(outcome.as_ref().err());
    }

    fn finish(&mut self, failed: Option<&Failed>) {
        self.ended = true;
        self.operation.record(self.started.elapsed(), failed);
        finish(&self.context, failed, None);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(Some(&Failed::new(error_types::CANCELLED)));
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Ends the span in `context`.
fn finish(context: &Context, failed: Option<&Failed>, at: Option<SystemTime>) {
    let span = context.span();
    if let Some(failed) = failed.filter(|_| span.is_recording()) {
        span.set_attribute(KeyValue::new(attributes::ERROR_TYPE, failed.error_type.clone()));
        if let Some(code) = &failed.status_code {
            span.set_attribute(KeyValue::new(attributes::RESPONSE_STATUS_CODE, code.clone()));
        }
        // What the database says of the error may have values in it.
        span.set_status(Status::error(""));
    }
    match at {
        Some(at) => span.end_with_timestamp(at),
        None => span.end(),
    }
}

/// What went wrong with an operation: never the error's text, which may have values in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    error_type: Cow<'static, str>,
    status_code: Option<Cow<'static, str>>,
}

impl Failed {
    /// Such an error: the database's code, or the driver's kind or type of it. Few different ones.
    #[must_use]
    pub fn new(error_type: impl Into<Cow<'static, str>>) -> Self {
        Self { error_type: error_type.into(), status_code: None }
    }

    /// What the database calls it, if it did: `23505`, `WRONGTYPE`, `11000`.
    #[must_use]
    pub fn status_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.status_code = Some(code.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use opentelemetry::trace::{SpanId, TracerProvider};
    use opentelemetry_sdk::trace::SpanData;

    use super::*;
    use crate::client::exported::{InMemory, attributes, said};
    use crate::client::names::metrics;
    use crate::client::{Dialect, System};

    const DURATION: &str = metrics::OPERATION_DURATION.name;

    fn client(sdk: &InMemory) -> Client {
        Client::new(System::PostgreSql).telemetry(sdk.telemetry()).server("db.internal", 5433).namespace("shop")
    }

    fn only_span(sdk: &InMemory) -> SpanData {
        let mut spans = sdk.spans();
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }

    #[test]
    fn an_operation_is_a_span_and_a_duration_by_the_conventions() {
        let sdk = InMemory::default();
        client(&sdk).operation("SELECT").collection("users").start().end(Ok(()));
        let expected = said([
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
    fn a_failure_is_told_by_its_type_and_code_and_never_by_its_text() {
        let sdk = InMemory::default();
        let failed = Failed::new("unique_violation").status_code("23505");
        client(&sdk).operation("INSERT").start().end(Err(failed));
        let span = only_span(&sdk);
        let told = attributes(&span.attributes);
        assert_eq!((&*told["error.type"], &*told["db.response.status_code"]), ("unique_violation", "23505"));
        assert_eq!(span.status, Status::error(""));
        assert_eq!(sdk.values(DURATION), [(told, 1.0)]);
    }

    #[test]
    fn an_operation_that_is_dropped_was_cancelled() {
        let sdk = InMemory::default();
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
    fn a_span_is_named_by_what_is_known() {
        let sdk = InMemory::default();
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
    fn spans_nest_both_ways() {
        let sdk = InMemory::default();
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
    fn what_is_told_afterwards_has_its_own_times_and_parent() {
        let sdk = InMemory::default();
        let (start, took) = (UNIX_EPOCH + Duration::from_secs(1_000), Duration::from_millis(1_500));
        let parent = Context::new().with_span(sdk.traces.tracer("test").start("request"));
        let find = client(&sdk).operation("find").collection("c");
        find.clone().between(start, start + took, &parent, Ok(()));
        let span = only_span(&sdk);
        assert_eq!((span.start_time, span.end_time), (start, start + took));
        assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
        let point = sdk.points().remove(0);
        assert_eq!((point.value, point.sum), (1.0, 1.5));
        find.between(start, start - took, &Context::new(), Err(Failed::new("late")));
        assert_eq!(sdk.spans()[1].parent_span_id, SpanId::INVALID);
        assert_eq!(sdk.points().iter().map(|point| point.sum).sum::<f64>(), 1.5, "time doesn't run backwards");
    }

    #[test]
    fn the_text_of_a_query_is_on_the_span_if_it_is_given_and_nowhere_else() {
        let sdk = InMemory::default();
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
    fn without_clients_there_is_no_instrument_of_theirs() {
        let sdk = InMemory::default();
        let client = client(&sdk);
        assert_eq!(sdk.points().len(), 0);
        client.operation("GET").start().end(Ok(()));
        assert_eq!(sdk.points().len(), 1, "and none of pools where there is no pool");
    }
}
