//! SQLite, PostgreSQL and MariaDB as stores, the servers real.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as the tests do")]

mod mariadb;
mod outages;
mod postgres;
mod promises;
mod schema;
mod sqlite;
mod telemetry;
