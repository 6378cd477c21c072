// SPDX-License-Identifier: MIT OR Apache-2.0

//! What our command did, and where it differs.

use super::case::{PROSE, Sent, Step, Text};

/// What one command of ours did.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    /// Exit status; none if it died.
    pub exit: Option<i32>,
    /// Standard output, prose replaced.
    pub stdout: Text,
    /// Standard error as it is.
    pub stderr: String,
    /// Requests that change the kernel.
    pub sent: Vec<Sent>,
    /// What the view shows afterwards.
    pub view: Text,
}

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Exit,
    Stdout,
    Stderr,
    Sent,
    View,
}

/// A difference.
#[derive(Clone, Debug)]
pub(super) struct Mismatch {
    pub step: usize,
    pub aspect: Aspect,
    pub text: String,
}

/// All differences of one command.
pub(super) fn compare(at: usize, recorded: &Step, observed: &Observed) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let mut differ = |aspect, expected: String, got: String| {
        let text = format!(
            "step {} (ipsecconf {}): {aspect:?}\n  expected {expected}\n  got      {got}\n  stderr   {}",
            at + 1,
            recorded.args.join(" "),
            observed.stderr.trim_end().replace('\n', "\n           ")
        );
        mismatches.push(Mismatch { step: at, aspect, text });
    };
    if recorded.exit != observed.exit {
        differ(Aspect::Exit, format!("{:?}", recorded.exit), format!("{:?}", observed.exit));
    }
    // The blank lines of the view are the original's accidents.
    let views = recorded.args.is_empty();
    let same_stdout = match views {
        true => blank_lines_collapsed(&recorded.stdout) == blank_lines_collapsed(&observed.stdout),
        false => recorded.stdout == observed.stdout,
    };
    if !same_stdout {
        differ(Aspect::Stdout, quoted(&recorded.stdout), quoted(&observed.stdout));
    }
    // Wording is free, but a failure must not become silent.
    if recorded.stderr && recorded.exit != Some(0) && observed.stderr.is_empty() {
        differ(Aspect::Stderr, "a message".into(), "none".into());
    }
    let bytes = |sent: &[Sent]| {
        let effective = sent.iter().filter(|sent| !recorded.is_removal() || sent.removes_a_rule());
        // Several removals of ours are one step: they are made on the standby side.
        let side = if recorded.is_removal() { 6..8 } else { 0..0 };
        let without_side = |sent: &Sent| {
            let mut hex = sent.hex.clone();
            hex.replace_range(side.clone(), "");
            hex
        };
        effective.map(without_side).collect::<Vec<_>>()
    };
    if bytes(&recorded.sent) != bytes(&observed.sent) {
        differ(Aspect::Sent, listed(&recorded.sent), listed(&observed.sent));
    }
    if blank_lines_collapsed(&recorded.view) != blank_lines_collapsed(&observed.view) {
        differ(Aspect::View, quoted(&recorded.view), quoted(&observed.view));
    }
    mismatches
}

fn quoted(text: &Text) -> String {
    format!("{:?}", String::from_utf8_lossy(&text.0)).replace(PROSE, "...")
}

fn listed(sent: &[Sent]) -> String {
    let lines: Vec<_> = sent
        .iter()
        .map(|sent| {
            let bytes = super::case::unhex(&sent.hex).unwrap_or_default();
            let text = illumos_ipsec::wire::policy::describe(&bytes);
            format!("{text} -> {}", sent.errno)
        })
        .collect();
    format!("{} requests\n    {}", sent.len(), lines.join("\n    "))
}

/// Runs of blank lines become one, none at either end.
fn blank_lines_collapsed(view: &Text) -> Vec<Vec<u8>> {
    let lines = view.0.split(|&b| b == b'\n').map(<[u8]>::to_vec);
    let mut out: Vec<Vec<u8>> = Vec::new();
    for line in lines {
        if !line.is_empty() || out.last().is_some_and(|last| !last.is_empty()) {
            out.push(line);
        }
    }
    while out.last().is_some_and(Vec::is_empty) {
        out.pop();
    }
    out
}
