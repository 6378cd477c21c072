// SPDX-License-Identifier: MIT OR Apache-2.0

//! `dladm`: IP tunnels, with mandatory IPsec.

fn main() -> std::process::ExitCode {
    dladm_rs::main()
}
