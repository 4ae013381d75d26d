//! Tests of the SQLite, PostgreSQL and MariaDB stores, on real servers.

#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

mod mariadb;
mod outages;
mod postgres;
mod schema;
mod sqlite;
mod store_suite;
mod telemetry;
