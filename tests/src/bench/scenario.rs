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

/// What is measured.
struct Scenario {
    name: &'static str,
    program: &'static str,
    /// The input is loaded before, not measured.
    loaded: bool,
    args: &'static [&'static str],
}

const fn ipsecconf(name: &'static str, loaded: bool, args: &'static [&'static str]) -> Scenario {
    Scenario { name, program: "ipsecconf", loaded, args }
}

const fn ipseckey(name: &'static str, loaded: bool, args: &'static [&'static str]) -> Scenario {
    Scenario { name, program: "ipseckey", loaded, args }
}

/// The first one loads the input, the last one, with these arguments, deletes a rule.
const fn policy(delete: &'static [&'static str]) -> [Scenario; 7] {
    [
        ipsecconf("-a", false, &["-q", "-a", INPUT]),
        ipsecconf("-F -a", true, &["-q", "-F", "-a", INPUT]),
        ipsecconf("-c", false, &["-c", INPUT]),
        ipsecconf("-l", true, &["-l"]),
        ipsecconf("-L", true, &["-L"]),
        ipsecconf("-r", true, &["-q", "-r", INPUT]),
        ipsecconf("-d", true, delete),
    ]
}

const HOST: &[Scenario] = &policy(&["-q", "-d", "1"]);
const TUNNEL: &[Scenario] = &policy(&["-q", "-d", "tun000000,1"]);

const KEYS: &[Scenario] = &[
    ipseckey("-n -f", false, &["-n", "-f", INPUT]),
    ipseckey("-n -c", false, &["-n", "-c", INPUT]),
    ipseckey("-n dump esp", true, &["-n", "dump", "esp"]),
    ipseckey("-n save esp", true, &["-n", "save", "esp"]),
];

/// The file with the input.
const INPUT: &str = "input";

/// Measures all commands for one kind and number of entries.
pub(super) fn run(kind: Kind, size: usize, rounds: usize) -> io::Result<Vec<Measured>> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join(INPUT), input(kind, size))?;
    let scenarios = match kind {
        Kind::Host => HOST,
        Kind::Tunnel => TUNNEL,
        Kind::Keys => KEYS,
    };
    let mut results = Vec::new();
    for scenario in scenarios {
        let mut measured = Measured { name: scenario.name, figures: Vec::new(), kernel_peak: 0 };
        for _ in 0..rounds {
            let kernel = Kernel::start(dir.path())?;
            if scenario.loaded {
                Figures::of(&kernel.command(dir.path(), &scenarios[0])?)?;
            }
            measured.figures.push(Figures::of(&kernel.command(dir.path(), scenario)?)?);
            measured.kernel_peak = measured.kernel_peak.max(kernel.peak()?);
        }
        results.push(measured);
    }
    Ok(results)
}

/// One rule or association a line, each for another address (and another tunnel).
fn input(kind: Kind, size: usize) -> String {
    let mut text = String::new();
    for k in 0..size {
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
            Kind::Keys => writeln!(
                text,
                "add esp spi {:#x} src 10.200.0.1 dst {addr} auth_alg hmac-sha1 authkey \
                 0102030405060708090a0b0c0d0e0f10111213{:02x} encr_alg aes encrkey \
                 000102030405060708090a0b0c0d0e{:02x} hard_addtime 100000",
                k + 256,
                k % 251,
                k % 241
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

    fn command(&self, cwd: &Path, scenario: &Scenario) -> io::Result<Command> {
        let program = crate::program(scenario.program).map_err(io::Error::other)?;
        let mut command = Command::new(program);
        command.args(scenario.args).current_dir(cwd).env("IPSEC_LAB", self.lab.path());
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
