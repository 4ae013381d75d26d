//! Cases: caches that share a store don't see each other's entries.

use cachescope_core::shared::Scope;

use super::capabilities::Requirement;
use super::case::Case;
use super::steps::{Step, join_all};
use super::test_context::{LONG, TestContext};
use super::violation::Mismatch;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "scopes_are_separate",
        requires: Requirement::Nothing,
        body: |context| Box::pin(scopes_apart(context)),
    },
    Case {
        name: "clear_leaves_other_scopes",
        requires: Requirement::Nothing,
        body: |context| Box::pin(clear_leaves(context)),
    },
    Case {
        name: "clear_removes_many_entries",
        requires: Requirement::Nothing,
        body: |context| Box::pin(clear_of_many(context)),
    },
];

/// Returns scopes that are prefixes of each other, differ in case, or match each other if a store treats a name as a
/// pattern.
fn alike(context: &TestContext<'_>) -> Result<Vec<Scope>, Mismatch> {
    let names = ["user", "users", "use", "User", "us_r", "u.er", "user.by_id", "user-1", "a b", "a420b", "a:b", "a"];
    let mut scopes = names.iter().map(|name| context.scope(name)).collect::<Result<Vec<_>, _>>()?;
    for version in [2, 10, 11, 100] {
        scopes.push(context.scope_of_version("user", version)?);
    }
    Ok(scopes)
}

async fn scopes_apart(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let scopes = alike(context)?;
    for scope in &scopes {
        let key = scope.key("key")?;
        context.expect_value("get of a key that only another scope has", &key, None).await?;
        context.put(&key, scope.as_str().as_bytes(), Some(LONG)).await?;
    }
    for scope in &scopes {
        context
            .expect_value(
                "get of a key that other scopes have too",
                &scope.key("key")?,
                Some(scope.as_str().as_bytes()),
            )
            .await?;
    }
    context.store.remove(&scopes[0].key("key")?).await?;
    for scope in &scopes[1..] {
        let what = "get of a key that was removed in another scope";
        context.expect_value(what, &scope.key("key")?, Some(scope.as_str().as_bytes())).await?;
    }
    Ok(())
}

/// Clears in both orders, because a clear that affects another scope is detected only while that scope has entries.
async fn clear_leaves(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let mut scopes = alike(context)?;
    for _ in 0..2 {
        for scope in &scopes {
            context.put(&scope.key("key")?, b"value", None).await?;
        }
        for (number, cleared) in scopes.iter().enumerate() {
            context.store.clear(cleared).await?;
            for (index, scope) in scopes.iter().enumerate() {
                let what = format!("get in {} after {} was cleared", scope.as_str(), cleared.as_str());
                context.expect_value(&what, &scope.key("key")?, (index > number).then_some(b"value")).await?;
            }
        }
        scopes.reverse();
    }
    Ok(())
}

/// More entries than a store would remove in one step.
async fn clear_of_many(context: &TestContext<'_>) -> Result<(), Mismatch> {
    let (scope, other) = (context.scope("many")?, context.scope("other")?);
    context.put(&other.key(&0)?, b"stays", Some(LONG)).await?;
    let numbers: Vec<u32> = (0..1_100).collect();
    for batch in numbers.chunks(50) {
        let put = |number: u32| -> Step<'_, ()> {
            let scope = &scope;
            Box::pin(async move { context.put(&scope.key(&number)?, b"value", Some(LONG)).await })
        };
        join_all(batch.iter().map(|number| put(*number)).collect()).await?;
    }
    context.store.clear(&scope).await?;
    for number in numbers {
        context.expect_value("get in a cleared scope that held 1,100 entries", &scope.key(&number)?, None).await?;
    }
    context.expect_value("get in another scope than the cleared one", &other.key(&0)?, Some(b"stays")).await?;
    context.put(&scope.key(&7)?, b"again", Some(LONG)).await?;
    context.expect_value("get after put after clear", &scope.key(&7)?, Some(b"again")).await
}
