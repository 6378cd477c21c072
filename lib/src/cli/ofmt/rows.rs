// SPDX-License-Identifier: MIT OR Apache-2.0

//! Printing rows.

use std::io::{self, Write};

use super::{Column, Layout};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A text, possibly empty.
    Text(Vec<u8>),
    /// There is no value.
    Empty,
    /// The value could not be found out.
    Unknown,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes())
    }
}

impl From<Vec<u8>> for Cell {
    fn from(text: Vec<u8>) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// The most pieces that a value is broken into; with more it stays in one line.
const MOST_PIECES: usize = 128;

impl Cell {
    fn for_people(&self) -> &[u8] {
        match self {
            Self::Text(text) if !text.is_empty() => text,
            Self::Text(_) | Self::Empty => b"--",
            Self::Unknown => b"?",
        }
    }

    fn for_programs(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Empty => b"",
            Self::Unknown => b"?",
        }
    }
}

/// A listing: prints row by row.
#[derive(Clone, Debug)]
pub struct Listing {
    columns: Vec<Column>,
    layout: Layout,
    page: usize,
    printed: usize,
}

impl Listing {
    /// A listing for a window of so many rows.
    #[must_use]
    pub fn new(columns: Vec<Column>, layout: Layout, rows: usize) -> Self {
        Self { columns, layout, page: rows.max(1), printed: 0 }
    }

    /// Prints a row, one cell for each column, and the header before it where a page
    /// begins.
    pub fn row(&mut self, out: &mut dyn Write, cells: &[Cell]) -> io::Result<()> {
        if self.layout == Layout::Parsable {
            return out.write_all(&self.parsable(cells));
        }
        let mut text = Vec::new();
        if self.printed.is_multiple_of(self.page) {
            let names: Vec<&[u8]> = self.columns.iter().map(|c| c.name.as_bytes()).collect();
            self.line(&mut text, &names);
            self.printed += 1;
        }
        self.printed += 1;
        match self.layout {
            Layout::Wrapped => self.wrapped(&mut text, cells),
            _ => {
                let values: Vec<&[u8]> = cells.iter().map(Cell::for_people).collect();
                self.line(&mut text, &values);
            }
        }
        out.write_all(&text)
    }

    fn parsable(&self, cells: &[Cell]) -> Vec<u8> {
        let mut text = Vec::new();
        let alone = cells.len() == 1;
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                text.push(b':');
            }
            for byte in cell.for_programs() {
                if !alone && matches!(byte, b':' | b'\\') {
                    text.push(b'\\');
                }
                text.push(*byte);
            }
        }
        text.push(b'\n');
        text
    }

    /// One line: what is too long takes padding from the cells after it.
    fn line(&self, text: &mut Vec<u8>, values: &[&[u8]]) {
        let mut overflow = 0;
        for (at, (value, column)) in values.iter().zip(&self.columns).enumerate() {
            text.extend(*value);
            if at + 1 == values.len() {
                break;
            }
            let (len, width) = (value.len(), column.width);
            if len + overflow >= width {
                text.push(b' ');
                overflow = len + overflow + 1 - width;
            } else {
                let room = width - len;
                text.resize(text.len() + room - overflow, b' ');
                overflow = 0;
            }
        }
        text.push(b'\n');
    }

    /// A row whose values may go on in the lines below it.
    fn wrapped(&self, text: &mut Vec<u8>, cells: &[Cell]) {
        let mut columns: Vec<Vec<Vec<u8>>> = cells
            .iter()
            .zip(&self.columns)
            .map(|(cell, column)| broken(cell.for_people(), column.width))
            .collect();
        let lines = columns.iter().map(Vec::len).max().unwrap_or(0);
        columns.iter_mut().for_each(|pieces| pieces.resize(lines, Vec::new()));
        for at in 0..lines {
            let values: Vec<&[u8]> = columns.iter().map(|pieces| pieces[at].as_slice()).collect();
            self.line(text, &values);
        }
    }
}

/// A value in lines of at most `width` bytes, broken behind commas.
fn broken(value: &[u8], width: usize) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> =
        value.split(|byte| *byte == b',').filter(|piece| !piece.is_empty()).collect();
    if pieces.len() < 2 || pieces.len() > MOST_PIECES {
        return vec![value.to_vec()];
    }
    let mut lines: Vec<Vec<u8>> = vec![pieces[0].to_vec()];
    for piece in &pieces[1..] {
        let line = lines.last_mut().expect("there is a first line");
        line.push(b',');
        if line.len() + piece.len() > width {
            lines.push(piece.to_vec());
        } else {
            line.extend(*piece);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Layout, Listing};
    use super::*;

    fn print(columns: &[Column], layout: Layout, page: usize, rows: &[&[&str]]) -> String {
        let mut listing = Listing::new(columns.to_vec(), layout, page);
        let mut out = Vec::new();
        for row in rows {
            let cells: Vec<Cell> = row.iter().map(|text| Cell::from(*text)).collect();
            listing.row(&mut out, &cells).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    const TUNNELS: &[Column] = &[
        Column::new("LINK", 16),
        Column::new("TYPE", 6),
        Column::new("FLAGS", 7),
        Column::new("LOCAL", 20),
    ];

    #[test]
    fn a_long_cell_takes_padding_from_the_next_ones() {
        let rows: &[&[&str]] = &[&["seventeen_chars_0", "ipv4", "--", "10.0.0.1"]];
        assert_eq!(
            print(TUNNELS, Layout::Human, 24, rows),
            "LINK            TYPE  FLAGS  LOCAL\nseventeen_chars_0 ipv4 --    10.0.0.1\n"
        );
    }

    #[test]
    fn the_header_comes_again_every_page() {
        let column = &[Column::new("N", 4)];
        let rows: Vec<Vec<String>> = (0..50).map(|n| vec![n.to_string()]).collect();
        let rows: Vec<Vec<&str>> =
            rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let text = print(column, Layout::Human, 24, &rows);
        let headers: Vec<usize> =
            text.lines().enumerate().filter(|(_, l)| *l == "N").map(|(at, _)| at).collect();
        // Before the rows 1, 24 and 47.
        assert_eq!(headers, [0, 24, 48]);
    }

    #[test]
    fn parsable_output_escapes_unless_there_is_one_column() {
        let column = TUNNELS;
        let row: &[&[&str]] = &[&["a:b\\c", "", "x", "y"]];
        assert_eq!(print(column, Layout::Parsable, 24, row), "a\\:b\\\\c::x:y\n");
        assert_eq!(print(&column[..1], Layout::Parsable, 24, &[&["a:b"]]), "a:b\n");
        assert_eq!(print(&column[..1], Layout::Parsable, 24, &[&[""]]), "\n");
    }

    #[test]
    fn values_are_broken_behind_commas() {
        let columns = &[Column::new("LINK", 6), Column::new("OVER", 10), Column::new("X", 4)];
        assert_eq!(
            print(columns, Layout::Wrapped, 24, &[&["a0", "net1,net2,net0,v0", "y"]]),
            "LINK  OVER      X\na0    net1,net2, y\n      net0,v0   \n"
        );
    }
}
