//! Rows in columns, for reading.

use std::io::{self, Write};

/// Writes `rows` under `heads`, each column as wide as its widest cell.
pub(super) fn write<const N: usize>(
    out: &mut dyn Write,
    heads: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let mut widths = heads.map(|head| head.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(out, &heads.map(str::to_owned), widths)?;
    rows.iter().try_for_each(|row| line(out, row, widths))
}

fn line<const N: usize>(
    out: &mut dyn Write,
    row: &[String; N],
    widths: [usize; N],
) -> io::Result<()> {
    let cells: Vec<_> =
        row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    writeln!(out, "{}", cells.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut out = Vec::new();
        let rows = [["a".into(), "bé".into()], ["long one".into(), String::new()]];
        write(&mut out, ["ID", "NAME"], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "ID        NAME\na         bé\nlong one\n");
    }
}
