// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which differences from the original are decisions.
//!
//! A decision has a trigger: what a command must look like, as recorded, for the
//! decision to apply to it. From that command on it explains differences; before it,
//! none. Where a decision only changes which requests are sent, later differences must
//! be nothing but the numbers of rules, which the original's requests used up.

use illumos_ipsec::wire::policy::{ExtType, Frame, MsgType};

use super::case::{Case, Sent, Step, Text, unhex};
use super::outcome::{Aspect, Mismatch, Observed, compare};
use crate::golden::Outcome;

struct Decision {
    name: &'static str,
    /// Does the decision apply to this command, given what it read?
    trigger: fn(&Step, &[u8]) -> bool,
    /// What may differ at the command itself.
    here: &'static [Aspect],
    /// May later commands differ in more than the numbers of rules?
    later: bool,
}

const ALL: &[Aspect] =
    &[Aspect::Exit, Aspect::Stdout, Aspect::Stderr, Aspect::Sent, Aspect::View];

const DECISIONS: &[Decision] = &[
    Decision {
        name: "D1: a combined cipher with an authentication algorithm is accepted",
        trigger: |step, text| failed(step) && groups(text).any(combined_with_authentication),
        here: ALL,
        later: true,
    },
    Decision {
        name: "D2: bypass, pass and drop without a direction mean both directions",
        trigger: |step, _| {
            step.sent.iter().any(|sent| kind(sent) == MsgType::ADDRULE && rule_flags(sent) & 3 == 0)
        },
        here: &[Aspect::Sent, Aspect::View],
        later: true,
    },
    Decision {
        name: "D3: the last line needs no newline",
        trigger: |step, text| failed(step) && text.last().is_some_and(|&b| b != b'\n'),
        here: ALL,
        later: true,
    },
    Decision {
        name: "D5: a check is offline",
        trigger: |step, _| step.args.iter().any(|arg| arg.starts_with("-c")),
        here: &[Aspect::Sent, Aspect::Stdout, Aspect::View],
        later: false,
    },
    Decision {
        name: "D4: a rule that the kernel refuses ends the whole load",
        trigger: |step, _| {
            step.sent
                .iter()
                .any(|sent| kind(sent) == MsgType::ADDRULE && !matches!(sent.errno, 0 | EEXIST))
        },
        // What was aborted by the original is aborted by us; what was half loaded is not.
        here: &[Aspect::Exit, Aspect::Sent, Aspect::View, Aspect::Stdout],
        later: true,
    },
    Decision {
        name: "D8: no fixed limits",
        trigger: |step, text| {
            (failed(step) && exceeds_limits(text))
                || (failed(step) && is_listing(step) && step.fault.reply.is_none())
        },
        here: ALL,
        later: true,
    },
    Decision {
        name: "D9: all errors are reported, with their places, and nothing is sent",
        trigger: |step, text| {
            let aborted = step.sent.iter().all(|sent| kind(sent) != MsgType::FLIP);
            !text.is_empty() && failed(step) && aborted && step.fault.reply.is_none()
        },
        here: &[Aspect::Sent, Aspect::Stdout, Aspect::View],
        later: false,
    },
];

const EEXIST: u8 = 17;

/// Compares what was observed with what is recorded.
pub(super) fn judge(case: &Case, observed: &[Observed]) -> Outcome {
    let mismatches: Vec<Mismatch> = case
        .steps
        .iter()
        .zip(observed)
        .enumerate()
        .flat_map(|(at, (recorded, observed))| compare(at, recorded, observed))
        .collect();
    if mismatches.is_empty() {
        return Outcome::Passed;
    }
    let mut names: Vec<String> = Vec::new();
    let mut unexplained = Vec::new();
    for mismatch in &mismatches {
        let decision = DECISIONS
            .iter()
            .find(|decision| explains(decision, case, observed, mismatch))
            .map(|decision| decision.name.to_owned());
        match decision.or_else(|| fault_of_the_original(case, observed)) {
            Some(name) if names.contains(&name) => {}
            Some(name) => names.push(name),
            None => unexplained.push(mismatch.text.clone()),
        }
    }
    if unexplained.is_empty() {
        Outcome::Differs { decision: names.join("; ").into() }
    } else {
        Outcome::Failed(unexplained.join("\n"))
    }
}

