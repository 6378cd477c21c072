// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipseckey`: security associations by hand.

fn main() -> std::process::ExitCode {
    ipseckey_rs::main()
}
