// SPDX-License-Identifier: MIT OR Apache-2.0

//! `--plan`: what a load would change, without changing it.
//!
//! One line for each kernel rule, a sign before a policy entry that would make it:
//!
//! ```text
//! + added   - removed   = unchanged   ~ unchanged, but in another order   ! in clear
//! ```
//!
//! A rule without addresses is two in the kernel, one for each of IPv4 and IPv6; they look
//! the same and have one line. The kernel is asked for its algorithms and for the rules in force, and for nothing
//! that it would have to do.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::{
    Alternative, Direction, Namespace, Selector, Side, SpdRule, TunnelMode, TunnelName,
};
use illumos_ipsec::policy::{AlgDb, FIRST_PRIORITY, PolicyRule, Problem, print_entry};
use illumos_ipsec::sys::policy::{PolicyClient, Scope};

use crate::additions;
use crate::args::Load;
use crate::check::refusals;
use crate::context::Context;
use crate::duplicates::Conflict;
use crate::exit::{Failure, complain, program, scope_failure};
use crate::foreign::foreign;
use crate::graft::Replaced;
use crate::icmp;
use crate::in_clear::{self, Opening, Ranked, Until};
use crate::keep_going::{self, Closing, Triage};
use crate::source::Sources;
use crate::view::{Head, Origin};
use crate::view_file::{Origins, ViewFile, write_out};

/// Prints the plan. [`Failure::Changes`] if anything would change.
pub(crate) fn run(
    context: &Context,
    load: &Load,
    client: &mut PolicyClient,
    sources: &Sources,
    good: Vec<PolicyRule>,
    mut triage: Option<Triage>,
    algs: &AlgDb,
) -> Result<(), Failure> {
    let active = client
        .all_rules(Side::Active, &Scope::All)
        .map_err(|error| scope_failure("look at", &Scope::All, &error))?;
    let origins = ViewFile::new(context).origins()?;
    let mut rules = good;
    let (plan, closing) = loop {
        let mut problems = refusals(&rules);
        let mut replaced = Replaced { scope: load.replace.clone(), ..Replaced::default() };
        let closing = match &triage {
            Some(triage) => keep_going::closing(context, sources, triage, client)?,
            None => Closing::default(),
        };
        rules.extend(closing.stopgaps.iter().cloned());
        replaced.kept.clone_from(&closing.kept);
        let plan = Plan::new(active.clone(), client.namespace(), &replaced, &rules, &mut problems);
        if problems.is_empty() {
            break (plan, closing);
        }
        diagnostics::report(program(), &sources.texts, &problems);
        // As the load: without the sources that are to blame.
        let Some(triage) = triage.as_mut() else { return Err(not_loaded()) };
        if !triage.leave_out(&problems) {
            return Err(not_loaded());
        }
        rules = triage.good(sources);
    };
    let incomplete = triage.filter(|triage| !triage.is_complete());
    if let Some(triage) = &incomplete {
        triage.report(sources, &closing);
    }
    let names = context.names();
    let show = |rule: &SpdRule| print_entry(rule, context.numeric, &names, algs);
    write_out(&plan.to_text(context, sources, &rules, &origins, show))?;
    match incomplete {
        Some(_) => Err(Failure::BadPolicy),
        None if plan.changes() => Err(Failure::Changes),
        None => Ok(()),
    }
}

fn not_loaded() -> Failure {
    complain("the policy would not be loaded");
    Failure::BadPolicy
}

/// What makes two rules of the kernel the same rule.
type Key = (Head, Direction, Selector);

/// What becomes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Added,
    Removed,
    Unchanged,
    Moved,
}

/// A rule as it is, or as it would be.
struct Planned {
    rule: SpdRule,
    fate: Fate,
    /// The priority that it has now, if it is in force.
    before: Option<u32>,
    /// Index of the rule of the policy, for those that it has.
    source: Option<usize>,
}

struct Plan {
    rules: Vec<Planned>,
    openings: Vec<Opening>,
    /// Whose plan it is; what others have is not shown.
    owner: Option<Namespace>,
}

