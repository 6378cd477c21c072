// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the commands share on their command line and their terminal.

pub mod diagnostics;
pub mod getopt;
pub mod getopt_long;
pub mod ofmt;
pub mod smf;
