//! One has the right to load a key.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ending, Ground, LIVES, LONG, token, too_slow};
use super::promises::Needs;
use crate::shared::Leased;

pub(super) const CASES: &[Case] = &[
    Case { name: "lease_tells_what_is_stored", needs: Needs::Nothing, body: |ground| Box::pin(tells(ground)) },
    Case { name: "lease_is_one_s", needs: Needs::Leases, body: |ground| Box::pin(one_s(ground)) },
    Case { name: "release_by_a_stranger", needs: Needs::Leases, body: |ground| Box::pin(stranger(ground)) },
    Case { name: "lease_ends_with_its_term", needs: Needs::Leases, body: |ground| Box::pin(term(ground)) },
    Case { name: "lease_taken_again_lasts_longer", needs: Needs::Leases, body: |ground| Box::pin(taken_again(ground)) },
    Case { name: "put_ends_the_lease", needs: Needs::Leases, body: |ground| Box::pin(put_ends(ground)) },
    Case { name: "remove_ends_the_lease", needs: Needs::Leases, body: |ground| Box::pin(remove_ends(ground)) },
    Case { name: "clear_ends_leases", needs: Needs::Leases, body: |ground| Box::pin(clear_ends(ground)) },
];

async fn tells(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, brief) = (ground.key("key")?, ground.key("brief")?);
    let lease = |key| ground.store.lease(key, token(), LONG);
    same("lease of an absent key", lease(&key).await?, Leased::Granted(None))?;
    ground.put(&key, b"value", Some(LONG)).await?;
    same("lease of a stored key", lease(&key).await?, Leased::Granted(Some(b"value".to_vec())))?;
    ground.put(&key, b"", None).await?;
    same("lease of a key with an empty value", lease(&key).await?, Leased::Granted(Some(Vec::new())))?;
    ground.put(&brief, b"value", Some(LIVES[0])).await?;
    ground.outlive(LIVES[0]).await;
    same("lease of a key whose entry's life is over", lease(&brief).await?, Leased::Granted(None))
}

async fn one_s(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, other) = (ground.key("key")?, ground.key("other")?);
    let (mine, yours) = (token(), token());
    ground.granted("a lease that nobody holds", &key, mine).await?;
    ground.held("a lease that another holds", &key, yours).await?;
    ground.granted("a lease that one holds oneself", &key, mine).await?;
    ground.granted("the lease of another key", &other, yours).await?;
    let elsewhere = ground.scope("elsewhere")?.key("key")?;
    ground.granted("the lease of the same key in another scope", &elsewhere, yours).await?;
    ground.holds("get of a key of which there is a lease alone", &key, None).await?;
    ground.store.release(&key, mine).await?;
    ground.granted("a lease that was released", &key, yours).await?;
    ground.held("a lease that one released and another took", &key, mine).await
}

async fn stranger(ground: &Ground<'_>) -> Result<(), Seen> {
    let key = ground.key("key")?;
    let (mine, yours) = (token(), token());
    ground.store.release(&key, yours).await?;
    ground.put(&key, b"value", Some(LONG)).await?;
    ground.granted("a lease that nobody holds", &key, mine).await?;
    ground.store.release(&key, yours).await?;
    ground.held("a lease after a stranger released it", &key, yours).await?;
    ground.store.release(&key, mine).await?;
    ground.holds("get after a release", &key, Some(b"value")).await
}

async fn term(ground: &Ground<'_>) -> Result<(), Seen> {
    for term in LIVES {
        let key = ground.key("key")?;
        ground.store.remove(&key).await?;
        let begun = ground.clock.now();
        same("a lease that nobody holds", ground.store.lease(&key, token(), term).await?, Leased::Granted(None))?;
        if ground.ends(Ending::Lease(&key, token()), term, begun, ground.clock.now()).await? {
            return ground.held("a lease that another took after the first one's term", &key, token()).await;
        }
    }
    Err(too_slow())
}

async fn taken_again(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, mine) = (ground.key("key")?, token());
    same("a lease that nobody holds", ground.store.lease(&key, mine, LIVES[0]).await?, Leased::Granted(None))?;
    ground.granted("a lease that one holds oneself, for longer", &key, mine).await?;
    ground.outlive(LIVES[0]).await;
    ground.held("a lease that was taken again, after its first term", &key, token()).await?;
    same("a put with a lease that was taken again", ground.fenced(&key, b"value", mine).await?, true)
}

async fn put_ends(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, mine) = (ground.key("key")?, token());
    ground.granted("a lease that nobody holds", &key, mine).await?;
    ground.put(&key, b"put", Some(LONG)).await?;
    same("a put with a lease that another put ended", ground.fenced(&key, b"loaded", mine).await?, false)?;
    ground.holds("get after a put that was refused", &key, Some(b"put")).await?;
    ground.granted("a lease that a put ended", &key, token()).await
}

async fn remove_ends(ground: &Ground<'_>) -> Result<(), Seen> {
    for stored in [false, true] {
        let (key, mine) = (ground.key("key")?, token());
        if stored {
            ground.put(&key, b"old", Some(LONG)).await?;
        }
        ground.granted("a lease that nobody holds", &key, mine).await?;
        ground.store.remove(&key).await?;
        same("a put with a lease that a remove ended", ground.fenced(&key, b"loaded", mine).await?, false)?;
        ground.holds("get after a put that was refused", &key, None).await?;
        ground.granted("a lease that a remove ended", &key, token()).await?;
        ground.store.remove(&key).await?;
    }
    Ok(())
}

async fn clear_ends(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, stored, mine) = (ground.key("key")?, ground.key("stored")?, token());
    let elsewhere = ground.scope("elsewhere")?.key("key")?;
    ground.put(&stored, b"old", Some(LONG)).await?;
    for key in [&key, &stored, &elsewhere] {
        ground.granted("a lease that nobody holds", key, mine).await?;
    }
    ground.store.clear(key.scope()).await?;
    for key in [&key, &stored] {
        same("a put with a lease that a clear ended", ground.fenced(key, b"loaded", mine).await?, false)?;
        ground.holds("get after a put that was refused", key, None).await?;
        ground.granted("a lease that a clear ended", key, token()).await?;
    }
    ground.held("a lease in another scope than the cleared one", &elsewhere, token()).await?;
    same("a put with a lease in another scope", ground.fenced(&elsewhere, b"loaded", mine).await?, true)
}