impl Plan {
    fn new(
        active: Vec<SpdRule>,
        owner: Option<&Namespace>,
        replaced: &Replaced,
        rules: &[PolicyRule],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let covers = |head: &Head| replaced.head(head);
        let is_own = |rule: &SpdRule| rule.namespace.as_ref() == owner;
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
        let mut modes: HashMap<TunnelName, TunnelMode> = HashMap::new();
        for (at, rule) in active.iter().enumerate() {
            let key = (rule.tunnel.clone(), rule.direction, rule.selector.clone());
            by_key.entry(key).or_default().push(at);
            if let Some(tunnel) = rule.tunnel.as_ref().filter(|_| is_own(rule)) {
                modes.insert(tunnel.clone(), rule.mode);
            }
        }
        problems.extend(foreign(rules, owner, &active));
        // For each rule in force: what takes its place, if that is the same.
        let mut kept: Vec<Option<(usize, u32)>> = vec![None; active.len()];
        let mut added = Vec::new();
        let mut place = 0;
        let mut in_policy: HashMap<Key, usize> = HashMap::new();
        for (source, policy) in rules.iter().enumerate() {
            let head: Head = policy.tunnel.as_ref().map(|(tunnel, _)| tunnel.clone());
            let other_mode = policy.tunnel.as_ref().is_some_and(|(tunnel, mode)| {
                modes.get(tunnel).is_some_and(|running| running != mode)
            });
            if other_mode && !covers(&head) {
                let message = "the tunnel has rules in the other mode in force";
                problems.push(Problem::error(policy.span, message));
                continue;
            }
            for pair in 0..policy.requests() {
                let priority = FIRST_PRIORITY.saturating_sub(place) | policy.action.level;
                place += 1;
                for direction in policy.direction.iter() {
                    let key = (head.clone(), direction, policy.selector(pair));
                    // The second of two equal rules of one policy is no rule of its own.
                    match in_policy.entry(key.clone()) {
                        Entry::Occupied(_) => continue,
                        Entry::Vacant(first) => first.insert(source),
                    };
                    let found = by_key.get(&key).map(Vec::as_slice).unwrap_or_default();
                    let wanted = rule(policy, pair, direction, priority);
                    let same = |&&at: &&usize| {
                        active[at].action == wanted.action && active[at].mode == wanted.mode
                    };
                    let count = additions::kernel_rules(policy, direction) as usize;
                    let there: Vec<usize> = found.iter().filter(same).copied().collect();
                    let others = found.iter().any(|&at| !is_own(&active[at]));
                    if !covers(&head) && !found.is_empty() && !others {
                        let conflict = conflict(&active, found, &wanted.action, count);
                        problems.extend(conflict.map(|conflict| conflict.problem(policy)));
                    }
                    for &at in there.iter().take(count) {
                        let priority = if covers(&head) { priority } else { active[at].priority };
                        kept[at] = Some((source, priority));
                    }
                    let missing = count.saturating_sub(there.len());
                    let new = || Planned {
                        rule: wanted.clone(),
                        fate: Fate::Added,
                        before: None,
                        source: Some(source),
                    };
                    added.extend(std::iter::repeat_with(new).take(missing));
                }
            }
        }
        // A rule is compared with those of its owner only, where it is put together.
        let staying = active.iter().filter(|rule| is_own(rule) && !covers(&rule.tunnel));
        let lists = icmp::lists_in_force(staying);
        for rule in rules.iter().filter(|rule| icmp::is_in_the_way(&lists, rule)) {
            // More has been said of a rule for just the same traffic.
            if !problems.iter().any(|problem| problem.span == rule.span) {
                problems.push(Conflict::Icmp.problem(rule));
            }
        }
        let mut planned: Vec<Planned> = Vec::with_capacity(active.len() + added.len());
        for (rule, kept) in active.into_iter().zip(kept) {
            let before = Some(rule.priority);
            planned.push(match kept {
                Some((source, priority)) => Planned {
                    rule: SpdRule { priority, ..rule },
                    fate: Fate::Unchanged,
                    before,
                    source: Some(source),
                },
                None => {
                    let goes = covers(&rule.tunnel) && is_own(&rule);
                    let fate = if goes { Fate::Removed } else { Fate::Unchanged };
                    Planned { rule, fate, before, source: None }
                }
            });
        }
        mark_moved(&mut planned);
        planned.extend(added);
        // Only where something changes can anything be opened.
        let changed: HashSet<&Head> = planned
            .iter()
            .filter(|planned| planned.fate != Fate::Unchanged)
            .map(|planned| &planned.rule.tunnel)
            .collect();
        let concerned = || planned.iter().filter(|p| changed.contains(&p.rule.tunnel));
        let openings = in_clear::openings(
            concerned().filter_map(|p| Some(Ranked { rule: &p.rule, priority: p.before? })),
            concerned()
                .filter(|p| p.fate != Fate::Removed)
                .map(|p| Ranked { rule: &p.rule, priority: p.rule.priority }),
        );
        Self { rules: planned, openings, owner: owner.cloned() }
    }

    fn is_own(&self, planned: &Planned) -> bool {
        planned.fate == Fate::Added || planned.rule.namespace == self.owner
    }

    fn changes(&self) -> bool {
        self.rules.iter().any(|planned| planned.fate != Fate::Unchanged)
    }

