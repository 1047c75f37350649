//! Tables in Markdown, with columns that line up.

/// A table: the first column is text, the others are figures.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text, each row a line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
        for (at, row) in self.rows.iter().enumerate() {
            let cells =
                row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                    if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                });
            text += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
            if at == 0 {
                let rule = widths.iter().enumerate().map(|(at, width)| {
                    if at == 0 { "-".repeat(width + 2) } else { format!("{}:", "-".repeat(width + 1)) }
                });
                text += &format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
            }
        }
        text
    }
}

/// With as many digits as mean something, and commas: `1,234`, `56.7`, `0.123`.
pub fn figure(value: f64) -> String {
    if value >= 100.0 {
        grouped(value.round() as u64)
    } else if value >= 2.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many crates stand in the output of `cargo tree --prefix none`, which repeats itself.
pub fn distinct(tree: &str) -> usize {
    let name = |line: &str| line.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)").to_owned();
    tree.lines().map(name).collect::<std::collections::BTreeSet<_>>().len()
}

/// The value in the middle; of two in the middle, their mean. Nought of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_mean_something() {
        let cases = [(0.1534, "0.153"), (9.96, "10.0"), (123.6, "124"), (4_567_890.0, "4,567,890")];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn the_median_ignores_one_bad_round() {
        assert_eq!(median(vec![3.0, 1.0, 2.0, 99.0, 2.5]), 2.5);
        assert_eq!(median(vec![1.0, 4.0]), 2.5);
    }
}
