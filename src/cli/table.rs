//! Rows in columns, for reading.

use std::io::{self, Write};

use super::plain;

/// Characters of a cell that are shown, and of the last in its row.
const CELL_MAX: usize = 60;
const LAST_CELL_MAX: usize = 100;

/// Writes `rows` under `heads`, each column as wide as its widest cell. What a terminal would take
/// for a command is escaped, and a long cell is cut.
pub(super) fn write<const N: usize>(
    out: &mut dyn Write,
    heads: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let rows: Vec<[String; N]> = rows.iter().map(shown).collect();
    let mut widths = heads.map(|head| head.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(out, &heads.map(str::to_owned), widths)?;
    rows.iter().try_for_each(|row| line(out, row, widths))
}

fn shown<const N: usize>(row: &[String; N]) -> [String; N] {
    std::array::from_fn(|at| {
        let max = if at + 1 == N { LAST_CELL_MAX } else { CELL_MAX };
        row.get(at).map(|cell| plain::cut(cell, max)).unwrap_or_default()
    })
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

    fn written(rows: &[[String; 2]]) -> String {
        let mut out = Vec::new();
        write(&mut out, ["ID", "NAME"], rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".into(), "bé".into()], ["long one".into(), String::new()]];
        assert_eq!(written(&rows), "ID        NAME\na         bé\nlong one\n");
    }

    #[test]
    fn cells_of_any_length_and_content_are_shown() {
        let long = "x".repeat(100_000);
        let text = written(&[[long.clone(), long], ["\u{1b}[2J".into(), "a\nb".into()]]);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 162), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("a\\nb"), "{text}");
    }
}
