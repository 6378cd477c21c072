// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the rules and associations of one owner cost among those of another.

use std::error::Error;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

use illumos_ipsec::model::{Namespace, Side};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::policy::{PolicyClient, Scope, Whose};
use tabled::Tabled;

use super::scenario::{Kernel, address};
use super::tunnels::{messages, rules};
use super::{Figures, median};

/// A line of the result.
#[derive(Tabled)]
pub(super) struct Row {
    own: usize,
    others: usize,
    what: &'static str,
    #[tabled(rename = "median ms")]
    median: String,
    #[tabled(rename = "of alone")]
    ratio: String,
}

/// Rules of the owner that is measured.
const OWN: usize = 1_000;
/// Rules of the other one.
const OTHERS: usize = 100_000;

const RULES: [&str; 3] = ["rules: replace", "rules: dump", "rules: flush and load again"];
const KEYS: [&str; 2] = ["associations: dump", "associations: flush and load again"];

/// Measures with and without the rules of the other owner.
pub(super) fn run(rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let rules = [of_rules(0, rounds)?, of_rules(OTHERS, rounds)?];
    let keys = [of_keys(0, rounds)?, of_keys(OTHERS, rounds)?];
    let mut rows = compare(&RULES, rules.each_ref().map(|figures| &figures[..]));
    rows.extend(compare(&KEYS, keys.each_ref().map(|figures| &figures[..])));
    Ok(rows)
}

/// The figures alone and among others, side by side.
fn compare(what: &[&'static str], [alone, among]: [&[Vec<Figures>]; 2]) -> Vec<Row> {
    let seconds = |figures: &[Figures]| median(figures, |figure| figure.seconds);
    let mut rows = Vec::new();
    for (others, all) in [(0, alone), (OTHERS, among)] {
        for ((&what, figures), alone) in what.iter().zip(all).zip(alone) {
            rows.push(Row {
                own: OWN,
                others,
                what,
                median: format!("{:.1}", seconds(figures) * 1e3),
                ratio: format!("{:.2}", seconds(figures) / seconds(alone)),
            });
        }
    }
    rows
}

/// Runs something and measures how long it takes.
fn timed(act: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<Figures, Box<dyn Error>> {
    let start = Instant::now();
    act()?;
    Ok(Figures::wall(start.elapsed().as_secs_f64()))
}

/// Associations with one peer each, as commands of `ipseckey`, from a number on.
fn commands(from: usize, count: usize) -> String {
    let mut text = String::new();
    for k in from..from + count {
        let _ = writeln!(
            text,
            "add ah spi {} src 10.200.0.1 dst {} auth_alg hmac-sha1 \
             authkey 0102030405060708090a0b0c0d0e0f1011121314",
            k + 256,
            address(k)
        );
    }
    text
}

fn of_keys(others: usize, rounds: usize) -> Result<[Vec<Figures>; 2], Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let kernel = Kernel::start(dir.path())?;
    let ipseckey = |args: &[&str]| -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new(crate::program("ipseckey")?);
        command.args(args).current_dir(dir.path()).env("IPSEC_LAB", kernel.lab.path());
        Ok(command)
    };
    for (name, from, count) in [("own", 0, OWN), ("other", OWN, others)] {
        let path = dir.path().join(name);
        std::fs::write(&path, commands(from, count))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        if count > 0 {
            Figures::of(&ipseckey(&["-n", "-N", name, "-f", name])?)?;
        }
    }
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..rounds.max(10) {
        figures[0].push(Figures::of(&ipseckey(&["-n", "-N", "own", "dump", "ah"])?)?);
        figures[1].push(timed(|| {
            Figures::of(&ipseckey(&["-n", "-N", "own", "flush", "ah"])?)?;
            Figures::of(&ipseckey(&["-n", "-N", "own", "-f", "own"])?)?;
            Ok(())
        })?);
    }
    Ok(figures)
}

/// Rules for one host each, from an address on.
fn policy(from: usize, count: usize) -> String {
    let mut text = String::new();
    for k in from..from + count {
        let _ = writeln!(text, "{{ raddr {} }} ipsec {{ encr_algs aes-gcm }}", address(k));
    }
    text
}

fn of_rules(others: usize, rounds: usize) -> Result<[Vec<Figures>; 3], Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let kernel = Kernel::start(dir.path())?;
    let system = System::lab(kernel.lab.path());
    let client = |owner: &str| -> Result<PolicyClient, Box<dyn Error>> {
        let client = PolicyClient::new(system.open_policy()?);
        Ok(client.in_namespace(Namespace::new(owner)?))
    };
    if others > 0 {
        let rules = rules(&policy(OWN, others), &system)?;
        client("other")?.replace_all(messages(&rules))?;
    }
    let rules = rules(&policy(0, OWN), &system)?;
    let mut own = client("own")?;
    own.replace_all(messages(&rules))?;
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds.max(10) {
        figures[0].push(timed(|| Ok(own.replace_all(messages(&rules))?))?);
        figures[1].push(timed(|| {
            let dump = own.dump_of(Whose::Own, Side::Active, &Scope::All)?;
            match dump.count() {
                // Each is two rules of the kernel.
                count if count == 2 * OWN => Ok(()),
                count => Err(format!("{count} rules instead of {}", 2 * OWN).into()),
            }
        })?);
        figures[2].push(timed(|| {
            own.flush(Side::Active, &Scope::All)?;
            Ok(own.replace_all(messages(&rules))?)
        })?);
    }
    Ok(figures)
}
