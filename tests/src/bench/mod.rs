// SPDX-License-Identifier: MIT OR Apache-2.0

//! The benchmark: what is measured, and the table of results.

mod linux;
mod measure;
mod namespaces;
mod scenario;
mod shards;
mod tunnels;

use std::error::Error;

use tabled::settings::Style;
use tabled::{Table, Tabled};

pub use measure::{Figures, measure};

/// What is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Policy rules for one host each.
    Host,
    /// Policy rules for one tunnel each.
    Tunnel,
    /// Security associations.
    Keys,
}

/// A line of the result.
#[derive(Tabled)]
struct Row {
    entries: usize,
    kind: &'static str,
    command: String,
    #[tabled(rename = "median s")]
    median: String,
    #[tabled(rename = "min..max s")]
    spread: String,
    #[tabled(rename = "user s")]
    user: String,
    #[tabled(rename = "command MiB")]
    command_memory: String,
    #[tabled(rename = "kernel MiB")]
    kernel_memory: String,
    #[tabled(rename = "us each")]
    each: String,
}

/// Measures everything and prints it.
pub fn run(sizes: &[usize], rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut loads = Vec::new();
    for kind in [Kind::Host, Kind::Tunnel, Kind::Keys] {
        for &size in sizes {
            let results = scenario::run(kind, size, rounds)?;
            for result in &results {
                rows.push(row(kind, size, result));
            }
            if kind == Kind::Host {
                loads.push((size, results[0].figures.clone()));
            }
        }
    }
    println!("{}", Table::new(&rows).with(Style::markdown()));
    println!("\n{}", Table::new(tunnels::run(rounds)?).with(Style::markdown()));
    println!();
    run_shards(sizes, rounds)?;
    println!();
    run_namespaces(rounds)?;
    let mut comparisons = Vec::new();
    for (size, ours) in loads {
        comparisons.extend(linux::compare(size, rounds, &ours)?);
    }
    match comparisons.is_empty() {
        true => println!("\nnft and ip are not usable here: no comparison."),
        false => println!("\n{}", Table::new(&comparisons).with(Style::markdown())),
    }
    Ok(())
}

/// Measures policy in many files alone, and prints it.
pub fn run_shards(sizes: &[usize], rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("{}", Table::new(shards::run(sizes, rounds)?).with(Style::markdown()));
    Ok(())
}

/// Measures rules of several owners alone, and prints it.
pub fn run_namespaces(rounds: usize) -> Result<(), Box<dyn Error>> {
    println!("{}", Table::new(namespaces::run(rounds)?).with(Style::markdown()));
    Ok(())
}

fn row(kind: Kind, entries: usize, result: &scenario::Measured) -> Row {
    let seconds = median(&result.figures, |f| f.seconds);
    let memory = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
    let (min, max) = bounds(&result.figures);
    Row {
        entries,
        kind: match kind {
            Kind::Host => "host",
            Kind::Tunnel => "tunnel",
            Kind::Keys => "keys",
        },
        command: result.name.to_owned(),
        median: format!("{seconds:.3}"),
        spread: format!("{min:.3}..{max:.3}"),
        user: format!("{:.3}", median(&result.figures, |f| f.user)),
        command_memory: memory(result.figures.iter().map(|f| f.peak).max().unwrap_or_default()),
        kernel_memory: memory(result.kernel_peak),
        each: format!("{:.2}", seconds * 1e6 / entries as f64),
    }
}

/// The middle one of some figures.
pub(crate) fn median(figures: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = figures.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn bounds(figures: &[Figures]) -> (f64, f64) {
    figures.iter().fold((f64::MAX, 0.0), |(min, max): (f64, f64), figure| {
        (min.min(figure.seconds), max.max(figure.seconds))
    })
}
