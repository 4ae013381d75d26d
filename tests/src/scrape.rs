//! A page in Prometheus's text format.

use prometheus_parse::{Sample, Scrape};

/// Returns every sample of the page at `url`.
///
/// # Errors
/// If the page can't be read.
pub fn samples(url: &str) -> anyhow::Result<Vec<Sample>> {
    let text = ureq::get(url).call()?.body_mut().read_to_string()?;
    Ok(Scrape::parse(text.lines().map(|line| Ok(line.to_owned())))?.samples)
}
