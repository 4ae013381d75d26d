//! A small service as a user would write it: a current-thread runtime, telemetry from the environment.

use std::time::Duration;

use cachescope::cached;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let _guard = cachescope::otel::init()?;
    let squares = cached("outage.squares", |n: u64| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        n * n
    })
    .build();
    let mut sum = 0;
    for n in 0..100 {
        sum += squares.call(n % 20).await;
    }
    println!("{sum} {}", squares.metrics().stats().hits());
    Ok(())
}
