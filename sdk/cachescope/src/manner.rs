//! How a cache is called.

use crate::background::Runs;

/// A cache of an async function, called with `.await`.
#[derive(Debug)]
pub enum Async {}

/// How a cache is called: [`Async`], or `sync::Blocking`.
pub trait Manner: sealed::Sealed {}

impl Manner for Async {}

impl sealed::Sealed for Async {
    const RUNS: Runs = Runs::InItsRuntime;
}

pub(crate) mod sealed {
    use crate::background::Runs;

    pub trait Sealed {
        /// Where what goes on behind requests runs.
        const RUNS: Runs;
    }
}
