//! A table of text.

use s3_build_cache::error::printable;

/// Returns the rows as lines with aligned columns: the first to the left, the others to the right. All text is escaped.
pub(crate) fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
    let widths: Vec<usize> = (0..columns).map(|column| cells(column).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_text_is_escaped() {
        let rows =
            [["NAME", "OWN"], ["größe", "1.00 KiB"], ["a\u{1b}", "9 B"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lines(&rows), ["NAME          OWN", "größe    1.00 KiB", "a\\u{1b}       9 B"]);
    }
}
