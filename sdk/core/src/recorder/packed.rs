//! Counts in few bytes: what isn't zero, each as a distance and a value.

use super::histogram::Distribution;
use super::number::{Number, Series};
use super::totals::Counts;

/// What a cache counted within a time, in a small part of what [`Counts`] take: most of a histogram is zero.
///
/// Without what is under way, which is of a moment and not of a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

/// Cells are numbered: the numbers, then each series' cells, then those of the sizes.
pub(super) const SIZES: usize = Number::COUNT + Series::COUNT * Distribution::CELLS;

impl Packed {
    /// How many bytes it takes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to `counts`.
    pub fn add_to(&self, counts: &mut Counts) {
        self.cells().for_each(|(index, value)| add_cell(counts, index, value));
    }

    /// What isn't zero, each with its index.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        let mut bytes = self.0.iter().copied();
        let mut index = 0_usize;
        std::iter::from_fn(move || {
            let (distance, value) = (unsigned(&mut bytes)?, unsigned(&mut bytes)?);
            index = index.saturating_add(usize::try_from(distance).unwrap_or(usize::MAX));
            Some((index, value))
        })
    }

    /// Of cells in the order of their indices.
    pub(super) fn of_cells(cells: impl Iterator<Item = (usize, u64)>) -> Self {
        let (mut bytes, mut last) = (Vec::new(), 0);
        for (index, value) in cells {
            push(&mut bytes, (index - last) as u64);
            push(&mut bytes, value);
            last = index;
        }
        Self(bytes.into())
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut counts = Counts::from(self);
        other.add_to(&mut counts);
        Self::from(&counts)
    }
}

impl From<&Counts> for Packed {
    fn from(counts: &Counts) -> Self {
        Self::of_cells(cells(counts))
    }
}

impl From<&Packed> for Counts {
    fn from(packed: &Packed) -> Self {
        let mut counts = Self::default();
        packed.add_to(&mut counts);
        counts
    }
}

fn cells(counts: &Counts) -> impl Iterator<Item = (usize, u64)> {
    let numbers = counts.totals.0.iter().copied().enumerate().filter(|(_, value)| *value > 0);
    let series = counts.durations.iter().enumerate().flat_map(|(series, durations)| {
        let first = Number::COUNT + series * Distribution::CELLS;
        durations.distribution().cells().map(move |(index, value)| (first + index, value))
    });
    let sizes = counts.entry_sizes.distribution().cells().map(|(index, value)| (SIZES + index, value));
    numbers.chain(series).chain(sizes)
}

pub(super) fn add_cell(counts: &mut Counts, index: usize, value: u64) {
    if let Some(number) = counts.totals.0.get_mut(index) {
        *number = number.saturating_add(value);
    } else if let Some(cell) = index.checked_sub(SIZES) {
        counts.entry_sizes.distribution_mut().add_cell(cell, value);
    } else {
        let cell = index - Number::COUNT;
        counts.durations[cell / Distribution::CELLS].distribution_mut().add_cell(cell % Distribution::CELLS, value);
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn push(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
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
    use crate::outcome::{Ending, LoadOutcome, LoadTrigger, MissReason, StaleEvent};
    use crate::recorder::{HitTiming, Recorder};
    use crate::telemetry::{Identity, Labels, Telemetry};

    fn recorder() -> Recorder {
        let telemetry = Telemetry::new(NoopMeterProvider::new(), NoopTracerProvider::new());
        let cache = "packed".to_owned();
        let identity = Identity { cache, store: "test", error_type: None, labels: Labels::new() };
        Recorder::new(identity, telemetry, None, HitTiming::Paced)
    }

    fn record(recorder: &Recorder, times: u64) {
        for time in 0..times {
            recorder.request_started();
            recorder.load_started();
            recorder.load_ended(LoadTrigger::Miss, LoadOutcome::Loaded, Duration::from_nanos(time * time));
            recorder.request_ended(Ending::miss(MissReason::Expired), Duration::from_micros(time));
            recorder.stale(StaleEvent::Reloaded, Duration::from_secs(time));
            recorder.entry_stored(time << 20);
        }
    }

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let recorder = recorder();
        record(&recorder, 500);
        let counts = recorder.counts();
        let packed = Packed::from(&counts);
        assert_eq!(Counts::from(&packed), counts);
        assert!(packed.len() < 2_000, "{}", packed.len());
        assert!(Packed::from(&Counts::default()).is_empty());
    }

    #[test]
    fn what_was_counted_between_two_turns_adds_up_to_the_whole() {
        let recorder = recorder();
        record(&recorder, 100);
        let (first, one) = recorder.turn(&Counts::default());
        record(&recorder, 30);
        assert_eq!(recorder.counts_since(&first).stale_ages(StaleEvent::Reloaded).max().as_secs(), 29);
        let (second, two) = recorder.turn(&first);
        assert_eq!((two.requests(), two.stale_ages(StaleEvent::Reloaded).max().as_secs()), (30, 29));
        let [one, two] = [one, two].map(|slice| Packed::from(&slice));
        assert_eq!(Counts::from(&one.plus(&two)), second);
        assert!(Packed::from(&recorder.counts_since(&second)).is_empty(), "nothing since");
    }

    #[test]
    fn a_value_of_any_size_is_packed() {
        for value in [0, 1, 127, 128, 1 << 35, u64::MAX] {
            let mut bytes = Vec::new();
            push(&mut bytes, value);
            assert_eq!(unsigned(&mut bytes.into_iter()), Some(value));
        }
        assert_eq!(unsigned(&mut [0x80].into_iter()), None, "cut off");
    }
}
