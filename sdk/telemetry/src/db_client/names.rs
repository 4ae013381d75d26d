//! All names in the telemetry of database clients, as OpenTelemetry defines them.

use crate::names as ours;

/// Names of metrics.
pub mod metrics {
    use super::ours::Instrument::{Counter, Histogram, UpDownCounter};
    use super::ours::{Metric, metric};

    /// Duration of operations.
    pub const OPERATION_DURATION: Metric =
        metric("db.client.operation.duration", Histogram, "s", "Duration of database client operations.");
    /// Connections, by state: idle or used.
    pub const CONNECTION_COUNT: Metric = metric(
        "db.client.connection.count",
        UpDownCounter,
        "{connection}",
        "The number of connections that are currently in state described by the `state` attribute.",
    );
    /// Maximum number of idle connections.
    pub const CONNECTION_IDLE_MAX: Metric = metric(
        "db.client.connection.idle.max",
        UpDownCounter,
        "{connection}",
        "The maximum number of idle open connections allowed.",
    );
    /// Minimum number of idle connections.
    pub const CONNECTION_IDLE_MIN: Metric = metric(
        "db.client.connection.idle.min",
        UpDownCounter,
        "{connection}",
        "The minimum number of idle open connections allowed.",
    );
    /// Maximum number of connections.
    pub const CONNECTION_MAX: Metric = metric(
        "db.client.connection.max",
        UpDownCounter,
        "{connection}",
        "The maximum number of open connections allowed.",
    );
    /// Requests that are waiting now for a connection.
    pub const CONNECTION_PENDING_REQUESTS: Metric = metric(
        "db.client.connection.pending_requests",
        UpDownCounter,
        "{request}",
        "The number of current pending requests for an open connection.",
    );
    /// Requests that waited for a connection and timed out.
    pub const CONNECTION_TIMEOUTS: Metric = metric(
        "db.client.connection.timeouts",
        Counter,
        "{timeout}",
        "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
    );
    /// Time to open a connection.
    pub const CONNECTION_CREATE_TIME: Metric =
        metric("db.client.connection.create_time", Histogram, "s", "The time it took to create a new connection.");
    /// Time to get a connection from the pool.
    pub const CONNECTION_WAIT_TIME: Metric = metric(
        "db.client.connection.wait_time",
        Histogram,
        "s",
        "The time it took to obtain an open connection from the pool.",
    );
    /// Time that a connection was out of its pool.
    pub const CONNECTION_USE_TIME: Metric = metric(
        "db.client.connection.use_time",
        Histogram,
        "s",
        "The time between borrowing a connection and returning it to the pool.",
    );

    /// All metrics.
    pub const ALL: [Metric; 10] = [
        OPERATION_DURATION,
        CONNECTION_COUNT,
        CONNECTION_IDLE_MAX,
        CONNECTION_IDLE_MIN,
        CONNECTION_MAX,
        CONNECTION_PENDING_REQUESTS,
        CONNECTION_TIMEOUTS,
        CONNECTION_CREATE_TIME,
        CONNECTION_WAIT_TIME,
        CONNECTION_USE_TIME,
    ];
}

/// Names of attributes, on metrics and on spans.
pub mod attributes {
    /// The database system: [`super::super::System::as_str`].
    pub const SYSTEM_NAME: &str = "db.system.name";
    /// The database within the server.
    pub const NAMESPACE: &str = "db.namespace";
    /// The table or collection.
    pub const COLLECTION_NAME: &str = "db.collection.name";
    /// The operation.
    pub const OPERATION_NAME: &str = "db.operation.name";
    /// The number of operations in a batch. Absent for a single operation. On spans only.
    pub const OPERATION_BATCH_SIZE: &str = "db.operation.batch.size";
    /// The text of a query. On spans only, and only if the caller sets it.
    pub const QUERY_TEXT: &str = "db.query.text";
    /// The operations and targets of a query, in a few words. On spans only, and only if the caller sets it.
    pub const QUERY_SUMMARY: &str = "db.query.summary";
    /// The error code of the database.
    pub const RESPONSE_STATUS_CODE: &str = "db.response.status_code";
    /// The server's host.
    pub const SERVER_ADDRESS: &str = "server.address";
    /// The server's port, if it isn't the default port.
    pub const SERVER_PORT: &str = "server.port";
    /// The type of the error.
    pub const ERROR_TYPE: &str = super::ours::attributes::ERROR_TYPE;
    /// The name of the pool.
    pub const CONNECTION_POOL_NAME: &str = "db.client.connection.pool.name";
    /// The state of connections: one of [`super::states`].
    pub const CONNECTION_STATE: &str = "db.client.connection.state";

    /// All attributes.
    pub const ALL: [&str; 13] = [
        SYSTEM_NAME,
        NAMESPACE,
        COLLECTION_NAME,
        OPERATION_NAME,
        OPERATION_BATCH_SIZE,
        QUERY_TEXT,
        QUERY_SUMMARY,
        RESPONSE_STATUS_CODE,
        SERVER_ADDRESS,
        SERVER_PORT,
        ERROR_TYPE,
        CONNECTION_POOL_NAME,
        CONNECTION_STATE,
    ];
}

/// Values of `db.client.connection.state`.
pub mod states {
    /// In the pool.
    pub const IDLE: &str = "idle";
    /// Out of the pool.
    pub const USED: &str = "used";
}

/// Values of `error.type` that aren't errors of a database or a driver.
pub mod error_types {
    /// The future of the operation was dropped before the operation ended.
    pub const CANCELLED: &str = super::ours::error_types::CANCELLED;
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use opentelemetry::trace::SpanKind;
    use serde::Deserialize;

