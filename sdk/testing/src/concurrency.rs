//! Cases: concurrent operations.

use cachescope_core::shared::{LeaseResult, LeaseToken, StoreKey};

use super::capabilities::Requirement;
use super::case::Case;
use super::steps::{Step, join_all};
use super::test_context::{LONG, TestContext, token};
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "one_of_many_requests_is_granted",
        requires: Requirement::Leases,
        body: |context| Box::pin(one_of_many(context)),
    },
    Case {
        name: "concurrent_writes_are_atomic",
        requires: Requirement::Nothing,
        body: |context| Box::pin(writers(context)),
    },
    Case {
        name: "put_wins_over_load",
        requires: Requirement::Leases,
        body: |context| Box::pin(invalidation_wins(context, InvalidatedBy::Put)),
    },
    Case {
        name: "remove_wins_over_load",
        requires: Requirement::Leases,
        body: |context| Box::pin(invalidation_wins(context, InvalidatedBy::Remove)),
    },
    Case {
        name: "clear_wins_over_load",
        requires: Requirement::Leases,
        body: |context| Box::pin(invalidation_wins(context, InvalidatedBy::Clear)),
    },
];

async fn one_of_many(context: &TestContext<'_>) -> Result<(), Mismatch> {
    for round in 0..8 {
        let key = &context.scope("cache")?.key(&round)?;
        let attempt = || -> Step<'_, bool> {
            Box::pin(async move { Ok(context.store.lease(key, token(), LONG).await? != LeaseResult::Held) })
        };
        let granted = join_all((0..32).map(|_| attempt()).collect()).await?;
        expect_eq(
            "leases granted to 32 concurrent requests",
            granted.into_iter().filter(|granted| *granted).count(),
            1,
        )?;
    }
    Ok(())
}

/// Returns a value of a writer. All its bytes are the same and its length is unique, so that a mixture is detected.
fn written(writer: u8, turn: u8) -> Vec<u8> {
    let mut value = vec![writer; 20_000 + 700 * usize::from(writer)];
    value[0] = turn;
    value
}

async fn writers(context: &TestContext<'_>) -> Result<(), Mismatch> {
    const WRITERS: u8 = 12;
    const TURNS: u8 = 6;
    let key = &context.key("key")?;
    context.put(key, &written(WRITERS, 0), Some(LONG)).await?;
    let whole = |got: Option<&Vec<u8>>| {
        got.is_some_and(|got| got.len() > 1 && *got == written(got[1], got[0]) && got[1] <= WRITERS)
    };
    let writer = |number: u8| -> Step<'_, ()> {
        Box::pin(async move {
            for turn in 0..TURNS {
                context.put(key, &written(number, turn), Some(LONG)).await?;
            }
            Ok(())
        })
    };
    let reader = || -> Step<'_, ()> {
        Box::pin(async move {
            for _ in 0..TURNS {
                let got = context.store.get(key).await?;
                expect_eq(
                    "a value during concurrent writes is one of the written values, complete",
                    whole(got.as_ref()),
                    true,
                )?;
            }
            Ok(())
        })
    };
    let mut steps: Vec<_> = (0..WRITERS).map(writer).collect();
    steps.extend((0..WRITERS).map(|_| reader()));
    join_all(steps).await?;
    let got = context.store.get(key).await?;
    expect_eq("a value after concurrent writes is one of the written values, complete", whole(got.as_ref()), true)?;
    let turn = got.and_then(|got| got.first().copied());
    expect_eq("the turn that wrote the value is the last one", turn, Some(TURNS - 1))
}

#[derive(Clone, Copy)]
enum InvalidatedBy {
    Put,
    Remove,
    Clear,
}

/// A load ends while its key is invalidated. In either order, the loaded value must not be stored in the end.
async fn invalidation_wins(context: &TestContext<'_>, by: InvalidatedBy) -> Result<(), Mismatch> {
    for round in 0..24 {
        let scope = context.scope("cache")?;
        let key = &scope.key(&round)?;
        let mine = token();
        // More entries for a clear to remove.
        for other in 0..4 {
            context.put(&scope.key(&(round, other))?, b"other", Some(LONG)).await?;
        }
        context.expect_granted("a free lease", key, mine).await?;
        let mut steps = vec![load(context, key, mine), invalidate(context, key, by)];
        if round % 2 == 1 {
            steps.reverse();
        }
        join_all(steps).await?;
        let expected = matches!(by, InvalidatedBy::Put).then_some(b"put".as_slice());
        context.expect_value("get after an invalidation during a load", key, expected).await?;
    }
    Ok(())
}

fn load<'a>(context: &'a TestContext<'_>, key: &'a StoreKey, mine: LeaseToken) -> Step<'a, ()> {
    Box::pin(async move { context.put_with_lease(key, b"loaded", mine).await.map(drop) })
}

fn invalidate<'a>(context: &'a TestContext<'_>, key: &'a StoreKey, by: InvalidatedBy) -> Step<'a, ()> {
    Box::pin(async move {
        match by {
            InvalidatedBy::Put => context.put(key, b"put", Some(LONG)).await,
            InvalidatedBy::Remove => Ok(context.store.remove(key).await?),
            InvalidatedBy::Clear => Ok(context.store.clear(key.scope()).await?),
        }
    })
}
