//! Who holds a lease may store, and nobody else who says so.

use super::broken::{Seen, same};
use super::case::Case;
use super::ground::{Ground, LIVES, LONG, token};
use super::promises::Needs;
use crate::shared::Leased;

pub(super) const CASES: &[Case] = &[
    Case { name: "who_is_granted_may_store", needs: Needs::Nothing, body: |ground| Box::pin(may_store(ground)) },
    Case { name: "storing_ends_the_lease", needs: Needs::Leases, body: |ground| Box::pin(ends_the_lease(ground)) },
    Case { name: "expired_may_not_store", needs: Needs::Leases, body: |ground| Box::pin(expired(ground)) },
    Case { name: "stranger_may_not_store", needs: Needs::Leases, body: |ground| Box::pin(stranger(ground)) },
    Case { name: "overtaken_may_not_store", needs: Needs::Leases, body: |ground| Box::pin(overtaken(ground)) },
];

async fn may_store(ground: &Ground<'_>) -> Result<(), Seen> {
    let key = ground.key("key")?;
    for value in [b"first".as_slice(), b"second"] {
        let mine = token();
        ground.granted("a lease that nobody holds", &key, mine).await?;
        same("a put with a lease that is held", ground.fenced(&key, value, mine).await?, true)?;
        ground.holds("get after a put with a lease", &key, Some(value)).await?;
    }
    let mine = token();
    ground.granted("a lease that nobody holds", &key, mine).await?;
    let stored = ground.store.put(&key, b"brief", Some(LIVES[0]), Some(mine)).await?;
    same("a put with a lease that is held", stored, true)?;
    ground.outlive(LIVES[0]).await;
    ground.holds("get after the life of what was put with a lease", &key, None).await
}

async fn ends_the_lease(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, mine, yours) = (ground.key("key")?, token(), token());
    ground.granted("a lease that nobody holds", &key, mine).await?;
    same("a put with a lease that is held", ground.fenced(&key, b"first", mine).await?, true)?;
    same("a second put with the same lease", ground.fenced(&key, b"again", mine).await?, false)?;
    ground.holds("get after a put that was refused", &key, Some(b"first")).await?;
    let leased = ground.store.lease(&key, yours, LONG).await?;
    same("a lease that ended by storing", leased, Leased::Granted(Some(b"first".to_vec())))
}

async fn expired(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, mine) = (ground.key("key")?, token());
    ground.put(&key, b"old", Some(LONG)).await?;
    ground.store.lease(&key, mine, LIVES[0]).await?;
    ground.outlive(LIVES[0]).await;
    same("a put with a lease whose term is over", ground.fenced(&key, b"late", mine).await?, false)?;
    ground.holds("get after a put that was refused", &key, Some(b"old")).await
}

async fn stranger(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, mine, yours) = (ground.key("key")?, token(), token());
    same("a put with a lease that never was", ground.fenced(&key, b"stranger's", yours).await?, false)?;
    ground.holds("get after a put that was refused", &key, None).await?;
    ground.granted("a lease that nobody holds", &key, mine).await?;
    same("a put with a lease that another holds", ground.fenced(&key, b"stranger's", yours).await?, false)?;
    ground.holds("get after a put that was refused", &key, None).await?;
    ground.held("a lease after a stranger's put was refused", &key, yours).await?;
    ground.store.release(&key, mine).await?;
    same("a put with a lease that was released", ground.fenced(&key, b"released", mine).await?, false)?;
    ground.holds("get after a put that was refused", &key, None).await
}

async fn overtaken(ground: &Ground<'_>) -> Result<(), Seen> {
    let (key, slow, quick) = (ground.key("key")?, token(), token());
    ground.store.lease(&key, slow, LIVES[0]).await?;
    ground.outlive(LIVES[0]).await;
    ground.granted("a lease whose term is over", &key, quick).await?;
    same("a put with a lease that another took", ground.fenced(&key, b"slow", slow).await?, false)?;
    ground.store.release(&key, slow).await?;
    ground.held("a lease after the one before it tried to store and to release", &key, token()).await?;
    same("a put with a lease that is held", ground.fenced(&key, b"quick", quick).await?, true)?;
    same("a put with a lease that another took and used", ground.fenced(&key, b"slow", slow).await?, false)?;
    ground.holds("get after a put that was refused", &key, Some(b"quick")).await
}
