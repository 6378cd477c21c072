// SPDX-License-Identifier: MIT OR Apache-2.0

//! The commands that are measured, each against a kernel of its own.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Figures, Kind};

/// Figures of one command over all rounds.
pub(super) struct Measured {
    pub name: &'static str,
    pub figures: Vec<Figures>,
    /// Peak resident memory of the kernel in bytes.
    pub kernel_peak: u64,
}

/// What is measured: a name, what has to be loaded before, and the arguments.
const COMMANDS: &[(&str, bool, &[&str])] = &[
    ("-a", false, &["-q", "-a", "policy.conf"]),
    ("-F -a", true, &["-q", "-F", "-a", "policy.conf"]),
    ("-c", false, &["-c", "policy.conf"]),
    ("-l", true, &["-l"]),
    ("-L", true, &["-L"]),
    ("-r", true, &["-q", "-r", "policy.conf"]),
    ("-d", true, &["-q", "-d", "1"]),
];

/// Measures all commands for one kind and number of rules.
pub(super) fn run(kind: Kind, rules: usize, rounds: usize) -> io::Result<Vec<Measured>> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("policy.conf"), policy(kind, rules))?;
    let mut results = Vec::new();
    for &(name, loaded, args) in COMMANDS {
        let mut measured = Measured { name, figures: Vec::new(), kernel_peak: 0 };
        for _ in 0..rounds {
            let kernel = Kernel::start(dir.path())?;
            if loaded {
                Figures::of(&kernel.ipsecconf(dir.path(), &["-q", "-a", "policy.conf"])?)?;
            }
            let args: &[&str] = match (name, kind) {
                ("-d", Kind::Tunnel) => &["-q", "-d", "tun000000,1"],
                _ => args,
            };
            measured.figures.push(Figures::of(&kernel.ipsecconf(dir.path(), args)?)?);
            measured.kernel_peak = measured.kernel_peak.max(kernel.peak()?);
        }
        results.push(measured);
    }
    Ok(results)
}

/// One rule a line, each for another address, or for another address and tunnel.
fn policy(kind: Kind, rules: usize) -> String {
    let mut text = String::new();
    for k in 0..rules {
        let addr = address(k);
        let _ = match kind {
            Kind::Host => writeln!(
                text,
                "{{ raddr {addr} }} ipsec {{ encr_algs aes encr_auth_algs sha256 sa shared }}"
            ),
            Kind::Tunnel => writeln!(
                text,
                "{{ tunnel tun{k:06} negotiate tunnel raddr {addr} }} ipsec {{ encr_algs aes-gcm }}"
            ),
        };
    }
    text
}

/// The k-th address behind 10.0.0.0.
pub(super) fn address(k: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0001 + k as u32)
}

/// A user-mode kernel as a process of its own.
pub(super) struct Kernel {
    pub(super) lab: tempfile::TempDir,
    child: Child,
}

impl Kernel {
    pub(super) fn start(dir: &Path) -> io::Result<Self> {
        let lab = tempfile::tempdir_in(dir)?;
        let program = crate::program("ipsec-lab").map_err(io::Error::other)?;
        let mut child =
            Command::new(program).arg("serve").arg(lab.path()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // It says so when it is ready.
        BufReader::new(stdout).read_line(&mut String::new())?;
        Ok(Self { lab, child })
    }

    fn ipsecconf(&self, cwd: &Path, args: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(crate::program("ipsecconf").map_err(io::Error::other)?);
        command.args(args).current_dir(cwd).env("IPSEC_LAB", self.lab.path());
        Ok(command)
    }

    /// Peak resident memory in bytes.
    fn peak(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("no peak memory of the kernel"))
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // The measurement is over; the directory goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
