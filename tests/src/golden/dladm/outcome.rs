// SPDX-License-Identifier: MIT OR Apache-2.0

//! What our command did, where it differs, and whether that is a decision.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, TunnelAfter};
use super::flags::with_three_letters;
use crate::golden::Outcome;

/// What our command did, and the system afterwards.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// Exit status; none if it died.
    pub exit: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// Tunnels in the kernel.
    pub tunnels: Vec<TunnelAfter>,
    /// Text of the stored configuration.
    pub conf: Vec<u8>,
    /// Text of the file of active links.
    pub cache: Vec<u8>,
    /// Files below the other root.
    pub altroot: BTreeMap<String, String>,
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Exit,
    Stdout,
    Stderr,
    Tunnels,
    Conf,
    Cache,
    Altroot,
}

const WORDS: &[(&str, Aspect)] = &[
    ("exit", Aspect::Exit),
    ("stdout", Aspect::Stdout),
    ("stderr", Aspect::Stderr),
    ("tunnels", Aspect::Tunnels),
    ("conf", Aspect::Conf),
    ("cache", Aspect::Cache),
    ("altroot", Aspect::Altroot),
];

/// A line of the list of cases that differ on purpose.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub id: String,
    pub aspects: BTreeSet<Aspect>,
    pub reason: String,
}

impl Listed {
    /// Name, what differs, reason; with tabs between them.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (id, aspects, reason) = (fields.next()?, fields.next()?, fields.next()?);
        let aspect = |word| WORDS.iter().find(|(known, _)| *known == word).map(|(_, a)| *a);
        let aspects = aspects.split(',').map(aspect).collect::<Option<_>>()?;
        Some(Self { id: id.to_owned(), aspects, reason: reason.to_owned() })
    }
}

/// Compares, and looks the differences up in the list.
pub(super) fn judge(case: &Case, observed: &Observed, listed: Option<&Listed>) -> Outcome {
    let mismatches = compare(case, observed);
    let aspects: BTreeSet<Aspect> = mismatches.keys().copied().collect();
    match listed {
        None if aspects.is_empty() => Outcome::Passed,
        Some(listed) if aspects == listed.aspects => {
            Outcome::Differs { decision: listed.reason.clone().into() }
        }
        Some(listed) if aspects.is_empty() => {
            Outcome::Failed(format!("listed as different ({}), but it agrees", listed.reason))
        }
        listed => {
            let mut text = format!("{}\n", case.argv.join(" "));
            if let Some(listed) = listed {
                text += &format!("listed as different in {:?} only\n", listed.aspects);
            }
            for (aspect, (expected, got)) in mismatches {
                text += &format!("{aspect:?}\n  expected {expected}\n  got      {got}\n");
            }
            let stderr = observed.stderr.trim_end().replace('\n', "\n           ");
            text += &format!("  stderr   {stderr}\n");
            Outcome::Failed(text)
        }
    }
}

/// What was expected and what was there, where these are not the same.
fn compare(case: &Case, observed: &Observed) -> BTreeMap<Aspect, (String, String)> {
    let mut mismatches = BTreeMap::new();
    let mut differ = |aspect, expected: String, got: String| {
        if expected != got {
            mismatches.insert(aspect, (expected, got));
        }
    };
    let after = &case.after;
    differ(Aspect::Exit, format!("{:?}", case.expect.exit), format!("{:?}", observed.exit));
    let stdout = with_three_letters(&case.argv, &case.expect.stdout);
    differ(Aspect::Stdout, quoted(stdout.as_bytes()), quoted(&observed.stdout));
    // Wording is free, but what was said must not become silence.
    if case.stderr && observed.stderr.is_empty() {
        differ(Aspect::Stderr, "a message".to_owned(), "none".to_owned());
    }
    differ(Aspect::Tunnels, lines(&after.kernel_tunnels), lines(&observed.tunnels));
    differ(Aspect::Conf, links(after.datalink_conf.as_bytes()), links(&observed.conf));
    differ(Aspect::Cache, links(after.active_cache.as_bytes()), links(&observed.cache));
    differ(Aspect::Altroot, with_text(&after.altroot_files), with_text(&observed.altroot));
    mismatches
}

fn quoted(text: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(text))
}

fn lines(tunnels: &[TunnelAfter]) -> String {
    tunnels.iter().map(|tunnel| format!("\n    {tunnel:?}")).collect()
}

/// A file of links; the items of a line have no order.
fn links(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = |line: &str| match line.split_once('\t') {
        Some((name, items)) => {
            let mut items: Vec<&str> = items.split_inclusive(';').collect();
            items.sort_unstable();
            format!("\n    {name} {}", items.concat())
        }
        None => format!("\n    {line:?}"),
    };
    text.lines().map(line).collect()
}

/// Only what is in a file counts: the recordings leave empty ones out.
fn with_text(files: &BTreeMap<String, String>) -> String {
    let files = files.iter().filter(|(_, text)| !text.is_empty());
    files.map(|(path, text)| format!("\n    {path}: {text:?}")).collect()
}
