//! Caches that share a store don't see each other.

use super::broken::Seen;
use super::case::Case;
use super::ground::{Ground, LONG};
use super::promises::Needs;
use super::steps::{Step, together};
use crate::shared::Scope;

pub(super) const CASES: &[Case] = &[
    Case { name: "scopes_apart", needs: Needs::Nothing, body: |ground| Box::pin(scopes_apart(ground)) },
    Case { name: "clear_leaves_other_scopes", needs: Needs::Nothing, body: |ground| Box::pin(clear_leaves(ground)) },
    Case { name: "clear_of_many_entries", needs: Needs::Nothing, body: |ground| Box::pin(clear_of_many(ground)) },
];

/// Of each other's beginning, case and, where a store takes a name for a pattern, pattern.
fn alike(ground: &Ground<'_>) -> Result<Vec<Scope>, Seen> {
    let names = ["user", "users", "use", "User", "us_r", "u.er", "user.by_id", "user-1", "a b", "a420b", "a:b", "a"];
    let mut scopes = names.iter().map(|name| ground.scope(name)).collect::<Result<Vec<_>, _>>()?;
    for version in [2, 10, 11, 100] {
        scopes.push(ground.scope_of_version("user", version)?);
    }
    Ok(scopes)
}

async fn scopes_apart(ground: &Ground<'_>) -> Result<(), Seen> {
    let scopes = alike(ground)?;
    for scope in &scopes {
        let key = scope.key("key")?;
        ground.holds("get of a key that another scope alone has", &key, None).await?;
        ground.put(&key, scope.as_str().as_bytes(), Some(LONG)).await?;
    }
    for scope in &scopes {
        ground
            .holds("get of a key that other scopes have too", &scope.key("key")?, Some(scope.as_str().as_bytes()))
            .await?;
    }
    ground.store.remove(&scopes[0].key("key")?).await?;
    for scope in &scopes[1..] {
        let what = "get of a key that was removed in another scope";
        ground.holds(what, &scope.key("key")?, Some(scope.as_str().as_bytes())).await?;
    }
    Ok(())
}

/// From either end, as one that takes another along is seen only while that is there.
async fn clear_leaves(ground: &Ground<'_>) -> Result<(), Seen> {
    let mut scopes = alike(ground)?;
    for _ in 0..2 {
        for scope in &scopes {
            ground.put(&scope.key("key")?, b"value", None).await?;
        }
        for (number, cleared) in scopes.iter().enumerate() {
            ground.store.clear(cleared).await?;
            for (index, scope) in scopes.iter().enumerate() {
                let what = format!("get in {} after {} was cleared", scope.as_str(), cleared.as_str());
                ground.holds(&what, &scope.key("key")?, (index > number).then_some(b"value")).await?;
            }
        }
        scopes.reverse();
    }
    Ok(())
}

/// More than a store would drop in one step.
async fn clear_of_many(ground: &Ground<'_>) -> Result<(), Seen> {
    let (scope, other) = (ground.scope("many")?, ground.scope("other")?);
    ground.put(&other.key(&0)?, b"stays", Some(LONG)).await?;
    let numbers: Vec<u32> = (0..1_100).collect();
    for batch in numbers.chunks(50) {
        let put = |number: u32| -> Step<'_, ()> {
            let scope = &scope;
            Box::pin(async move { ground.put(&scope.key(&number)?, b"value", Some(LONG)).await })
        };
        together(batch.iter().map(|number| put(*number)).collect()).await?;
    }
    ground.store.clear(&scope).await?;
    for number in numbers {
        ground.holds("get in a cleared scope that held 1,100 entries", &scope.key(&number)?, None).await?;
    }
    ground.holds("get in another scope than the cleared one", &other.key(&0)?, Some(b"stays")).await?;
    ground.put(&scope.key(&7)?, b"anew", Some(LONG)).await?;
    ground.holds("get after put after clear", &scope.key(&7)?, Some(b"anew")).await
}
