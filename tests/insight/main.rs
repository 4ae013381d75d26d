//! What insight says is so: each of its answers beside the truth, which a test can have and a service can't.
//!
//! `CACHESCOPE_TRACE` names a further access trace to hold the answers to: keys one a line, or ARC's format.

mod advice;
mod curve;
mod fed;
mod lives;
mod overheard;
mod reasons;
mod saved;
mod trace;
