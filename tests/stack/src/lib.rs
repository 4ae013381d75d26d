//! The real parts tests run against: built, started on loopback, stopped by their own pid.
