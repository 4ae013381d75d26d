//! Cases: listeners receive the invalidations that are announced.

use cachescope_core::shared::{Invalidation, InvalidationStream, Scope};

use super::capabilities::Requirement;
use super::case::Case;
use super::steps::poll_then_drop;
use super::test_context::TestContext;
use super::violation::{Mismatch, expect_eq};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "invalidations_arrive_in_order",
        requires: Requirement::InvalidationStream,
        body: |context| Box::pin(in_order(context)),
    },
    Case {
        name: "invalidations_of_other_scopes_are_not_received",
        requires: Requirement::InvalidationStream,
        body: |context| Box::pin(of_others(context)),
    },
    Case {
        name: "dropped_wait_loses_no_invalidation",
        requires: Requirement::InvalidationStream,
        body: |context| Box::pin(wait_dropped(context)),
    },
];

async fn listen(context: &TestContext<'_>, scope: &Scope) -> Result<Box<dyn InvalidationStream>, Mismatch> {
    let listening = context.store.listen(scope).await?;
    listening.ok_or_else(|| Mismatch::new("a stream of invalidations from listen", "None"))
}

fn key(number: u32) -> Invalidation {
    Invalidation::Key(format!("\"{number}\""))
}

/// Each listener receives all invalidations from when it listens.
async fn in_order(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let scope = context.scope("cache")?;
    context.store.announce(&scope, &key(0)).await?;
    let mut listeners = [listen(context, &scope).await?, listen(context, &scope).await?];
    let longest = Invalidation::Key("x".repeat(4_096));
    let odd = Invalidation::Key(r#"{"name":"Ä 'b' \\ %s $1 * \"c\" 🦀"}"#.to_owned());
    let mut announced: Vec<Invalidation> = (1..50).map(key).collect();
    announced.extend([Invalidation::All, longest, odd, key(1), key(1), Invalidation::All]);
    for invalidation in &announced {
        context.store.announce(&scope, invalidation).await?;
    }
    for listener in &mut listeners {
        for invalidation in &announced {
            expect_eq("the next invalidation", listener.next().await?, invalidation.clone())?;
        }
    }
    drop(listeners);
    context.store.announce(&scope, &Invalidation::All).await?;
    let mut late = listen(context, &scope).await?;
    context.store.announce(&scope, &key(7)).await?;
    expect_eq("the first invalidation after listen", late.next().await?, key(7))
}

async fn of_others(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let names = ["user", "users", "User", "us_r", "u.er"];
    let mut scopes = names.iter().map(|name| context.scope(name)).collect::<Result<Vec<_>, _>>()?;
    scopes.push(context.scope_of_version("user", 10)?);
    let mut listeners = Vec::new();
    for scope in &scopes {
        listeners.push(listen(context, scope).await?);
    }
    // Twice, so that invalidations of other scopes come before one of the listener's own.
    for round in 0..2 {
        for (number, scope) in (round * 100..).zip(&scopes) {
            context.store.announce(scope, &key(number)).await?;
        }
    }
    for (number, listener) in (0..).zip(&mut listeners) {
        for round in 0..2 {
            expect_eq(
                "an invalidation of the scope that is listened to",
                listener.next().await?,
                key(round * 100 + number),
            )?;
        }
    }
    Ok(())
}

async fn wait_dropped(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let scope = context.scope("cache")?;
    let mut listener = listen(context, &scope).await?;
    for number in 0..20 {
        poll_then_drop(listener.next(), 1).await;
        context.store.announce(&scope, &key(number)).await?;
        expect_eq("an invalidation after a dropped wait", listener.next().await?, key(number))?;
    }
    Ok(())
}
