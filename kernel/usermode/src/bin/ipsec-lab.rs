// SPDX-License-Identifier: MIT OR Apache-2.0

//! The user-mode kernel as a command: see [`ipsec_usermode::lab`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ipsec_usermode::lab::main()
}
