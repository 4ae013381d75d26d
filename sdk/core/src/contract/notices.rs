//! What is announced is heard.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::Ground;
use super::promises::Needs;
use super::steps::given_up;
use crate::shared::{Notice, Notices, Scope};

pub(super) const CASES: &[Case] = &[
    Case { name: "notices_come_in_order", needs: Needs::Notices, body: |ground| Box::pin(in_order(ground)) },
    Case { name: "notices_of_other_scopes", needs: Needs::Notices, body: |ground| Box::pin(of_others(ground)) },
    Case { name: "a_wait_for_notices_dropped", needs: Needs::Notices, body: |ground| Box::pin(wait_dropped(ground)) },
];

async fn listen(ground: &Ground<'_>, scope: &Scope) -> Result<Box<dyn Notices>, Seen> {
    let listening = ground.store.listen(scope).await?;
    listening.ok_or_else(|| Seen::new("a store of which one can listen to notices", "None from listen"))
}

fn of(number: u32) -> Notice {
    Notice::Key(format!("\"{number}\""))
}

/// Each listener hears all of them, from when it listens on.
async fn in_order(ground: &Ground<'_>) -> Result<(), Seen> {
    let scope = ground.scope("cache")?;
    ground.store.announce(&scope, &of(0)).await?;
    let mut listeners = [listen(ground, &scope).await?, listen(ground, &scope).await?];
    let longest = Notice::Key("x".repeat(4_096));
    let odd = Notice::Key(r#"{"name":"Ä 'b' \\ %s $1 * \"c\" 🦀"}"#.to_owned());
    let mut announced: Vec<Notice> = (1..50).map(of).collect();
    announced.extend([Notice::All, longest, odd, of(1), of(1), Notice::All]);
    for notice in &announced {
        ground.store.announce(&scope, notice).await?;
    }
    for listener in &mut listeners {
        for notice in &announced {
            same("the next notice", listener.next().await?, notice.clone())?;
        }
    }
    drop(listeners);
    ground.store.announce(&scope, &Notice::All).await?;
    let mut late = listen(ground, &scope).await?;
    ground.store.announce(&scope, &of(7)).await?;
    same("the first notice after one listens", late.next().await?, of(7))
}

async fn of_others(ground: &Ground<'_>) -> Result<(), Seen> {
    let names = ["user", "users", "User", "us_r", "u.er"];
    let mut scopes = names.iter().map(|name| ground.scope(name)).collect::<Result<Vec<_>, _>>()?;
    scopes.push(ground.scope_of_version("user", 10)?);
    let mut listeners = Vec::new();
    for scope in &scopes {
        listeners.push(listen(ground, scope).await?);
    }
    // Twice, so that each of another scope comes before one of its own.
    for round in 0..2 {
        for (number, scope) in (round * 100..).zip(&scopes) {
            ground.store.announce(scope, &of(number)).await?;
        }
    }
    for (number, listener) in (0..).zip(&mut listeners) {
        for round in 0..2 {
            same("a notice of the scope listened to", listener.next().await?, of(round * 100 + number))?;
        }
    }
    Ok(())
}

async fn wait_dropped(ground: &Ground<'_>) -> Result<(), Seen> {
    let scope = ground.scope("cache")?;
    let mut listener = listen(ground, &scope).await?;
    for number in 0..20 {
        given_up(listener.next(), 1).await;
        ground.store.announce(&scope, &of(number)).await?;
        same("a notice after a wait for it was dropped", listener.next().await?, of(number))?;
    }
    Ok(())
}
