//! Futures by hand: many at once, given up, within a time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::broken::Seen;
use crate::clock::Clock;

/// A step of a case.
pub(super) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, Seen>> + Send + 'a>>;

/// Runs all of them at once, and gives what they gave in their order. The first error ends them.
pub(super) async fn together<T>(steps: Vec<Step<'_, T>>) -> Result<Vec<T>, Seen> {
    let mut under_way: Vec<(Step<'_, T>, Option<T>)> = steps.into_iter().map(|step| (step, None)).collect();
    poll_fn(|cx| {
        let mut all = true;
        for (step, given) in under_way.iter_mut().filter(|(_, given)| given.is_none()) {
            match step.as_mut().poll(cx) {
                Poll::Ready(Ok(value)) => *given = Some(value),
                Poll::Ready(Err(seen)) => return Poll::Ready(Err(seen)),
                Poll::Pending => all = false,
            }
        }
        if all { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(under_way.into_iter().filter_map(|(_, given)| given).collect())
}

/// Polls `step` as often as said, as it asks for, and drops it then.
pub(super) async fn given_up<T>(step: impl Future<Output = T>, polls: usize) {
    let mut step = pin!(step);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        match step.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            // Nobody wakes it where it isn't polled again.
            Poll::Pending if left == 0 => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// What `step` gives, if it does within `limit`.
pub(super) async fn within<T>(step: Step<'_, T>, limit: Duration) -> Result<T, Seen> {
    let (mut step, mut late) = (step, pin!(Clock::system().sleep(limit)));
    poll_fn(|cx| {
        if let Poll::Ready(given) = step.as_mut().poll(cx) {
            return Poll::Ready(given);
        }
        let seen = || Seen::new(format!("an answer within {limit:?}"), "none");
        late.as_mut().poll(cx).map(|()| Err(seen()))
    })
    .await
}
