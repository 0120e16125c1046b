//! Numbers as people compare them: medians and a small markdown table.

use std::fmt;

/// Rows under a heading; the first row names the columns.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Table {
        Table(vec![columns.map(str::to_owned).into()])
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, row) in self.0.iter().enumerate() {
            writeln!(f, "| {} |", row.join(" | "))?;
            if at == 0 {
                writeln!(f, "|{}", " --- |".repeat(row.len()))?;
            }
        }
        Ok(())
    }
}

/// The middle of some measurements; the mean of the two in the middle of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

/// Between which two of the values the true median lies in at least 95 of 100 such measurements, whatever their distribution; nothing
/// of fewer than six.
///
/// Each value is below the true median with the chance of a fair coin, so the k-th from either end encloses it unless fewer than
/// k of all fall to one side.
pub(crate) fn interval_of_median(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let (mut rank, mut chance, mut outside) = (0, 0.5f64.powi(count.try_into().ok()?), 0.0);
    while 2.0 * (outside + chance) <= 0.05 {
        outside += chance;
        rank += 1;
        chance *= (count - rank + 1) as f64 / rank as f64;
    }
    (rank > 0).then(|| (sorted[rank - 1], sorted[count - rank]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_median_lies_between_the_ends_of_six_and_further_in_of_twenty() {
        let values = |count: u32| (1..=count).map(f64::from).collect::<Vec<_>>();
        assert_eq!(interval_of_median(&values(5)), None);
        assert_eq!(interval_of_median(&values(6)), Some((1.0, 6.0)));
        // As tables of the binomial distribution have it.
        assert_eq!(interval_of_median(&values(20)), Some((6.0, 15.0)));
        assert_eq!(interval_of_median(&[]), None);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["what", "s"]);
        table.row(["a".to_owned(), "1".to_owned()]);
        assert_eq!(table.to_string(), "| what | s |\n| --- | --- |\n| a | 1 |\n");
    }
}
