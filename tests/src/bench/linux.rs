// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loading as many rules into the Linux kernel, in a network namespace of our own.

use std::fmt::Write as _;
use std::io;
use std::process::Command;

use tabled::Tabled;

use super::scenario::address;
use super::{Figures, median};

const NAMESPACE: &str = "ipsecconf-bench";

/// Ours beside theirs.
#[derive(Tabled)]
pub(super) struct Comparison {
    rules: usize,
    #[tabled(rename = "ipsecconf -a s")]
    ours: String,
    other: &'static str,
    #[tabled(rename = "other s")]
    theirs: String,
    #[tabled(rename = "other / ipsecconf")]
    ratio: String,
}

/// Loads the same number of rules with `nft -f` and `ip -batch`. Empty where that is not
/// possible: the programs are missing, or there is no right to make a namespace.
pub(super) fn compare(
    rules: usize,
    rounds: usize,
    ours: &[Figures],
) -> io::Result<Vec<Comparison>> {
    let ours = median(ours, |figures| figures.seconds);
    let mut comparisons = Vec::new();
    for (other, script, args) in [
        ("nft -f", nft_script(rules), &["nft", "-f"][..]),
        ("ip -batch", ip_script(rules), &["ip", "-batch"][..]),
    ] {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), script)?;
        let mut figures = Vec::new();
        for _ in 0..rounds {
            let Some(_namespace) = Namespace::new() else { return Ok(comparisons) };
            let mut command = Command::new("ip");
            command.args(["netns", "exec", NAMESPACE]).args(args).arg(file.path());
            match Figures::of(&command) {
                Ok(figure) => figures.push(figure),
                Err(_) => break,
            }
        }
        if figures.is_empty() {
            continue;
        }
        let theirs = median(&figures, |figures| figures.seconds);
        comparisons.push(Comparison {
            rules,
            ours: format!("{ours:.3}"),
            other,
            theirs: format!("{theirs:.3}"),
            ratio: format!("{:.1}", theirs / ours),
        });
    }
    Ok(comparisons)
}

/// One rule in each direction for each address.
fn nft_script(rules: usize) -> String {
    let mut text = String::from("table inet t {\n chain o {\n");
    for k in 0..rules {
        let _ = writeln!(text, "  ip daddr {} accept", address(k));
    }
    text.push_str(" }\n chain i {\n");
    for k in 0..rules {
        let _ = writeln!(text, "  ip saddr {} accept", address(k));
    }
    text + " }\n}\n"
}

/// One IPsec policy in each direction for each address.
fn ip_script(rules: usize) -> String {
    let mut text = String::new();
    for k in 0..rules {
        let addr = address(k);
        let tmpl = "tmpl proto esp mode transport";
        let _ = writeln!(text, "xfrm policy add src 0.0.0.0/0 dst {addr}/32 dir out {tmpl}");
        let _ = writeln!(text, "xfrm policy add src {addr}/32 dst 0.0.0.0/0 dir in {tmpl}");
    }
    text
}

/// A network namespace, removed when it is dropped.
struct Namespace;

impl Namespace {
    fn new() -> Option<Self> {
        let add = Command::new("ip").args(["netns", "add", NAMESPACE]).output().ok()?;
        add.status.success().then_some(Self)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", NAMESPACE]).output();
    }
}
