use crate::conversion::PointLines;

/// A datagram of several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) text: String,
    /// The number of points whose last line is in this datagram.
    pub(crate) points: u64,
    /// Whether the lines of a point continue in the next datagram.
    pub(crate) continues: bool,
}

/// Packs lines into datagrams of at most `size` bytes.
#[derive(Debug)]
pub(crate) struct Datagrams {
    size: usize,
    full: Vec<Datagram>,
    open: Datagram,
    /// The number of points that StatsD can't represent, or that have a line that is too long.
    unrepresentable: u64,
}

impl Datagrams {
    pub(crate) fn new(size: usize) -> Self {
        Self { size, full: Vec::new(), open: Datagram::default(), unrepresentable: 0 }
    }

    /// Adds all lines of a point, or none of them.
    pub(crate) fn push(&mut self, lines: PointLines) {
        let Some(lines) = lines.filter(|lines| lines.iter().all(|line| line.len() <= self.size)) else {
            self.unrepresentable += 1;
            return;
        };
        for (index, line) in lines.iter().enumerate() {
            let gap = usize::from(!self.open.text.is_empty());
            if self.open.text.len() + gap + line.len() > self.size {
                self.open.continues = index > 0;
                self.full.push(std::mem::take(&mut self.open));
            }
            if !self.open.text.is_empty() {
                self.open.text.push('\n');
            }
            self.open.text.push_str(line);
        }
        // An empty histogram has no lines, so it isn't counted.
        self.open.points += u64::from(!lines.is_empty());
    }

    /// Returns all datagrams, and the number of points that are in none.
    pub(crate) fn finish(mut self) -> (Vec<Datagram>, u64) {
        if !self.open.text.is_empty() {
            self.full.push(self.open);
        }
        (self.full, self.unrepresentable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(points: &[&[&str]], size: usize) -> (Vec<Datagram>, u64) {
        let mut datagrams = Datagrams::new(size);
        for lines in points {
            datagrams.push(Some(lines.iter().map(|line| (*line).to_owned()).collect()));
        }
        datagrams.finish()
    }

    fn datagram(text: &str, points: u64, continues: bool) -> Datagram {
        Datagram { text: text.to_owned(), points, continues }
    }

    #[test]
    fn datagram_holds_as_many_lines_as_fit() {
        let (full, lost) = pack(&[&["aaaa"], &["bbbb"], &["cccc"]], 9);
        assert_eq!((full, lost), (vec![datagram("aaaa\nbbbb", 2, false), datagram("cccc", 1, false)], 0));
        assert_eq!(pack(&[&["aaaa"], &["bbbb"]], 8).0.len(), 2);
    }

    #[test]
    fn point_continues_in_the_next_datagram_and_counts_where_it_ends() {
        let (full, _) = pack(&[&["a", "bbb", "ccc"], &["d"]], 4);
        assert_eq!(
            full,
            [datagram("a", 0, true), datagram("bbb", 0, true), datagram("ccc", 1, false), datagram("d", 1, false)]
        );
    }

    #[test]
    fn lines_of_one_string_stay_together() {
        let (full, _) = pack(&[&["a:1"], &["g:0\ng:-1"]], 9);
        assert_eq!(full[1].text, "g:0\ng:-1");
    }

    #[test]
    fn line_that_is_too_long_drops_its_whole_point() {
        let (full, lost) = pack(&[&["a"], &["b", "ccccc"], &[], &["d"]], 4);
        assert_eq!((full, lost), (vec![datagram("a\nd", 2, false)], 1));
        let mut datagrams = Datagrams::new(4);
        datagrams.push(None);
        assert_eq!(datagrams.finish(), (Vec::new(), 1));
    }
}