    fn to_text(
        &self,
        context: &Context,
        sources: &Sources,
        rules: &[PolicyRule],
        origins: &Origins,
        show: impl Fn(&SpdRule) -> Vec<u8>,
    ) -> Vec<u8> {
        let line = |sign: char, rule: &SpdRule, remark: &str| {
            let mut line = format!("{sign} ").into_bytes();
            line.extend_from_slice(show(rule).trim_ascii_end());
            if !remark.is_empty() {
                line.extend_from_slice(format!(" # {remark}").as_bytes());
            }
            line.push(b'\n');
            line
        };
        let mut out = Vec::new();
        let mut counts = Vec::new();
        // What goes, what comes, what stays.
        for (fate, sign) in
            [(Fate::Removed, '-'), (Fate::Added, '+'), (Fate::Moved, '~'), (Fate::Unchanged, '=')]
        {
            let lines =
                self.rules.iter().filter(|p| p.fate == fate && self.is_own(p)).map(|planned| {
                    let place = match planned.source {
                        Some(source) => diagnostics::place(&sources.texts, rules[source].span),
                        None => origins
                            .of(&planned.rule.tunnel, planned.rule.index)
                            .map(|Origin { file, line, .. }| format!("{file}:{line}"))
                            .unwrap_or_default(),
                    };
                    line(sign, &planned.rule, &place)
                });
            let lines = once(lines);
            counts.push(lines.len());
            if fate != Fate::Unchanged || !context.quiet {
                out.extend(lines.concat());
            }
        }
        let openings = once(self.openings.iter().map(|Opening { traffic, until, in_tunnel }| {
            let until = match until {
                Until::Protected => "protected until now, in clear from then on",
                Until::Dropped => "dropped until now, in clear from then on",
            };
            let unless = if *in_tunnel { ", unless the tunnel requires IPsec" } else { "" };
            line('!', traffic, &format!("{until}{unless}"))
        }));
        out.extend(openings.concat());
        let [removed, added, moved, unchanged] = counts[..] else { unreachable!("four fates") };
        let opened = openings.len();
        let summary = format!(
            "# {added} added, {removed} removed, {moved} in another order, {unchanged} \
             unchanged; {opened} in clear from then on\n"
        );
        out.extend_from_slice(summary.as_bytes());
        out
    }
}

/// Each line once, in order.
fn once(lines: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    lines.filter(|line| seen.insert(line.clone())).collect()
}

/// The kernel rule that a rule becomes.
fn rule(policy: &PolicyRule, pair: usize, direction: Direction, priority: u32) -> SpdRule {
    SpdRule {
        index: 0,
        priority,
        direction,
        tunnel: policy.tunnel.as_ref().map(|(tunnel, _)| tunnel.clone()),
        mode: policy.tunnel.as_ref().map_or(TunnelMode::Transport, |(_, mode)| *mode),
        selector: policy.selector(pair),
        action: policy.alternatives(),
        namespace: None,
    }
}

/// Would the kernel refuse a rule because of those in force for the same traffic?
fn conflict(
    active: &[SpdRule],
    found: &[usize],
    wanted: &[Alternative],
    count: usize,
) -> Option<Conflict> {
    let indices = || found.iter().map(|&at| active[at].index).collect();
    if found.iter().any(|&at| active[at].action != wanted) {
        Some(Conflict::Action(indices()))
    } else if found.len() < count {
        Some(Conflict::Family(indices()))
    } else {
        None
    }
}

/// Finds rules that stay but are matched in another order than before: as few as possible
/// in each head and direction.
fn mark_moved(planned: &mut [Planned]) {
    let mut groups: HashMap<(&Head, Direction), Vec<usize>> = HashMap::new();
    for (at, Planned { rule, fate, .. }) in planned.iter().enumerate() {
        if *fate == Fate::Unchanged {
            groups.entry((&rule.tunnel, rule.direction)).or_default().push(at);
        }
    }
    let mut moved = Vec::new();
    for mut group in groups.into_values() {
        // In the new order; equal ones in the old order, which then is no change.
        let new = |at: &usize| Reverse((planned[*at].rule.priority, planned[*at].before));
        group.sort_by_key(new);
        let old: Vec<u32> = group.iter().filter_map(|&at| planned[at].before).collect();
        let stays = longest_descent(&old);
        moved.extend(group.into_iter().zip(stays).filter(|(_, stays)| !stays).map(|(at, _)| at));
    }
    for at in moved {
        planned[at].fate = Fate::Moved;
    }
}

/// Marks a longest subsequence in which no number is larger than the one before it.
fn longest_descent(numbers: &[u32]) -> Vec<bool> {
    // For each length: the position at which the best subsequence of it ends.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, &number) in numbers.iter().enumerate() {
        let length = ends.partition_point(|&end| numbers[end] >= number);
        previous.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut marks = vec![false; numbers.len()];
    let mut at = ends.last().copied();
    while let Some(position) = at {
        marks[position] = true;
        at = previous[position];
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_as_possible_are_out_of_order() {
        for (numbers, marked) in [
            (&[][..], ""),
            (&[5, 5, 4, 4][..], "xxxx"),
            (&[1, 5, 4, 3][..], ".xxx"),
            (&[5, 4, 9, 3][..], "xx.x"),
            (&[1, 2, 3][..], "..x"),
        ] {
            let marks = longest_descent(numbers);
            let text: String = marks.iter().map(|&m| if m { 'x' } else { '.' }).collect();
            assert_eq!(text, marked, "{numbers:?}");
        }
    }
}
