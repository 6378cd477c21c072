// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which differences from the original are decisions.
//!
//! A decision has a trigger: what a command must look like, as recorded, for the
//! decision to apply to it. From that command on it explains differences; before it,
//! none. Where a decision only changes which requests are sent, later differences must
//! be nothing but the numbers of rules, which the original's requests used up.

use illumos_ipsec::wire::policy::{ExtType, Frame, MsgType};

use super::case::{Case, Sent, Step, Text};
use super::outcome::{Aspect, Mismatch, Observed, compare};
use crate::golden::Outcome;

/// A command as recorded, what it read, and what came before it.
struct Moment<'a> {
    step: &'a Step,
    text: Vec<u8>,
    case: &'a Case,
    at: usize,
    observed: &'a Observed,
}

struct Decision {
    name: &'static str,
    /// Does the decision apply to this command?
    trigger: fn(&Moment<'_>) -> bool,
    /// What may differ at the command itself.
    here: &'static [Aspect],
    /// May later commands differ in more than the numbers of rules?
    later: bool,
}

const ALL: &[Aspect] = &[Aspect::Exit, Aspect::Stdout, Aspect::Stderr, Aspect::Sent, Aspect::View];

const DECISIONS: &[Decision] = &[
    Decision {
        name: "D1: a combined cipher with an authentication algorithm is accepted",
        trigger: |m| m.failed() && combined_with_authentication(&m.text),
        here: ALL,
        later: true,
    },
    Decision {
        name: "D2: bypass, pass and drop without a direction mean both directions",
        trigger: |m| m.additions().any(|sent| rule_flags(sent) & 3 == 0),
        here: &[Aspect::Sent, Aspect::View],
        later: true,
    },
    Decision {
        name: "D3: the last line needs no newline",
        trigger: |m| m.failed() && m.text.last().is_some_and(|&b| b != b'\n'),
        here: ALL,
        later: true,
    },
    Decision {
        name: "D5: a check is offline",
        trigger: |m| m.step.args.iter().any(|arg| arg.starts_with("-c")),
        here: &[Aspect::Sent, Aspect::Stdout, Aspect::View],
        later: false,
    },
    Decision {
        name: "D4: a rule that the kernel refuses ends the whole load",
        trigger: |m| m.additions().any(|sent| !matches!(sent.errno, 0 | EEXIST)),
        // What was aborted by the original is aborted by us; what was half loaded is not.
        here: &[Aspect::Exit, Aspect::Sent, Aspect::View, Aspect::Stdout],
        later: true,
    },
    Decision {
        name: "D4: a rule that contradicts one in force ends the whole load",
        trigger: |m| m.observed.exit == Some(1) && m.refused_duplicates().any(|s| m.is_new(s)),
        here: &[Aspect::Exit, Aspect::Sent, Aspect::View, Aspect::Stdout],
        later: true,
    },
    Decision {
        name: "D4: a rule of which one direction is in force already is completed",
        trigger: |m| m.refused_duplicates().any(|duplicate| m.was_completed(duplicate)),
        here: &[Aspect::Sent, Aspect::View],
        later: true,
    },
    Decision {
        name: "D8: no fixed limits",
        trigger: |m| {
            let record_too_long = m.failed() && m.is_listing() && m.step.fault.reply.is_none();
            record_too_long || exceeds_limits(&m.text)
        },
        here: ALL,
        later: true,
    },
    Decision {
        name: "D9: all errors are reported, with their places, and nothing is sent",
        trigger: |m| {
            let aborted = m.step.sent.iter().all(|sent| sent.kind() != MsgType::FLIP);
            !m.text.is_empty() && m.failed() && aborted && m.step.fault.reply.is_none()
        },
        here: &[Aspect::Sent, Aspect::Stdout],
        later: false,
    },
    Decision {
        name: "view: flushing one head keeps the entries of the others",
        trigger: |m| m.has_option('f') && m.text.is_empty(),
        here: &[Aspect::View],
        later: true,
    },
    Decision {
        name: "view: deleting a tunnel's rule removes the entry of that tunnel",
        trigger: |m| {
            m.has_option('d') && (m.has_option('i') || m.step.args.join(" ").contains(','))
        },
        here: &[Aspect::View],
        later: true,
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

fn explains(decision: &Decision, case: &Case, observed: &[Observed], mismatch: &Mismatch) -> bool {
    let moment = |at: usize| Moment {
        step: &case.steps[at],
        text: policy_text(case, at),
        case,
        at,
        observed: &observed[at],
    };
    let Some(start) = (0..=mismatch.step).find(|&at| (decision.trigger)(&moment(at))) else {
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

impl Moment<'_> {
    fn failed(&self) -> bool {
        self.step.exit != Some(0)
    }

    fn is_listing(&self) -> bool {
        self.has_option('l') || self.has_option('L')
    }

    fn has_option(&self, letter: char) -> bool {
        self.step.args.iter().any(|arg| arg.strip_prefix('-').is_some_and(|a| a.contains(letter)))
    }

    /// The recorded requests to add a rule.
    fn additions(&self) -> impl Iterator<Item = &Sent> {
        self.step.sent.iter().filter(|sent| sent.kind() == MsgType::ADDRULE)
    }

    fn refused_duplicates(&self) -> impl Iterator<Item = &Sent> {
        self.additions().filter(|sent| sent.errno == EEXIST)
    }

    /// Has no request added just this before?
    fn is_new(&self, duplicate: &Sent) -> bool {
        let earlier = self.case.steps[..self.at].iter().flat_map(|step| &step.sent);
        let same = earlier
            .chain(self.additions().take_while(|sent| *sent != duplicate))
            .any(|sent| sent.kind() == MsgType::ADDRULE && what(sent) == what(duplicate));
        !same
    }

    /// Did our command add the rest of it?
    fn was_completed(&self, duplicate: &Sent) -> bool {
        self.observed.sent.iter().any(|sent| {
            sent.kind() == MsgType::ADDRULE
                && what(sent) == what(duplicate)
                && rule_flags(sent) & 3 != rule_flags(duplicate) & 3
        })
    }
}

/// Selectors and action of a request to add a rule.
fn what(sent: &Sent) -> Vec<u8> {
    let bytes = sent.bytes();
    let rule = Frame::parse(&bytes).ok().and_then(|frame| frame.get(ExtType::RULE));
    match rule {
        Some(rule) => bytes[rule.offset + rule.bytes.len()..].to_vec(),
        None => bytes,
    }
}

fn rule_flags(sent: &Sent) -> u32 {
    let bytes = sent.bytes();
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
        let name =
            if attached.is_empty() { words.next().map_or("", String::as_str) } else { attached };
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

/// A combined cipher, and an authentication algorithm beside it or in a later alternative.
fn combined_with_authentication(text: &[u8]) -> bool {
    let value = |words: &[String], keyword: &str| {
        let at = words.iter().position(|word| word == keyword)?;
        words.get(at + 1).cloned()
    };
    let is_combined = |cipher: String| {
        let name = cipher.split('(').next().unwrap_or_default();
        let by_number = name.parse().is_ok_and(|id: u32| (14..=20).contains(&id));
        name.starts_with("aes-gcm") || name.starts_with("aes-ccm") || by_number
    };
    let mut combined = false;
    groups(text).any(|words| {
        combined |= value(&words, "encr_algs").is_some_and(is_combined);
        combined && value(&words, "encr_auth_algs").is_some_and(|alg| alg != "none")
    })
}

/// Longer lines, groups or alternatives than the original takes.
fn exceeds_limits(text: &[u8]) -> bool {
    let long_line = text.split(|&b| b == b'\n').any(|line| line.len() > 1022);
    let many_words = groups(text).any(|words| words.len() > 20);
    let alternatives = String::from_utf8_lossy(text);
    let many_actions = alternatives
        .lines()
        .any(|line| line.split_whitespace().filter(|w| *w == "or").count() > 19);
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
