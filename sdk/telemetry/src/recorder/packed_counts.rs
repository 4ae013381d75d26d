//! Counts in few bytes: each number that isn't zero, as a distance and a value.

use super::counter_id::CounterId;
use super::counts::Counts;
use super::distribution::Distribution;
use super::duration_series::DurationSeries;

/// The counts of a cache within a period, in a small part of the memory of [`Counts`], because most of a histogram is
/// zero.
///
/// Active requests, loads and waits are left out, because they belong to a moment and not to a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedCounts(Box<[u8]>);

/// The index of the first cell of entry sizes. Cells are numbered in this order: the counters, the cells of each
/// series, the cells of entry sizes.
pub(super) const FIRST_SIZE_CELL: usize = CounterId::COUNT + DurationSeries::COUNT * Distribution::CELLS;

impl PackedCounts {
    /// Returns the number of bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds these counts to `counts`.
    pub fn add_to(&self, counts: &mut Counts) {
        self.cells().for_each(|(index, value)| add_cell(counts, index, value));
    }

    /// Returns the numbers that aren't zero, each with its index.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        let mut bytes = self.0.iter().copied();
        let mut index = 0_usize;
        std::iter::from_fn(move || {
            let (distance, value) = (read_number(&mut bytes)?, read_number(&mut bytes)?);
            index = index.saturating_add(usize::try_from(distance).unwrap_or(usize::MAX));
            Some((index, value))
        })
    }

    /// Creates packed counts from cells in the order of their indices.
    pub(super) fn from_cells(cells: impl Iterator<Item = (usize, u64)>) -> Self {
        let (mut bytes, mut last) = (Vec::new(), 0);
        for (index, value) in cells {
            push_number(&mut bytes, (index - last) as u64);
            push_number(&mut bytes, value);
            last = index;
        }
        Self(bytes.into())
    }

    /// Returns the sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut counts = Counts::from(self);
        other.add_to(&mut counts);
        Self::from(&counts)
    }
}

impl From<&Counts> for PackedCounts {
    fn from(counts: &Counts) -> Self {
        Self::from_cells(cells(counts))
    }
}

impl From<&PackedCounts> for Counts {
    fn from(packed: &PackedCounts) -> Self {
        let mut counts = Self::default();
        packed.add_to(&mut counts);
        counts
    }
}

fn cells(counts: &Counts) -> impl Iterator<Item = (usize, u64)> {
    let numbers = counts.totals.0.iter().copied().enumerate().filter(|(_, value)| *value > 0);
    let series = counts.durations.iter().enumerate().flat_map(|(series, durations)| {
        let first = CounterId::COUNT + series * Distribution::CELLS;
        durations.distribution().cells().map(move |(index, value)| (first + index, value))
    });
    let sizes = counts.entry_sizes.distribution().cells().map(|(index, value)| (FIRST_SIZE_CELL + index, value));
    numbers.chain(series).chain(sizes)
}

pub(super) fn add_cell(counts: &mut Counts, index: usize, value: u64) {
    if let Some(number) = counts.totals.0.get_mut(index) {
        *number = number.saturating_add(value);
    } else if let Some(cell) = index.checked_sub(FIRST_SIZE_CELL) {
        counts.entry_sizes.distribution_mut().add_cell(cell, value);
    } else {
        let cell = index - CounterId::COUNT;
        counts.durations[cell / Distribution::CELLS].distribution_mut().add_cell(cell % Distribution::CELLS, value);
    }
}

/// Appends a number with seven bits per byte, the lowest first. The high bit is set if more bytes follow.
fn push_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_number(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry::metrics::noop::NoopMeterProvider;
    use opentelemetry::trace::noop::NoopTracerProvider;

    use super::*;
    use crate::recorder::{HitTiming, Recorder};
    use crate::telemetry::Telemetry;
    use cachescope_core::{CacheIdentity, Labels};
    use cachescope_core::{LoadOutcome, LoadTrigger, MissReason, RequestOutcome, StaleEvent};

    fn recorder() -> Recorder {
        let telemetry = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
        let cache = "packed".to_owned();
        let identity = CacheIdentity { name: cache, store: "test", error_type: None, labels: Labels::new() };
        Recorder::new(identity, telemetry, None, HitTiming::Paced)
    }

    fn record(recorder: &Recorder, times: u64) {
        for time in 0..times {
            recorder.request_started();
            recorder.load_started();
            recorder.load_ended(LoadTrigger::Miss, LoadOutcome::Loaded, Duration::from_nanos(time * time));
            recorder.request_ended(RequestOutcome::miss(MissReason::Expired), Duration::from_micros(time));
            recorder.stale(StaleEvent::Reloaded, Duration::from_secs(time));
            recorder.entry_stored(time << 20);
        }
    }

    #[test]
    fn packed_counts_unpack_to_the_same_counts() {
        let recorder = recorder();
        record(&recorder, 500);
        let counts = recorder.counts();
        let packed = PackedCounts::from(&counts);
        assert_eq!(Counts::from(&packed), counts);
        assert!(packed.len() < 2_000, "{}", packed.len());
        assert!(PackedCounts::from(&Counts::default()).is_empty());
    }

    #[test]
    fn counts_of_periods_add_up_to_the_whole() {
        let recorder = recorder();
        record(&recorder, 100);
        let (first, one) = recorder.rotate(&Counts::default());
        record(&recorder, 30);
        assert_eq!(recorder.counts_since(&first).stale_ages(StaleEvent::Reloaded).max().as_secs(), 29);
        let (second, two) = recorder.rotate(&first);
        assert_eq!((two.requests(), two.stale_ages(StaleEvent::Reloaded).max().as_secs()), (30, 29));
        let [one, two] = [one, two].map(|period| PackedCounts::from(&period));
        assert_eq!(Counts::from(&one.plus(&two)), second);
        assert!(PackedCounts::from(&recorder.counts_since(&second)).is_empty(), "nothing since");
    }

    #[test]
    fn numbers_of_any_size_are_packed() {
        for value in [0, 1, 127, 128, 1 << 35, u64::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, value);
            assert_eq!(read_number(&mut bytes.into_iter()), Some(value));
        }
        assert_eq!(read_number(&mut [0x80].into_iter()), None, "cut off");
    }
}
