// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-a`, alone or with `-f` or `-F`: loading a policy as one transaction.
//!
//! ```text
//! read, parse, resolve     every error reported, nothing sent
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

use std::collections::BTreeSet;
use std::sync::Arc;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::Side;
use illumos_ipsec::policy::{self, PolicyRule, Problem, Resolver, Severity, SourceText};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Refusal};
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::Diagnostic;

use crate::additions::{self, Outcome, Request};
use crate::args::Load;
use crate::check::bad_rules;
use crate::context::Context;
use crate::duplicates::{self, Conflict};
use crate::exit::{Failure, complain, request_failure, scope_failure};
use crate::graft::Graft;
use crate::open_tunnels;
use crate::prose;
use crate::source::{self, Source};
use crate::view::{Entry, Item};
use crate::view_file::ViewFile;

pub(crate) fn run(context: &Context, load: &Load) -> Result<(), Failure> {
    prose::banner(context);
    let Source::Text(source) = source::read(context, &load.file)? else { return Ok(()) };
    let sources = [source];
    let parsed = policy::parse(&sources);
    let has_errors = parsed.problems.iter().any(|p| p.severity == Severity::Error);
    if parsed.rules.is_empty() && !has_errors {
        diagnostics::report("ipsecconf", &sources, &parsed.problems);
        complain(format_args!("{}: the policy file has no rules", sources[0].name));
        if load.replace.is_some() {
            complain("the old policy stays in force; ipsecconf -F removes it on purpose");
        }
        return Ok(());
    }
    let algs = context.algorithms();
    let names = context.names();
    // With an error in the text nothing will be sent: the kernel need not be asked.
    let (mut client, kernel) = if has_errors {
        (None, algs.kernel_algs())
    } else {
        let mut client = context.open(Failure::Kernel)?;
        let kernel = client.algorithms().map_err(|error| {
            let failure = match error {
                PolicyError::Send { .. } => Failure::Kernel,
                _ => Failure::Failed,
            };
            request_failure("cannot list algorithms", &error, failure)
        })?;
        (Some(client), kernel)
    };
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, compile_problems) = policy::compile(&parsed, &resolver);
    let mut problems = parsed.problems;
    problems.extend(compile_problems);
    diagnostics::report("ipsecconf", &sources, &problems);
    bad_rules(&problems)?;
    let Some(client) = &mut client else { return Err(Failure::BadPolicy) };
    let Some(requests) = additions::requests(&rules) else {
        complain("the policy needs more kernel rules than there are priorities");
        return Err(Failure::BadPolicy);
    };

    let _signals = SignalsBlocked::new();
    let transaction = Transaction { context, load, sources: &sources, rules: &rules };
    transaction.file().repair(client)?;
    client.clone_all().map_err(|error| request_failure("cannot copy", &error, Failure::Kernel))?;
    let result = transaction.fill_standby(client, &requests).and_then(|outcome| {
        prose::add_warning(context);
        if context.service.is_some() {
            complain(format_args!("{} policy rules added", rules.len()));
        }
        transaction.activate(client, outcome)
    });
    let cleanup = client.flush(Side::Standby, &load.cleanup);
    result?;
    cleanup.map_err(|error| {
        complain("the policy is in force, but the standby side could not be emptied");
        scope_failure("clean up", &load.cleanup, &error)
    })
}

struct Transaction<'a> {
    context: &'a Context,
    load: &'a Load,
    sources: &'a [SourceText],
    rules: &'a [PolicyRule],
}

