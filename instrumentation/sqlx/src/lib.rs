//! SQLite, PostgreSQL and MySQL as cachescope stores, and telemetry for sqlx.
