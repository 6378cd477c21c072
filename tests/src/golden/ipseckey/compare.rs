// SPDX-License-Identifier: MIT OR Apache-2.0

//! What has to be equal, and what cannot be.
//!
//! Two differences are everywhere and are taken out before the comparison: keys are not
//! shown in messages (an `X` for each character), and what is saved says its direction and
//! its pair.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use illumos_ipsec::wire::key::{Ext, Message as KeyMessage, Show, describe};

use super::case::{Case, Direction, File, Step};
use super::world::Observed;

/// What can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Exit,
    Stdout,
    Sent,
    Files,
}

impl Aspect {
    /// Its word in the list of cases that differ.
    fn word(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Stdout => "stdout",
            Self::Sent => "sent",
            Self::Files => "files",
        }
    }
}

/// What differs, each with a text that shows both.
#[derive(Default)]
pub(super) struct Differences(BTreeMap<Aspect, String>);

impl Differences {
    /// Compares all runs.
    pub(super) fn of(case: &Case, observed: &[Observed]) -> Self {
        let mut all = Self::default();
        for (at, (step, ours)) in case.steps.iter().zip(observed).enumerate() {
            let argv = step.argv.join(" ");
            one(step, ours, &mut |aspect, why: &str| {
                let text = all.0.entry(aspect).or_default();
                let stderr = &ours.stderr;
                let _ = writeln!(text, "step {at} ({argv}): {why}\nstandard error: {stderr:?}");
            });
        }
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their words, as the list has them.
    pub(super) fn words(&self) -> String {
        self.0.keys().map(|aspect| aspect.word()).collect::<Vec<_>>().join(",")
    }

    /// Their texts.
    pub(super) fn text(&self) -> String {
        self.0.values().map(String::as_str).collect()
    }
}

fn one(step: &Step, ours: &Observed, differ: &mut impl FnMut(Aspect, &str)) {
    if !step.normative {
        // Only that it does not crash.
        if !matches!(ours.exit, Some(0..)) {
            differ(Aspect::Exit, &format!("it ended with {:?}", ours.exit));
        }
        return;
    }
    if step.exit != ours.exit {
        differ(Aspect::Exit, &format!("exit {:?}, recorded {:?}", ours.exit, step.exit));
    }
    if let Err(why) = text("standard output", &step.stdout, &ours.stdout) {
        differ(Aspect::Stdout, &why);
    }
    if let Err(why) = sent(step, ours) {
        differ(Aspect::Sent, &why);
    }
    for (name, file) in step.files_after.iter().flatten() {
        let ours = ours.files.get(name).and_then(Option::as_ref);
        match (file, ours) {
            (None, None) => {}
            (Some(File { content, mode }), Some(ours)) => {
                if let Err(why) = text(name, content, &ours.content) {
                    differ(Aspect::Files, &why);
                }
                if *mode != ours.mode {
                    let why = format!("{name} has mode {}, recorded {mode}", ours.mode);
                    differ(Aspect::Files, &why);
                }
            }
            _ => differ(Aspect::Files, &format!("{name}: {ours:?}, recorded {file:?}")),
        }
    }
}

fn text(what: &str, theirs: &str, ours: &str) -> Result<(), String> {
    let shown = without_additions(ours);
    if same(theirs, &shown) {
        return Ok(());
    }
    let mut message = format!("{what} differs\n");
    let lines: Vec<(&str, &str)> = {
        let (mut a, mut b) = (theirs.split('\n'), shown.split('\n'));
        std::iter::from_fn(|| match (a.next(), b.next()) {
            (None, None) => None,
            (a, b) => Some((a.unwrap_or("<end>"), b.unwrap_or("<end>"))),
        })
        .collect()
    };
    let first = lines.iter().position(|(a, b)| !same(a, b)).unwrap_or(0);
    for (theirs, ours) in lines.iter().skip(first).take(4) {
        let _ = writeln!(message, "  recorded {theirs:?}\n  ours     {ours:?}");
    }
    Err(message)
}

/// Equal, but for characters of keys. Where keys are to be shown, they have to be.
fn same(theirs: &str, ours: &str) -> bool {
    let mut pairs = (theirs.split('\n'), ours.split('\n'));
    loop {
        match (pairs.0.next(), pairs.1.next()) {
            (None, None) => return true,
            (Some(theirs), Some(ours)) => {
                let shows_keys = ["AKY:", "EKY:", "AST:", "\tauthkey", "\tencrkey"]
                    .iter()
                    .any(|prefix| theirs.starts_with(prefix) && !theirs.ends_with(' '));
                let hidden = |(a, b): (char, char)| a == b || b == 'X' && !a.is_whitespace();
                let same = match shows_keys {
                    true => theirs == ours,
                    false => {
                        theirs.chars().count() == ours.chars().count()
                            && theirs.chars().zip(ours.chars()).all(hidden)
                    }
                };
                if !same {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// A text without the words that saved associations have more.
fn without_additions(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        if !line.starts_with("    spi 0x") {
            return line.to_owned();
        }
        let mut line = line.replacen("outbound ", "", 1).replacen("inbound ", "", 1);
        if let Some(at) = line.find("pair-spi ") {
            let end = at + 9 + line[at + 9..].find(' ').unwrap_or(0) + 1;
            line.replace_range(at..end, "");
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Compares what was sent, but for process ids and what pads keys.
fn sent(step: &Step, ours: &Observed) -> Result<(), String> {
    let theirs: Vec<&[u8]> = step
        .pf_key
        .iter()
        .filter(|message| message.dir == Direction::Sent)
        .map(|message| message.hex.0.as_slice())
        .collect();
    let plain = |bytes: &[u8]| {
        let mut message = KeyMessage::decode(bytes).ok()?;
        message.header.pid = 0;
        for ext in &mut message.exts {
            if let Ext::Key(_, key) = ext {
                key.bytes = key.octets().into();
            }
        }
        Some(message)
    };
    let same = theirs.len() == ours.sent.len()
        && theirs
            .iter()
            .zip(&ours.sent)
            .all(|(theirs, ours)| plain(theirs).is_some_and(|theirs| Some(theirs) == plain(ours)));
    if same {
        return Ok(());
    }
    let mut text = String::from("something else was sent\n");
    for bytes in theirs {
        let _ = writeln!(text, "  recorded {}", describe(bytes, Show::Keys));
    }
    for bytes in &ours.sent {
        let _ = writeln!(text, "  ours     {}", describe(bytes, Show::Keys));
    }
    Err(text)
}
