// SPDX-License-Identifier: MIT OR Apache-2.0

//! Small anchored edits of an illumos-gate checkout: all of them, or none.
//!
//! ```text
//! list       TOML to edits, checked
//! mask       source without comments and strings
//! definition where a function, type, variable or macro is
//! fit        where an edit fits
//! make       the file with all edits made
//! undo       the way back
//! file       is a file unedited, edited, or neither
//! copies     files of our own
//! tree       the same question about a checkout
//! write diff what is done about it
//! ```
//!
//! Nothing in the gate says that it has been edited. An edit is there if taking its text out and
//! making the edit again gives the file, byte for byte; see [`file::examine`].

pub mod copies;
mod definition;
pub mod diff;
pub mod edit;
pub mod file;
pub mod fit;
pub mod list;
pub mod make;
mod mask;
mod text;
pub mod tree;
mod undo;
pub mod write;
