// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the rules of one owner cost among those of another.

use std::error::Error;
use std::fmt::Write as _;
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

const WHAT: [&str; 3] = ["replace", "dump", "flush and load again"];

/// Measures with and without the rules of the other owner.
pub(super) fn run(rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let alone = measure(0, rounds)?;
    let among = measure(OTHERS, rounds)?;
    let mut rows = Vec::new();
    for (others, figures) in [(0, &alone), (OTHERS, &among)] {
        for ((what, figures), alone) in WHAT.into_iter().zip(figures).zip(&alone) {
            let seconds = |figures: &[Figures]| median(figures, |figure| figure.seconds);
            rows.push(Row {
                own: OWN,
                others,
                what,
                median: format!("{:.1}", seconds(figures) * 1e3),
                ratio: format!("{:.2}", seconds(figures) / seconds(alone)),
            });
        }
    }
    Ok(rows)
}

/// Rules for one host each, from an address on.
fn policy(from: usize, count: usize) -> String {
    let mut text = String::new();
    for k in from..from + count {
        let _ = writeln!(text, "{{ raddr {} }} ipsec {{ encr_algs aes-gcm }}", address(k));
    }
    text
}

fn measure(others: usize, rounds: usize) -> Result<[Vec<Figures>; 3], Box<dyn Error>> {
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
        let timed = |act: &mut dyn FnMut() -> Result<(), Box<dyn Error>>| {
            let start = Instant::now();
            act()?;
            Ok::<_, Box<dyn Error>>(Figures::wall(start.elapsed().as_secs_f64()))
        };
        figures[0].push(timed(&mut || Ok(own.replace_all(messages(&rules))?))?);
        figures[1].push(timed(&mut || {
            let dump = own.dump_of(Whose::Own, Side::Active, &Scope::All)?;
            match dump.count() {
                // Each is two rules of the kernel.
                count if count == 2 * OWN => Ok(()),
                count => Err(format!("{count} rules instead of {}", 2 * OWN).into()),
            }
        })?);
        figures[2].push(timed(&mut || {
            own.flush(Side::Active, &Scope::All)?;
            Ok(own.replace_all(messages(&rules))?)
        })?);
    }
    Ok(figures)
}
