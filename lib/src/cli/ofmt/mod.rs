// SPDX-License-Identifier: MIT OR Apache-2.0

//! Fixed-width listings of the link commands.
//!
//! A cell that is too long is never cut: the row overflows, and the cells after it give
//! up padding until the columns line up again. The header comes again every page.
//! Source: `spec/dladm-iptun.md` section 7.
//!
//! ```
//! use illumos_ipsec::cli::ofmt::{Cell, Column, Layout, Listing, select};
//!
//! const COLUMNS: &[Column] = &[Column::new("LINK", 8), Column::new("TYPE", 6)];
//! let chosen = select(COLUMNS, COLUMNS.len(), None, Layout::Human)?;
//! let mut out = Vec::new();
//! let mut listing = Listing::new(chosen.columns, Layout::Human, 24);
//! listing.row(&mut out, &[Cell::from("tun0"), Cell::Empty]).unwrap();
//! assert_eq!(out, b"LINK    TYPE\ntun0    --\n");
//! # Ok::<(), illumos_ipsec::cli::ofmt::ColumnError>(())
//! ```

mod columns;
mod rows;

pub use columns::{Chosen, Column, ColumnError, Layout, select, unknown_fields};
pub use rows::{Cell, Listing};

/// Rows of a window whose size is not known.
pub const DEFAULT_ROWS: usize = 24;

/// Rows of the window behind standard output.
#[must_use]
pub fn window_rows() -> usize {
    crate::sys::window_rows().unwrap_or(DEFAULT_ROWS)
}
