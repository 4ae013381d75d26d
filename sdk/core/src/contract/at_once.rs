//! Many at once.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ground, LONG, token};
use super::promises::Needs;
use super::steps::{Step, together};
use crate::shared::{LeaseToken, Leased, StoreKey};

pub(super) const CASES: &[Case] = &[
    Case { name: "one_of_many_is_granted", needs: Needs::Leases, body: |ground| Box::pin(one_of_many(ground)) },
    Case { name: "writers_at_once", needs: Needs::Nothing, body: |ground| Box::pin(writers(ground)) },
    Case { name: "put_beats_a_load", needs: Needs::Leases, body: |ground| Box::pin(beats(ground, By::Put)) },
    Case { name: "remove_beats_a_load", needs: Needs::Leases, body: |ground| Box::pin(beats(ground, By::Remove)) },
    Case { name: "clear_beats_a_load", needs: Needs::Leases, body: |ground| Box::pin(beats(ground, By::Clear)) },
];

async fn one_of_many(ground: &Ground<'_>) -> Result<(), Seen> {
    for round in 0..8 {
        let key = &ground.scope("cache")?.key(&round)?;
        let attempt = || -> Step<'_, bool> {
            Box::pin(async move { Ok(ground.store.lease(key, token(), LONG).await? != Leased::Held) })
        };
        let granted = together((0..32).map(|_| attempt()).collect()).await?;
        same("leases granted to 32 who ask at once", granted.into_iter().filter(|granted| *granted).count(), 1)?;
    }
    Ok(())
}

/// One value of a writer: all of it the same byte, and of a length of its own, so that a mixture shows.
fn written(writer: u8, turn: u8) -> Vec<u8> {
    let mut value = vec![writer; 20_000 + 700 * usize::from(writer)];
    value[0] = turn;
    value
}

async fn writers(ground: &Ground<'_>) -> Result<(), Seen> {
    const WRITERS: u8 = 12;
    const TURNS: u8 = 6;
    let key = &ground.key("key")?;
    ground.put(key, &written(WRITERS, 0), Some(LONG)).await?;
    let whole = |got: Option<&Vec<u8>>| {
        got.is_some_and(|got| got.len() > 1 && *got == written(got[1], got[0]) && got[1] <= WRITERS)
    };
    let writer = |number: u8| -> Step<'_, ()> {
        Box::pin(async move {
            for turn in 0..TURNS {
                ground.put(key, &written(number, turn), Some(LONG)).await?;
            }
            Ok(())
        })
    };
    let reader = || -> Step<'_, ()> {
        Box::pin(async move {
            for _ in 0..TURNS {
                let got = ground.store.get(key).await?;
                same("a value while many write is one of theirs, whole", whole(got.as_ref()), true)?;
            }
            Ok(())
        })
    };
    let mut steps: Vec<_> = (0..WRITERS).map(writer).collect();
    steps.extend((0..WRITERS).map(|_| reader()));
    together(steps).await?;
    let got = ground.store.get(key).await?;
    same("a value after many wrote is one of theirs, whole", whole(got.as_ref()), true)?;
    let turn = got.and_then(|got| got.first().copied());
    same("of which writer's turns the value is: the last", turn, Some(TURNS - 1))
}

#[derive(Clone, Copy)]
enum By {
    Put,
    Remove,
    Clear,
}

/// A load ends while its key is invalidated: whichever comes first, what it loaded isn't there in the end.
async fn beats(ground: &Ground<'_>, by: By) -> Result<(), Seen> {
    for round in 0..24 {
        let scope = ground.scope("cache")?;
        let key = &scope.key(&round)?;
        let mine = token();
        // What else a clear has to go through.
        for other in 0..4 {
            ground.put(&scope.key(&(round, other))?, b"other", Some(LONG)).await?;
        }
        ground.granted("a lease that nobody holds", key, mine).await?;
        let mut steps = vec![load(ground, key, mine), invalidate(ground, key, by)];
        if round % 2 == 1 {
            steps.reverse();
        }
        together(steps).await?;
        let promised = matches!(by, By::Put).then_some(b"put".as_slice());
        ground.holds("get after an invalidation while a load stored", key, promised).await?;
    }
    Ok(())
}

fn load<'a>(ground: &'a Ground<'_>, key: &'a StoreKey, mine: LeaseToken) -> Step<'a, ()> {
    Box::pin(async move { ground.fenced(key, b"loaded", mine).await.map(drop) })
}

fn invalidate<'a>(ground: &'a Ground<'_>, key: &'a StoreKey, by: By) -> Step<'a, ()> {
    Box::pin(async move {
        match by {
            By::Put => ground.put(key, b"put", Some(LONG)).await,
            By::Remove => Ok(ground.store.remove(key).await?),
            By::Clear => Ok(ground.store.clear(key.scope()).await?),
        }
    })
}
