//! What the cells of packed counts are called where they are stored: names outlive the order that indices follow.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::histogram::Distribution;
use super::number::{Number, Series};
use super::packed::{Packed, SIZES, add_cell};
use super::totals::Counts;

/// What is at which index of [`Packed`] counts, by name: stored with them, it makes them readable by a version that
/// counts other things, or in another order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Layout {
    /// Empty where an index means nothing.
    numbers: Vec<String>,
    /// Distributions of durations; that of the sizes comes after them.
    series: Vec<String>,
    /// How many cells a distribution has.
    cells: usize,
}

impl Layout {
    /// That of this version.
    #[must_use]
    pub fn present() -> Self {
        let mut numbers = vec![String::new(); Number::COUNT];
        Number::all().for_each(|number| numbers[number.index()] = number.name());
        let mut series = vec![String::new(); Series::COUNT];
        Series::all().for_each(|one| series[one.index()] = one.name());
        Self { numbers, series, cells: Distribution::CELLS }
    }

    /// What was packed by this layout, packed as this version does it. What this version has no name for is left out.
    #[must_use]
    pub fn read(&self, packed: &Packed) -> Packed {
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
        Packed::from(&counts)
    }

    /// Where `present` has what is here at this index.
    fn index_in(&self, present: &Self, index: usize) -> Option<usize> {
        if let Some(name) = self.numbers.get(index) {
            return present.numbers.iter().position(|known| known == name && !name.is_empty());
        }
        let cell = index - self.numbers.len();
        let (series, cell) = (cell.checked_div(self.cells)?, cell.checked_rem(self.cells)?);
        let first = match self.series.get(series) {
            Some(name) => Number::COUNT + present.series.iter().position(|known| known == name)? * present.cells,
            None if series == self.series.len() => SIZES,
            None => return None,
        };
        (cell < present.cells).then_some(first + cell)
    }
}

/// As a list of distances and values in turn.
impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut last = 0;
        serializer.collect_seq(self.cells().flat_map(|(index, value)| {
            let distance = index - last;
            last = index;
            [distance as u64, value]
        }))
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list: Vec<u64> = Vec::deserialize(deserializer)?;
        let mut index = 0_usize;
        Ok(Self::of_cells(list.chunks_exact(2).map(|cell| {
            index = index.saturating_add(usize::try_from(cell[0]).unwrap_or(usize::MAX));
            (index, cell[1])
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Ending, LoadTrigger, RequestResult, StaleEvent};

    /// Numbers that all differ, with some of each distribution.
    fn counts() -> Counts {
        let mut counts = Counts::default();
        Number::all().enumerate().for_each(|(at, number)| counts.totals.0[number.index()] = at as u64 + 1);
        for (series, durations) in counts.durations.iter_mut().enumerate() {
            durations.distribution_mut().add_cell(0, 1_000 + series as u64);
            durations.distribution_mut().add_cell(20 + series, 5);
        }
        counts.entry_sizes.distribution_mut().add_cell(7, 3);
        counts
    }

    #[test]
    fn packed_counts_come_back_from_json_as_they_went() {
        let packed = Packed::from(&counts());
        let json = serde_json::to_string(&packed).unwrap();
        assert_eq!(serde_json::from_str::<Packed>(&json).unwrap(), packed);
        assert_eq!(Layout::present().read(&packed), packed);
    }

    #[test]
    fn counts_of_another_version_are_read_by_name() {
        let other = Layout {
            numbers: ["requests.teleported", "requests.hit", "", "requests.stale"].map(str::to_owned).to_vec(),
            series: ["load.miss", "load.teleport", "stale.served"].map(str::to_owned).to_vec(),
            cells: 100,
        };
        let at = |series: usize, cell: usize| (4 + series * 100 + cell, 9);
        let cells = [(0, 5), (1, 7), (2, 5), (3, 8), at(0, 30), at(1, 30), at(2, 2), at(2, 99), at(3, 5)];
        let read = Counts::from(&other.read(&Packed::of_cells(cells.into_iter())));
        assert_eq!(read.totals.ended(Ending::of(RequestResult::Hit)), 7);
        assert_eq!(read.totals.ended(Ending::of(RequestResult::Stale)), 8);
        assert_eq!(read.requests(), 15, "and nothing else");
        assert_eq!(read.load_durations(LoadTrigger::Miss).count(), 9);
        assert_eq!(read.stale_ages(StaleEvent::Served).count(), 18);
        assert_eq!(read.entry_sizes().count(), 9);
    }

    #[test]
    fn numbers_without_sense_are_no_panic() {
        for json in ["[18446744073709551615,1,18446744073709551615,2]", "[1]", "[0,0,0,18446744073709551615,0,9]"] {
            let packed: Packed = serde_json::from_str(json).unwrap();
            let counts = Counts::from(&Layout { cells: 0, ..Layout::present() }.read(&packed));
            assert_eq!((counts.requests(), counts.entry_sizes().count()), (0, 0), "{json}");
        }
    }
}
