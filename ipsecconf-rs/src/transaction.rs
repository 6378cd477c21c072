// SPDX-License-Identifier: MIT OR Apache-2.0

//! One load, as one transaction.
//!
//! ```text
//! CLONE                    standby := copy of active
//! FLUSH standby            when rules are replaced
//! ADDRULE ...              into standby
//! announce the view
//! FLIP                     the one moment at which anything changes
//! commit the view
//! FLUSH standby
//! ```
//!
//! A rule that the kernel refuses ends the load before FLIP: half a policy is not a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy::{PolicyRule, Problem, Span};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Refusal, Scope};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::Diagnostic;

use crate::additions::{self, Outcome, Request};
use crate::args::Load;
use crate::context::Context;
use crate::contradictions::contradictions;
use crate::duplicates;
use crate::exit::{Failure, complain, program, request_failure, scope_failure};
use crate::foreign::foreign;
use crate::graft::{Graft, Replaced};
use crate::keep_going::Closing;
use crate::leftovers;
use crate::open_tunnels;
use crate::prose;
use crate::source::Sources;
use crate::view::{Entry, Head, Item, Origin, View};
use crate::view_file::ViewFile;

/// Why a load ends before it has changed anything.
pub(crate) enum Stop {
    /// Rules that the kernel refuses, or that contradict others in force.
    Refused(Vec<Problem>),
    /// The same, but nothing is refused except the stopgaps of these tunnels.
    NotClosed(BTreeSet<TunnelName>, Vec<Problem>),
    /// Something that has been reported.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One load.
pub(crate) struct Transaction<'a> {
    context: &'a Context,
    load: &'a Load,
    sources: &'a Sources,
    rules: Vec<PolicyRule>,
    requests: Vec<Request>,
    /// So many rules at the end are stopgaps.
    stopgaps: usize,
    /// Heads that keep their rules whatever is replaced.
    kept: BTreeSet<Head>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(
        context: &'a Context,
        load: &'a Load,
        sources: &'a Sources,
        rules: Vec<PolicyRule>,
    ) -> Result<Self, Failure> {
        let Some(requests) = additions::requests(&rules) else {
            complain("the policy needs more kernel rules than there are priorities");
            return Err(Failure::BadPolicy);
        };
        let kept = BTreeSet::new();
        Ok(Self { context, load, sources, rules, requests, stopgaps: 0, kept })
    }

    /// The rules end with those that close tunnels.
    pub(crate) fn with(self, closing: &Closing) -> Self {
        Self { stopgaps: closing.stopgaps.len(), kept: closing.kept.clone(), ..self }
    }

    pub(crate) fn run(&self, client: &mut PolicyClient) -> Result<(), Failure> {
        self.attempt(client).map_err(|stop| match stop {
            Stop::Failed(failure) => failure,
            Stop::Refused(problems) | Stop::NotClosed(_, problems) => {
                diagnostics::report(program(), &self.sources.texts, &problems);
                complain("the policy was not loaded; nothing was changed");
                Failure::Failed
            }
        })
    }

    pub(crate) fn attempt(&self, client: &mut PolicyClient) -> Result<(), Stop> {
        let view = self.file().read()?.unwrap_or_default();
        let replaced = self.replaced(&view);
        copy(client)?;
        let result = self.fill_standby(client, &replaced).and_then(|outcome| {
            prose::add_warning(self.context);
            self.activate(client, outcome, view, &replaced)
        });
        let scope = self.context.cleanup(&self.load.cleanup);
        let cleanup = client.flush(Side::Standby, &scope);
        result?;
        if self.context.service.is_some() {
            let added = self.rules.len() - self.stopgaps;
            complain(format_args!("{added} policy rules added"));
        }
        cleanup.map_err(|error| {
            complain("the policy is in force, but the standby side could not be emptied");
            scope_failure("clean up", &scope, &error).into()
        })
    }

    fn file(&self) -> ViewFile {
        ViewFile::new(self.context)
    }

    /// Heads whose rules go away: those that the operator names, and tunnels with a
    /// stopgap that get a policy now.
    fn replaced(&self, view: &View) -> Replaced {
        let mut replaced = Replaced {
            scope: self.load.replace.clone(),
            kept: self.kept.clone(),
            ..Replaced::default()
        };
        let closed: BTreeSet<_> = view.stopgaps().collect();
        if closed.is_empty() {
            return replaced;
        }
        for rule in &self.rules[..self.rules.len() - self.stopgaps] {
            if let Some((tunnel, _)) = &rule.tunnel
                && closed.contains(tunnel)
                && !replaced.head(&Some(tunnel.clone()))
            {
                replaced.lifted.insert(tunnel.clone());
            }
        }
        replaced
    }

