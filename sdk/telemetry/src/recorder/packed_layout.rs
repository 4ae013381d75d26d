//! The names of the cells of packed counts. Names stay the same when indices change.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::counter_id::CounterId;
use super::counts::Counts;
use super::distribution::Distribution;
use super::duration_series::DurationSeries;
use super::packed_counts::{FIRST_SIZE_CELL, PackedCounts, add_cell};

/// The name of each index of [`PackedCounts`]. Stored with the counts, it makes them readable by a version that counts
/// other things, or in another order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PackedLayout {
    /// Empty for an index that isn't used.
    numbers: Vec<String>,
    /// The series of durations. The entry sizes come after them.
    series: Vec<String>,
    /// The number of cells of a distribution.
    cells: usize,
}

impl PackedLayout {
    /// Returns the layout of this version.
    #[must_use]
    pub fn present() -> Self {
        let mut numbers = vec![String::new(); CounterId::COUNT];
        CounterId::all().for_each(|number| numbers[number.index()] = number.name());
        let mut series = vec![String::new(); DurationSeries::COUNT];
        DurationSeries::all().for_each(|one| series[one.index()] = one.name());
        Self { numbers, series, cells: Distribution::CELLS }
    }

    /// Converts counts of this layout to the layout of this version. Names that this version doesn't know are left out.
    #[must_use]
    pub fn read(&self, packed: &PackedCounts) -> PackedCounts {
        let present = Self::present();
        if *self == present {
            return packed.clone();
        }
        let mut counts = Counts::default();
        for (index, value) in packed.cells() {
            if let Some(index) = self.index_in(&present, index) {
                add_cell(&mut counts, index, value);
            }
        }
        PackedCounts::from(&counts)
    }

    /// Returns the index in `present` of the cell at `index` here.
    fn index_in(&self, present: &Self, index: usize) -> Option<usize> {
        if let Some(name) = self.numbers.get(index) {
            return present.numbers.iter().position(|known| known == name && !name.is_empty());
        }
        let cell = index - self.numbers.len();
        let (series, cell) = (cell.checked_div(self.cells)?, cell.checked_rem(self.cells)?);
        let first = match self.series.get(series) {
            Some(name) => CounterId::COUNT + present.series.iter().position(|known| known == name)? * present.cells,
            None if series == self.series.len() => FIRST_SIZE_CELL,
            None => return None,
        };
        (cell < present.cells).then_some(first + cell)
    }
}

/// Serialized as a list of alternating distances and values.
impl Serialize for PackedCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut last = 0;
        serializer.collect_seq(self.cells().flat_map(|(index, value)| {
            let distance = index - last;
            last = index;
            [distance as u64, value]
        }))
    }
}

impl<'de> Deserialize<'de> for PackedCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list: Vec<u64> = Vec::deserialize(deserializer)?;
        let mut index = 0_usize;
        Ok(Self::from_cells(list.chunks_exact(2).map(|cell| {
            index = index.saturating_add(usize::try_from(cell[0]).unwrap_or(usize::MAX));
            (index, cell[1])
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::{LoadTrigger, RequestOutcome, RequestResult, StaleEvent};

    /// Counters that all differ, with some cells of each distribution.
    fn counts() -> Counts {
        let mut counts = Counts::default();
        CounterId::all().enumerate().for_each(|(at, number)| counts.totals.0[number.index()] = at as u64 + 1);
        for (series, durations) in counts.durations.iter_mut().enumerate() {
            durations.distribution_mut().add_cell(0, 1_000 + series as u64);
            durations.distribution_mut().add_cell(20 + series, 5);
        }
        counts.entry_sizes.distribution_mut().add_cell(7, 3);
        counts
    }

    #[test]
    fn packed_counts_survive_json() {
        let packed = PackedCounts::from(&counts());
        let json = serde_json::to_string(&packed).unwrap();
        assert_eq!(serde_json::from_str::<PackedCounts>(&json).unwrap(), packed);
        assert_eq!(PackedLayout::present().read(&packed), packed);
    }

    #[test]
    fn counts_of_another_version_are_read_by_name() {
        let other = PackedLayout {
            numbers: ["requests.teleported", "requests.hit", "", "requests.stale"].map(str::to_owned).to_vec(),
            series: ["load.miss", "load.teleport", "stale.served"].map(str::to_owned).to_vec(),
            cells: 100,
        };
        let at = |series: usize, cell: usize| (4 + series * 100 + cell, 9);
        let cells = [(0, 5), (1, 7), (2, 5), (3, 8), at(0, 30), at(1, 30), at(2, 2), at(2, 99), at(3, 5)];
        let read = Counts::from(&other.read(&PackedCounts::from_cells(cells.into_iter())));
        assert_eq!(read.totals.ended(RequestOutcome::new(RequestResult::Hit)), 7);
        assert_eq!(read.totals.ended(RequestOutcome::new(RequestResult::Stale)), 8);
        assert_eq!(read.requests(), 15, "and nothing else");
        assert_eq!(read.load_durations(LoadTrigger::Miss).count(), 9);
        assert_eq!(read.stale_ages(StaleEvent::Served).count(), 18);
        assert_eq!(read.entry_sizes().count(), 9);
    }

    #[test]
    fn nonsense_numbers_do_not_panic() {
        for json in ["[18446744073709551615,1,18446744073709551615,2]", "[1]", "[0,0,0,18446744073709551615,0,9]"] {
            let packed: PackedCounts = serde_json::from_str(json).unwrap();
            let counts = Counts::from(&PackedLayout { cells: 0, ..PackedLayout::present() }.read(&packed));
            assert_eq!((counts.requests(), counts.entry_sizes().count()), (0, 0), "{json}");
        }
    }
}
