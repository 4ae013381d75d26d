//! Helpers that poll futures: several at once, only a few times, or with a time limit.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use cachescope_core::Clock;

use super::violation::Mismatch;

/// A step of a case.
pub(super) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, Mismatch>> + Send + 'a>>;

/// Runs all steps concurrently, and returns their results in order. The first error stops them.
pub(super) async fn join_all<T>(steps: Vec<Step<'_, T>>) -> Result<Vec<T>, Mismatch> {
    let mut running: Vec<(Step<'_, T>, Option<T>)> = steps.into_iter().map(|step| (step, None)).collect();
    poll_fn(|cx| {
        let mut all = true;
        for (step, result) in running.iter_mut().filter(|(_, result)| result.is_none()) {
            match step.as_mut().poll(cx) {
                Poll::Ready(Ok(value)) => *result = Some(value),
                Poll::Ready(Err(actual)) => return Poll::Ready(Err(actual)),
                Poll::Pending => all = false,
            }
        }
        if all { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(running.into_iter().filter_map(|(_, result)| result).collect())
}

/// Polls `step` at most `polls` times, whenever it wakes its task, and then drops it.
pub(super) async fn poll_then_drop<T>(step: impl Future<Output = T>, polls: usize) {
    let mut step = pin!(step);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        match step.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            // The last poll: no wake-up is needed, because it isn't polled again.
            Poll::Pending if left == 0 => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// Returns the result of `step`, or a mismatch after `limit`.
pub(super) async fn with_time_limit<T>(step: Step<'_, T>, limit: Duration) -> Result<T, Mismatch> {
    let (mut step, mut late) = (step, pin!(Clock::system().sleep(limit)));
    poll_fn(|cx| {
        if let Poll::Ready(result) = step.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        let actual = || Mismatch::new(format!("an answer within {limit:?}"), "none");
        late.as_mut().poll(cx).map(|()| Err(actual()))
    })
    .await
}
