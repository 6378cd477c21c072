// SPDX-License-Identifier: MIT OR Apache-2.0

//! How long `ipsecconf` takes for many rules and `ipseckey` for many associations, kernel
//! side included; tunnels and verdicts; and how loading rules compares with loading as many
//! into Linux in the same run.
//!
//! `cargo xtask bench` runs it in a release build. `bench measure COMMAND...` is the
//! helper that runs one command and prints its wall time and peak memory.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match args.split_first() {
        Some((first, command)) if first == "measure" => system_tests::bench::measure(command),
        Some((first, [])) if first == "--quick" => system_tests::bench::run(&[1_000], 1),
        Some((first, [])) if first == "--shards" => {
            system_tests::bench::run_shards(&[1_000, 10_000, 100_000], 5)
        }
        Some((first, [])) if first == "--namespaces" => system_tests::bench::run_namespaces(5),
        Some(_) => Err("usage: bench [--quick | --shards | --namespaces]".into()),
        None => system_tests::bench::run(&[1_000, 10_000, 50_000], 5),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
