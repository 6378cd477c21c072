// SPDX-License-Identifier: MIT OR Apache-2.0

//! Choosing columns and printing rows.

use std::io::{self, Write};

use illumos_ipsec::cli::ofmt::{
    Cell, Chosen, Column, Layout, Listing, select, unknown_fields, window_rows,
};
use illumos_ipsec::cli::plain;

use crate::failure::{Failure, warn};

/// A listing on standard output.
pub(crate) struct Table {
    chosen: Chosen,
    listing: Listing,
}

impl Table {
    /// Chooses columns of a table, of which the first `usual` are shown without a list.
    pub(crate) fn new(
        columns: &[Column],
        usual: usize,
        list: Option<&str>,
        layout: Layout,
    ) -> Result<Self, Failure> {
        let chosen = select(columns, usual, list, layout)
            .map_err(|error| Failure::message(error.to_string()))?;
        if !chosen.unknown.is_empty() {
            warn(format_args!("ignoring {}", unknown_fields(&chosen.unknown)));
        }
        let listing = Listing::new(chosen.columns.clone(), layout, window_rows());
        Ok(Self { chosen, listing })
    }

    /// Is this column shown?
    pub(crate) fn shows(&self, name: &str) -> bool {
        self.chosen.columns.iter().any(|column| column.name == name)
    }

    /// Prints a row; there is a value for each column of the table.
    pub(crate) fn row(&mut self, values: &[Cell]) -> Result<(), Failure> {
        let cells: Vec<Cell> =
            self.chosen.numbers.iter().map(|number| values[*number].clone()).collect();
        let mut out = io::stdout().lock();
        let printed = self.listing.row(&mut out, &cells).and_then(|()| out.flush());
        printed.map_err(|error| match error.kind() {
            // The reader has gone; there is nobody to tell.
            io::ErrorKind::BrokenPipe => Failure::Said,
            _ => Failure::message(format!("cannot write to standard output: {}", plain(&error))),
        })
    }
}
