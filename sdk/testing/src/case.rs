//! The cases, and how to run them.

use std::fmt;
use std::time::Duration;

use cachescope_core::shared::ByteStore;

use super::capabilities::{Capabilities, Requirement};
use super::steps::{Step, with_time_limit};
use super::test_context::TestContext;
use super::violation::Violation;
use super::{cancellation, concurrency, expiry, fencing, invalidations, keys, leases, maintenance, scopes, values};

/// The time limit of a case. A store that answers at all needs less on any machine.
const LIMIT: Duration = Duration::from_secs(180);

/// A test case: one rule of the contract, with a name.
#[derive(Clone, Copy)]
pub struct Case {
    pub(super) name: &'static str,
    pub(super) requires: Requirement,
    pub(super) body: for<'a> fn(&'a TestContext<'a>) -> Step<'a, ()>,
}

impl Case {
    /// Returns the name, which can be used as the name of a test.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the case against `store`. Most cases take milliseconds; those that wait until something expires take about
    /// a second.
    ///
    /// # Errors
    /// Returns a [`Violation`] if the store breaks the rule, or doesn't answer within three minutes. The case's entries
    /// are removed in both cases.
    pub async fn run(&self, store: &dyn ByteStore) -> Result<(), Violation> {
        let context = TestContext::new(store);
        let ran = with_time_limit((self.body)(&context), LIMIT).await;
        let clean = async {
            context.clean().await;
            Ok(())
        };
        // A store that hangs is reported by the case itself.
        let _ = with_time_limit(Box::pin(clean), LIMIT).await;
        ran.map_err(|actual| actual.in_case(self.name))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.requires).finish_non_exhaustive()
    }
}

/// Returns the cases for a store with these capabilities.
///
/// ```
/// # use cachescope_core::shared::ByteStore;
/// use cachescope_testing::{Capabilities, cases};
///
/// # async fn example(store: impl ByteStore) {
/// for case in cases(Capabilities::default()) {
///     match case.run(&store).await {
///         Ok(()) => println!("{} ok", case.name()),
///         Err(violation) => println!("{violation}"),
///     }
/// }
/// # }
/// ```
#[must_use]
pub fn cases(capabilities: Capabilities) -> Vec<Case> {
    let all = [
        values::CASES,
        keys::CASES,
        scopes::CASES,
        expiry::CASES,
        leases::CASES,
        fencing::CASES,
        concurrency::CASES,
        cancellation::CASES,
        maintenance::CASES,
        invalidations::CASES,
    ];
    all.into_iter().flatten().filter(|case| capabilities.allow(case.requires)).copied().collect()
}

/// Runs all cases in sequence, which takes about ten seconds.
///
/// # Errors
/// Returns all violations, at most one per case.
pub async fn check(store: &dyn ByteStore, capabilities: Capabilities) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    for case in cases(capabilities) {
        violations.extend(case.run(store).await.err());
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}