fn explains(
    decision: &Decision,
    case: &Case,
    observed: &[Observed],
    mismatch: &Mismatch,
) -> bool {
    let Some(start) = (0..=mismatch.step)
        .find(|&at| (decision.trigger)(&case.steps[at], &policy_text(case, at)))
    else {
        return false;
    };
    if start == mismatch.step {
        return decision.here.contains(&mismatch.aspect);
    }
    if decision.later {
        return true;
    }
    let (recorded, observed) = (&case.steps[mismatch.step], &observed[mismatch.step]);
    match mismatch.aspect {
        Aspect::Stdout => without_indices(&recorded.stdout) == without_indices(&observed.stdout),
        Aspect::View => without_indices(&recorded.view) == without_indices(&observed.view),
        Aspect::Sent => recorded.sent.len() == observed.sent.len(),
        Aspect::Exit | Aspect::Stderr => false,
    }
}

/// A case recorded as a fault of the original binds nobody, but no command may die.
fn fault_of_the_original(case: &Case, observed: &[Observed]) -> Option<String> {
    let regular = observed.iter().all(|o| matches!(o.exit, Some(0 | 1 | 95 | 100 | 255)));
    let bug = case.bug.as_deref().filter(|_| regular)?;
    Some(format!("a fault of the original ({bug})"))
}

fn failed(step: &Step) -> bool {
    step.exit != Some(0)
}

fn is_listing(step: &Step) -> bool {
    step.args.iter().any(|arg| arg.starts_with("-l") || arg.starts_with("-L"))
}

fn kind(sent: &Sent) -> MsgType {
    MsgType(unhex(&sent.hex).and_then(|bytes| bytes.get(1).copied()).unwrap_or_default())
}

fn rule_flags(sent: &Sent) -> u32 {
    let bytes = unhex(&sent.hex).unwrap_or_default();
    Frame::parse(&bytes)
        .ok()
        .and_then(|frame| frame.get(ExtType::RULE).map(|rule| rule.u32(8)))
        .unwrap_or(3)
}

/// The policy text that a command reads; empty if it reads none.
fn policy_text(case: &Case, at: usize) -> Vec<u8> {
    let step = &case.steps[at];
    let mut words = step.args.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-') else { continue };
        let Some(option) = letters.find(['a', 'c', 'r']) else { continue };
        let attached = &letters[option + 1..];
        let name = if attached.is_empty() { words.next().map_or("", String::as_str) } else { attached };
        if name == "-" {
            return step.stdin.clone().unwrap_or_default().0;
        }
        // Files stay where earlier commands had them.
        return (0..=at)
            .rev()
            .find_map(|at| case.steps[at].files.get(name))
            .map(|text| text.0.clone())
            .unwrap_or_default();
    }
    Vec::new()
}

/// The words of each pair of braces.
fn groups(text: &[u8]) -> impl Iterator<Item = Vec<String>> {
    let text: Vec<String> = String::from_utf8_lossy(text)
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().to_owned())
        .collect();
    let text = text.join("\n");
    text.split('{')
        .skip(1)
        .map(|group| group.split('}').next().unwrap_or_default())
        .map(|group| group.split_whitespace().map(str::to_lowercase).collect())
        .collect::<Vec<_>>()
        .into_iter()
}

fn combined_with_authentication(words: Vec<String>) -> bool {
    let value = |keyword: &str| {
        words.iter().position(|word| word == keyword).and_then(|at| words.get(at + 1))
    };
    let combined = value("encr_algs").is_some_and(|cipher| {
        let name = cipher.split('(').next().unwrap_or_default();
        name.starts_with("aes-gcm") || name.starts_with("aes-ccm")
            || name.parse().is_ok_and(|id: u32| (14..=20).contains(&id))
    });
    combined && value("encr_auth_algs").is_some_and(|alg| alg != "none")
}

/// Longer lines, groups or alternatives than the original takes.
fn exceeds_limits(text: &[u8]) -> bool {
    let long_line = text.split(|&b| b == b'\n').any(|line| line.len() > 1022);
    let many_words = groups(text).any(|words| words.len() > 20);
    let alternatives = String::from_utf8_lossy(text);
    let many_actions =
        alternatives.lines().any(|line| line.split_whitespace().filter(|w| *w == "or").count() > 19);
    long_line || many_words || many_actions
}

/// A listing or view without the numbers of its rules.
fn without_indices(text: &Text) -> Vec<u8> {
    text.0
        .split(|&b| b == b'\n')
        .filter(|line| !line.starts_with(b"#INDEX") && !line.is_empty())
        .flat_map(|line| line.iter().copied().chain([b'\n']))
        .collect()
}
