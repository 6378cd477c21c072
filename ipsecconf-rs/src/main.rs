// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsecconf`: load, list and remove IPsec policy.

fn main() -> std::process::ExitCode {
    ipsecconf_rs::main()
}
