//! `INSERT ... ON CONFLICT`, which PostgreSQL and SQLite share.

pub(crate) const ON_CONFLICT_UPDATE: &str = "ON CONFLICT (scope, name) DO UPDATE SET";

pub(crate) const PROPOSED_VALUE: &str = "EXCLUDED.{}";

pub(crate) const LEASE: &str = "INSERT INTO {table} AS held (scope, name, expires_at, lease_token, lease_until) \
    VALUES ($1, $2, {now} + $4, $3, {now} + $4) {on_conflict_update} \
    lease_token = {proposed}(lease_token), lease_until = {proposed}(lease_until), \
    expires_at = CASE WHEN held.size IS NULL THEN {proposed}(expires_at) ELSE held.expires_at END \
    WHERE held.lease_token IS NULL OR held.lease_until <= {now} OR held.lease_token = {proposed}(lease_token) \
    RETURNING CASE WHEN {unexpired} THEN value END";