    /// Puts the new policy together on the standby side.
    fn fill_standby(
        &self,
        client: &mut PolicyClient,
        replaced: &Replaced,
    ) -> Result<Outcome, Stop> {
        let mut outcome = self.add(client, replaced)?;
        let met = outcome.refused.iter().any(|(_, refusal)| meets_others(refusal));
        // Why nothing could be swept has been said; what it is about is said below.
        if met && leftovers::sweep(self.context, client).unwrap_or(false) {
            copy(client)?;
            outcome = self.add(client, replaced)?;
        }
        self.judge(client, outcome)
    }

    /// Adds the rules to the standby side, in the place of those that are replaced.
    fn add(&self, client: &mut PolicyClient, replaced: &Replaced) -> Result<Outcome, Stop> {
        let mut outcome = Outcome::default();
        let graft = Graft::plan(client, replaced, &self.rules).map_err(broken)?;
        self.refuse_mode_change(&graft)?;
        graft.flush_others(client, replaced).map_err(|error| match &replaced.scope {
            Some(scope) => scope_failure("replace", scope, &error),
            None => broken(error),
        })?;
        graft.send(client, &self.rules, &self.requests, &mut outcome).map_err(broken)?;
        Ok(outcome)
    }

    /// Is the standby side as it has to be?
    fn judge(&self, client: &mut PolicyClient, mut outcome: Outcome) -> Result<Outcome, Stop> {
        let others = match outcome.refused.iter().any(|(_, refusal)| meets_others(refusal)) {
            true => by_place(leftovers::in_the_way(client, &self.rules).map_err(broken)?),
            false => BTreeMap::new(),
        };
        let mut problems: Vec<Problem> = outcome
            .refused
            .iter()
            .map(|(request, refusal)| {
                let other = others.get(&self.rules[request.rule].span).cloned();
                other.unwrap_or_else(|| self.refused(request, refusal))
            })
            .collect();
        for (_, refusal) in &outcome.refused {
            if refusal.diagnostic != Diagnostic::NAMESPACE_CONFLICT {
                prose::diagnostic(refusal.diagnostic);
            }
        }
        if problems.is_empty() && !outcome.duplicates.is_empty() {
            let conflicts =
                duplicates::resolve(client, &self.rules, &mut outcome).map_err(broken)?;
            // Rules that contradict each other have places, and numbers that nobody knows yet.
            let within = match conflicts.is_empty() {
                true => BTreeMap::new(),
                false => by_place(contradictions(&self.rules)),
            };
            problems.extend(conflicts.iter().map(|(request, conflict)| {
                let rule = &self.rules[request.rule];
                within.get(&rule.span).cloned().unwrap_or_else(|| conflict.problem(rule))
            }));
            self.report_duplicates(&outcome);
        }
        // A rule with several addresses is several requests.
        problems.dedup();
        if problems.is_empty() {
            return Ok(outcome);
        }
        let refused = || outcome.refused.iter().map(|(request, _)| request.rule);
        let good = self.rules.len() - self.stopgaps;
        if refused().next().is_some() && refused().all(|rule| rule >= good) {
            let tunnels = refused().filter_map(|rule| self.rules[rule].tunnel.clone());
            return Err(Stop::NotClosed(tunnels.map(|(tunnel, _)| tunnel).collect(), problems));
        }
        Err(Stop::Refused(problems))
    }

    /// FLIP, and the view with it.
    fn activate(
        &self,
        client: &mut PolicyClient,
        outcome: Outcome,
        mut view: View,
        replaced: &Replaced,
    ) -> Result<(), Stop> {
        let file = self.file();
        view.items.reserve(self.rules.len());
        let mut opened = BTreeSet::new();
        view.take(|head| replaced.head(head));
        if let Some(scope) = &replaced.scope {
            opened = open_tunnels::protected(client, scope)
                .map_err(|error| scope_failure("look at", scope, &error))?;
            opened.retain(|tunnel| replaced.head(&Some(tunnel.clone())));
        }
        for (tunnel, _) in self.rules.iter().filter_map(|rule| rule.tunnel.as_ref()) {
            opened.remove(tunnel);
        }
        let names: Vec<Arc<str>> =
            self.sources.texts.iter().map(|source| source.name.as_str().into()).collect();
        let good = self.rules.len() - self.stopgaps;
        for (at, (rule, ranges)) in self.rules.iter().zip(outcome.added).enumerate() {
            let Some(&(_, index)) = ranges.last() else { continue };
            view.items.push(Item::Entry(Entry {
                head: rule.tunnel.as_ref().map(|(name, _)| name.clone()),
                index,
                rules: ranges,
                text: Arc::clone(&rule.text),
                origin: Some(Origin {
                    file: Arc::clone(&names[rule.span.source]),
                    line: rule.span.line,
                    shown: self.sources.several || at >= good,
                    stopgap: at >= good,
                }),
            }));
        }
        file.prepare(&view)?;
        if let Err(error) = client.flip_all() {
            // Without an answer the kernel may have done it: the next command finds out.
            if error.refusal().is_some() {
                file.abandon();
            }
            return Err(self.not_activated(client, &error));
        }
        if !opened.is_empty() {
            // Others may have rules for them.
            let left = open_tunnels::protected(client, &Scope::All)
                .map_err(|error| scope_failure("look at", &Scope::All, &error))?;
            opened.retain(|tunnel| !left.contains(tunnel));
        }
        open_tunnels::warn(&opened);
        Ok(file.commit()?)
    }