    use super::*;
    use crate::db_client::in_memory_sdk::{self, InMemorySdk};
    use crate::db_client::{Client, OperationError, PoolLevels, System};

    #[derive(Deserialize)]
    struct File {
        groups: Vec<Group>,
    }

    #[derive(Deserialize)]
    struct Group {
        r#type: String,
        #[serde(default)]
        brief: String,
        #[serde(default)]
        metric_name: String,
        #[serde(default)]
        instrument: String,
        #[serde(default)]
        unit: String,
        attributes: Vec<Attribute>,
    }

    #[derive(Deserialize)]
    struct Attribute {
        id: Option<String>,
        r#ref: Option<String>,
        r#type: Option<serde_json::Value>,
        requirement_level: Option<serde_json::Value>,
    }

    impl Group {
        fn defined(&self) -> impl Iterator<Item = (&str, Option<BTreeSet<&str>>)> {
            self.attributes.iter().map(|attribute| {
                let members = attribute.r#type.as_ref().and_then(|of| of["members"].as_array());
                let values = |members: &'_ Vec<serde_json::Value>| -> BTreeSet<_> {
                    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
                };
                let values = members.map(values).map(|values| values.into_iter().map(|v| &*v.leak()).collect());
                (attribute.id.as_deref().unwrap(), values)
            })
        }

        /// Returns the attributes that the group uses, and whether each of them is required.
        fn used(&self) -> BTreeMap<&str, bool> {
            let level = |attribute: &Attribute| attribute.requirement_level == Some("required".into());
            self.attributes.iter().map(|attribute| (attribute.r#ref.as_deref().unwrap(), level(attribute))).collect()
        }

        fn check(&self, actual: &in_memory_sdk::Attributes) {
            let used = self.used();
            assert!(actual.keys().all(|name| used.contains_key(&**name)), "{} has {actual:?}", self.metric_name);
            assert!(used.iter().all(|(name, always)| !always || actual.contains_key(*name)), "{}", self.metric_name);
        }
    }

    fn contract() -> Vec<Group> {
        let text = include_str!("../../semconv/client.yaml");
        serde_saphyr::from_str::<File>(text).unwrap().groups
    }

    #[test]
    fn names_and_values_in_code_match_the_contract() {
        let contract = contract();
        let of = |kind: &'static str| contract.iter().filter(move |group| group.r#type == kind);
        let in_file: BTreeSet<_> =
            of("metric").map(|g| (&*g.metric_name, g.instrument.clone(), &*g.unit, &*g.brief)).collect();
        let in_code: BTreeSet<_> = metrics::ALL
            .iter()
            .map(|metric| (metric.name, format!("{:?}", metric.instrument).to_lowercase(), metric.unit, metric.brief))
            .collect();
        assert_eq!(in_code, in_file);

        let defined: BTreeMap<_, _> = of("attribute_group").flat_map(Group::defined).collect();
        // `error.type` is defined with the attributes of caches.
        let names: BTreeSet<_> = defined.keys().copied().chain([attributes::ERROR_TYPE]).collect();
        assert_eq!(BTreeSet::from(attributes::ALL), names);
        let used: BTreeSet<_> = of("metric").chain(of("span")).flat_map(Group::used).map(|(name, _)| name).collect();
        assert_eq!(used, names);
        assert_eq!(defined[attributes::CONNECTION_STATE], Some([states::IDLE, states::USED].into()));
        let systems =
            [System::Redis, System::PostgreSql, System::MySql, System::MariaDb, System::Sqlite, System::MongoDb];
        assert_eq!(defined[attributes::SYSTEM_NAME], Some(systems.map(System::as_str).into()));
    }

    #[test]
    fn exported_telemetry_matches_the_contract_without_missing_or_extra_names() {
        let contract = contract();
        let sdk = InMemorySdk::default();
        let client = Client::new(System::PostgreSql).telemetry(sdk.telemetry());
        let bare = client.clone();
        let client = client.server("db", 5433).namespace("shop");
        bare.operation("").start().end(Ok(()));
        let operation = client.operation("SELECT").collection("t").batch_size(2).query_summary("SELECT t");
        operation.query_text("SELECT ?").start().end(Err(OperationError::new("type").status_code("code")));
        let pool = client.pool("pool");
        let levels = PoolLevels { idle: 1, used: 2, max: Some(3), idle_max: Some(4), idle_min: Some(5) };
        let _registration = pool.observe(move || Some(levels));
        pool.created_after(Duration::from_secs(1));
        pool.wait_started().obtained();
        drop(pool.use_started());

        let mut seen = BTreeSet::new();
        for point in sdk.points() {
            let group = contract.iter().find(|group| group.metric_name == point.metric).unwrap();
            let expected = (&*group.instrument, &*group.unit, &*group.brief);
            assert_eq!((point.instrument, &*point.unit, &*point.brief), expected);
            group.check(&point.attributes);
            seen.extend(point.attributes.into_keys().map(|name| (point.metric.clone(), name)));
        }
        let group = contract.iter().find(|group| group.r#type == "span").unwrap();
        for span in sdk.spans() {
            assert_eq!(span.span_kind, SpanKind::Client);
            let attributes = in_memory_sdk::attributes(&span.attributes);
            group.check(&attributes);
            seen.extend(attributes.into_keys().map(|name| (String::new(), name)));
        }
        let promised: BTreeSet<_> = contract
            .iter()
            .filter(|group| group.r#type != "attribute_group")
            .flat_map(|group| group.used().into_keys().map(|name| (group.metric_name.clone(), name.to_owned())))
            .collect();
        assert_eq!(promised, seen);
    }
}