impl Transaction<'_> {
    fn file(&self) -> ViewFile {
        ViewFile::new(self.context)
    }

    /// Puts the new policy together on the standby side.
    fn fill_standby(
        &self,
        client: &mut PolicyClient,
        requests: &[Request],
    ) -> Result<Outcome, Failure> {
        let broken = |error: PolicyError| request_failure("cannot load", &error, Failure::Failed);
        let mut outcome = Outcome::default();
        match &self.load.replace {
            None => additions::send(client, self.rules, requests, &mut outcome).map_err(broken)?,
            Some(scope) => {
                let graft = Graft::plan(client, scope, self.rules).map_err(broken)?;
                if graft.is_empty() {
                    client
                        .flush(Side::Standby, scope)
                        .map_err(|error| scope_failure("replace", scope, &error))?;
                    additions::send(client, self.rules, requests, &mut outcome).map_err(broken)?;
                } else {
                    self.refuse_mode_change(&graft)?;
                    graft.flush_others(client, scope).map_err(broken)?;
                    graft.send(client, self.rules, requests, &mut outcome).map_err(broken)?;
                }
            }
        }
        let mut problems: Vec<Problem> = outcome
            .refused
            .iter()
            .map(|(request, refusal)| self.refused(request, refusal))
            .collect();
        for (_, refusal) in &outcome.refused {
            prose::diagnostic(refusal.diagnostic);
        }
        if problems.is_empty() && !outcome.duplicates.is_empty() {
            let conflicts =
                duplicates::resolve(client, self.rules, &mut outcome).map_err(broken)?;
            problems.extend(conflicts.iter().map(|(request, c)| self.conflict(request, c)));
            self.report_duplicates(&outcome);
        }
        if problems.is_empty() {
            return Ok(outcome);
        }
        diagnostics::report("ipsecconf", self.sources, &problems);
        complain("the policy was not loaded; nothing was changed");
        Err(Failure::Failed)
    }

    /// FLIP, and the view with it.
    fn activate(&self, client: &mut PolicyClient, outcome: Outcome) -> Result<(), Failure> {
        let file = self.file();
        let mut view = file.read()?.unwrap_or_default();
        view.items.reserve(self.rules.len());
        let mut opened = BTreeSet::new();
        if let Some(scope) = &self.load.replace {
            view.take(scope);
            opened = open_tunnels::protected(client, scope)
                .map_err(|error| scope_failure("look at", scope, &error))?;
        }
        for (tunnel, _) in self.rules.iter().filter_map(|rule| rule.tunnel.as_ref()) {
            opened.remove(tunnel);
        }
        for (rule, ranges) in self.rules.iter().zip(outcome.added) {
            let Some(&(_, index)) = ranges.last() else { continue };
            view.items.push(Item::Entry(Entry {
                head: rule.tunnel.as_ref().map(|(name, _)| name.clone()),
                index,
                rules: ranges,
                text: Arc::clone(&rule.text),
            }));
        }
        file.prepare(&view)?;
        if let Err(error) = client.flip_all() {
            // Without an answer the kernel may have done it: the next command finds out.
            if error.refusal().is_some() {
                file.abandon();
            }
            return Err(request_failure("cannot activate the policy", &error, Failure::Kernel));
        }
        open_tunnels::warn(&opened);
        file.commit()
    }

    fn refuse_mode_change(&self, graft: &Graft) -> Result<(), Failure> {
        let Some(change) = graft.mode_change(self.rules) else { return Ok(()) };
        let message = format!(
            "this kernel cannot change the mode of tunnel {} without sending clear text meanwhile",
            change.tunnel
        );
        let problem = Problem::error(self.rules[change.rule].span, message)
            .hint("take the tunnel down, remove its policy with -f -i, then load again");
        diagnostics::report("ipsecconf", self.sources, &[problem]);
        complain("the policy was not loaded; nothing was changed");
        Err(Failure::Failed)
    }

    fn refused(&self, request: &Request, refusal: &Refusal) -> Problem {
        let rule = &self.rules[request.rule];
        let message = match (refusal.errno, &rule.tunnel) {
            (Errno::EBUSY, Some((tunnel, _))) => {
                format!("the kernel refuses this rule: tunnel {tunnel} has rules in the other mode")
            }
            _ if refusal.diagnostic != Diagnostic::NONE => {
                format!("the kernel refuses this rule: {}", refusal.diagnostic)
            }
            _ => format!("the kernel refuses this rule: {}", refusal.errno),
        };
        Problem::error(rule.span, message)
    }

    fn conflict(&self, request: &Request, conflict: &Conflict) -> Problem {
        let rule = &self.rules[request.rule];
        let of_tunnel = match &rule.tunnel {
            Some((tunnel, _)) => format!(" of tunnel {tunnel}"),
            None => String::new(),
        };
        let numbers = |indices: &[u64]| {
            let list: Vec<_> = indices.iter().map(u64::to_string).collect();
            format!(
                "{} {}{of_tunnel}",
                if list.len() == 1 { "rule" } else { "rules" },
                list.join(", ")
            )
        };
        let problem = |message: String| Problem::error(rule.span, message);
        match conflict {
            Conflict::Action(indices) => problem(format!(
                "there is a rule for the same traffic with another action ({})",
                numbers(indices)
            )),
            Conflict::Family(indices) => {
                problem("only a part of this rule is in force, the rest was deleted".into())
                    .hint(format!("delete {} with -d first", numbers(indices)))
            }
            Conflict::Icmp => problem(format!(
                "there is an ICMP rule{of_tunnel} for the same addresses with another protection"
            )),
        }
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
        diagnostics::report("ipsecconf", self.sources, &warnings);
    }
}