    /// Why FLIP was refused. It can be for the rules of other owners, which nothing before it
    /// meets: they are in force, and the new ones were not yet.
    fn not_activated(&self, client: &mut PolicyClient, error: &PolicyError) -> Stop {
        let Some(Refusal { errno: Errno::EEXIST | Errno::EBUSY, .. }) = error.refusal() else {
            return request_failure("cannot activate the policy", error, Failure::Kernel).into();
        };
        let problems = match client.all_rules(Side::Active, &Scope::All) {
            Ok(active) => foreign(&self.rules, client.namespace(), &active),
            Err(_) => Vec::new(),
        };
        if !problems.is_empty() {
            return Stop::Refused(problems);
        }
        // What stood in the way has gone meanwhile, or does not say which rule it meets.
        let failure =
            request_failure("rules of somebody else stand in the way", error, Failure::Failed);
        complain("the policy was not loaded; nothing was changed");
        failure.into()
    }

    fn refuse_mode_change(&self, graft: &Graft) -> Result<(), Stop> {
        let Some(change) = graft.mode_change(&self.rules) else { return Ok(()) };
        let message = format!(
            "this kernel cannot change the mode of tunnel {} without sending clear text meanwhile",
            change.tunnel
        );
        let problem = Problem::error(self.rules[change.rule].span, message)
            .hint("take the tunnel down, remove its policy with -f -i, then load again");
        Err(Stop::Refused(vec![problem]))
    }

    fn refused(&self, request: &Request, refusal: &Refusal) -> Problem {
        let rule = &self.rules[request.rule];
        let message = match (refusal.errno, &rule.tunnel) {
            (Errno::EBUSY, Some((tunnel, _))) => {
                format!("the kernel refuses this rule: tunnel {tunnel} has rules in the other mode")
            }
            _ if refusal.diagnostic == Diagnostic::NAMESPACE_CONFLICT => {
                "somebody else has a rule that stands in the way".into()
            }
            _ if refusal.diagnostic != Diagnostic::NONE => {
                format!("the kernel refuses this rule: {}", refusal.diagnostic)
            }
            _ => format!("the kernel refuses this rule: {}", refusal.errno),
        };
        Problem::error(rule.span, message)
    }

    fn report_duplicates(&self, outcome: &Outcome) {
        if !self.context.talkative() {
            return;
        }
        let warnings: Vec<_> = outcome
            .duplicates
            .iter()
            .filter(|request| outcome.added[request.rule].is_empty())
            .map(|request| {
                Problem::warning(self.rules[request.rule].span, "this rule is in force already")
            })
            .collect();
        diagnostics::report(program(), &self.sources.texts, &warnings);
    }
}

/// What is in force is copied to the standby side.
fn copy(client: &mut PolicyClient) -> Result<(), Failure> {
    client.clone_all().map_err(|error| request_failure("cannot copy", &error, Failure::Kernel))
}

fn broken(error: PolicyError) -> Failure {
    request_failure("cannot load", &error, Failure::Failed)
}

/// The first problem of each place. There may be one for each of many rules.
fn by_place(problems: Vec<Problem>) -> BTreeMap<Span, Problem> {
    let mut first = BTreeMap::new();
    for problem in problems {
        first.entry(problem.span).or_insert(problem);
    }
    first
}

/// Can a rule be refused like this because of a rule of another owner?
fn meets_others(refusal: &Refusal) -> bool {
    refusal.errno == Errno::EBUSY || refusal.diagnostic == Diagnostic::NAMESPACE_CONFLICT
}
