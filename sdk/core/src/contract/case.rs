//! The cases by name, and how they are run.

use std::fmt;
use std::time::Duration;

use super::broken::Broken;
use super::ground::Ground;
use super::promises::{Needs, Promises};
use super::steps::{Step, within};
use super::{at_once, dropped, fenced, keys, leases, life, notices, scopes, upkeep, values};
use crate::shared::ByteStore;

/// A store that answers at all is through by then, whatever the machine.
const LIMIT: Duration = Duration::from_secs(180);

/// One thing that a store promises, under a name.
#[derive(Clone, Copy)]
pub struct Case {
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    pub(super) body: for<'a> fn(&'a Ground<'a>) -> Step<'a, ()>,
}

impl Case {
    /// What it is called: a test's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it. Most take milliseconds, those that wait for something to end about a second.
    ///
    /// # Errors
    /// If the store doesn't keep the promise, or doesn't answer within three minutes. What was stored by then is
    /// cleared.
    pub async fn run(&self, store: &dyn ByteStore) -> Result<(), Broken> {
        let ground = Ground::new(store);
        let ran = within((self.body)(&ground), LIMIT).await;
        let clean = async {
            ground.clean().await;
            Ok(())
        };
        // A store that hangs has been told of above.
        let _ = within(Box::pin(clean), LIMIT).await;
        ran.map_err(|seen| seen.in_case(self.name))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish_non_exhaustive()
    }
}

/// The cases for a store that promises so much.
///
/// ```
/// # use cachescope_core::shared::ByteStore;
/// use cachescope_core::contract::{Promises, cases};
///
/// # async fn example(store: impl ByteStore) {
/// for case in cases(Promises::default()) {
///     match case.run(&store).await {
///         Ok(()) => println!("{} ok", case.name()),
///         Err(broken) => println!("{broken}"),
///     }
/// }
/// # }
/// ```
#[must_use]
pub fn cases(promises: Promises) -> Vec<Case> {
    let all = [
        values::CASES,
        keys::CASES,
        scopes::CASES,
        life::CASES,
        leases::CASES,
        fenced::CASES,
        at_once::CASES,
        dropped::CASES,
        upkeep::CASES,
        notices::CASES,
    ];
    all.into_iter().flatten().filter(|case| promises.allow(case.needs)).copied().collect()
}

/// Runs all of them one after the other, which takes about ten seconds.
///
/// # Errors
/// All promises that weren't kept, one of each case at most.
pub async fn check(store: &dyn ByteStore, promises: Promises) -> Result<(), Vec<Broken>> {
    let mut broken = Vec::new();
    for case in cases(promises) {
        broken.extend(case.run(store).await.err());
    }
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}
