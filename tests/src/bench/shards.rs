// SPDX-License-Identifier: MIT OR Apache-2.0

//! Policy of which each tunnel has a file of its own.

use std::error::Error;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tabled::Tabled;

use super::scenario::Kernel;
use super::{Figures, bounds, median};

/// A line of the result.
#[derive(Tabled)]
pub(super) struct Row {
    shards: usize,
    what: &'static str,
    #[tabled(rename = "median s")]
    median: String,
    #[tabled(rename = "min..max s")]
    spread: String,
    #[tabled(rename = "command MiB")]
    memory: String,
    #[tabled(rename = "us each")]
    each: String,
}

const POLICY: &str = "{ negotiate tunnel } ipsec { encr_algs aes-gcm }\n";
const OTHER: &str = "{ negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";

/// What is done in this order in each round, after the shards have been written.
const STEPS: &[(&str, &[&str])] = &[
    ("check", &["-c", "d"]),
    ("first load", &["-q", "-F", "-a", "d"]),
    ("refresh, one of them changed", &["-q", "-F", "-a", "d"]),
    ("plan, nothing changed", &["-q", "--plan", "-F", "-a", "d"]),
];

/// Measures sets of these sizes.
pub(super) fn run(sizes: &[usize], rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for &size in sizes {
        let dir = tempfile::tempdir()?;
        write_all(&dir.path().join("d"), size)?;
        let mut figures = vec![Vec::new(); STEPS.len()];
        for round in 0..rounds {
            let kernel = Kernel::start(dir.path())?;
            for ((what, args), figures) in STEPS.iter().zip(&mut figures) {
                if what.starts_with("refresh") {
                    let text = if round % 2 == 0 { OTHER } else { POLICY };
                    write(&dir.path().join(format!("d/tunnels/tun{}.conf", size / 2)), text)?;
                }
                let mut command = Command::new(crate::program("ipsecconf")?);
                command.args(*args).current_dir(dir.path()).env("IPSEC_LAB", kernel.lab.path());
                figures.push(Figures::of(&command)?);
            }
        }
        rows.extend(STEPS.iter().zip(&figures).map(|((what, _), figures)| {
            let seconds = median(figures, |figure| figure.seconds);
            let (min, max) = bounds(figures);
            let peak = figures.iter().map(|figure| figure.peak).max().unwrap_or_default();
            Row {
                shards: size,
                what,
                median: format!("{seconds:.3}"),
                spread: format!("{min:.3}..{max:.3}"),
                memory: format!("{:.0}", peak as f64 / f64::from(1 << 20)),
                each: format!("{:.1}", seconds * 1e6 / size as f64),
            }
        }));
    }
    Ok(rows)
}

fn write_all(dir: &Path, size: usize) -> io::Result<()> {
    let tunnels = dir.join("tunnels");
    for path in [dir, &tunnels] {
        DirBuilder::new().mode(0o755).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    (1..=size).try_for_each(|n| write(&tunnels.join(format!("tun{n}.conf")), POLICY))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}
