// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-a`, alone or with `-f` or `-F`: what is loaded, and whether it is good.
//!
//! Everything is read, resolved and checked, and every error reported, before anything is
//! sent.

use std::collections::BTreeSet;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::KernelAlg;
use illumos_ipsec::policy::{self, Resolver, Severity};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError};
use illumos_ipsec::sys::signals::SignalsBlocked;

use crate::args::Load;
use crate::check::{count_errors, no_errors, no_rules};
use crate::context::Context;
use crate::exit::{Failure, complain, program, request_failure};
use crate::keep_going::{self, Triage};
use crate::plan;
use crate::prose;
use crate::source::{self, Sources};
use crate::transaction::{Stop, Transaction};
use crate::view_file::ViewFile;

pub(crate) fn run(context: &Context, load: &Load) -> Result<(), Failure> {
    if !load.plan {
        prose::banner(context);
    }
    let sources = source::read(context, &load.sources);
    if sources.texts.is_empty() && context.service.is_some() {
        prose::not_configured();
        return Ok(());
    }
    let parsed = policy::parse(&sources.texts);
    let has_errors = !sources.problems.is_empty()
        || parsed.problems.iter().any(|p| p.severity == Severity::Error);
    if parsed.rules.is_empty() && !has_errors {
        diagnostics::report(program(), &sources.texts, &parsed.problems);
        complain(no_rules(&sources));
        if load.replace.is_some() {
            complain("the old policy stays in force; ipsecconf -F removes it on purpose");
        }
        return Ok(());
    }
    let algs = context.algorithms();
    let names = context.names();
    // With an error in the text nothing will be sent: the kernel need not be asked.
    let (client, kernel) = if has_errors && !load.keep_going {
        (None, algs.kernel_algs())
    } else {
        let mut client = context.open(Failure::Kernel)?;
        let kernel = algorithms(&mut client)?;
        (Some(client), kernel)
    };
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, compile_problems) = policy::compile(&parsed, &resolver);
    let mut problems = sources.problems.clone();
    problems.extend(parsed.problems);
    problems.extend(compile_problems);
    let (rules, triage) = match load.keep_going {
        true => {
            let triage = Triage::new(&sources, rules, &mut problems);
            (triage.good(&sources), Some(triage))
        }
        false => (rules, None),
    };
    diagnostics::report(program(), &sources.texts, &problems);
    match triage {
        // A question about a file that is not there is no wrong usage.
        None if load.plan => count_errors(&sources, &problems)?,
        None => no_errors(context, &sources, &problems)?,
        Some(_) => {}
    }
    let Some(mut client) = client else { return Err(Failure::BadPolicy) };
    if load.plan {
        return plan::run(context, load, &mut client, &sources, rules, triage, &algs);
    }
    let _signals = SignalsBlocked::new();
    ViewFile::new(context).repair(&mut client)?;
    match triage {
        None => Transaction::new(context, load, &sources, rules)?.run(&mut client),
        Some(triage) => load_the_good(context, load, &sources, triage, &mut client),
    }
}

/// The algorithms that the kernel has.
pub(crate) fn algorithms(client: &mut PolicyClient) -> Result<Vec<KernelAlg>, Failure> {
    client.algorithms().map_err(|error| {
        let failure = match error {
            PolicyError::Send { .. } => Failure::Kernel,
            _ => Failure::Failed,
        };
        request_failure("cannot list algorithms", &error, failure)
    })
}

/// Loads what is good, and stopgaps for the rest. If the kernel refuses a rule, its source
/// is left out, too; if it refuses a stopgap, that is no reason to load nothing.
fn load_the_good(
    context: &Context,
    load: &Load,
    sources: &Sources,
    mut triage: Triage,
    client: &mut PolicyClient,
) -> Result<(), Failure> {
    let mut not_closed = BTreeSet::new();
    loop {
        let closing = keep_going::closing(context, sources, &triage, client)?.without(&not_closed);
        let mut rules = triage.good(sources);
        rules.extend(closing.stopgaps.iter().cloned());
        let transaction = Transaction::new(context, load, sources, rules)?.with(&closing);
        match transaction.attempt(client) {
            Ok(()) if triage.is_complete() => return Ok(()),
            Ok(()) => {
                triage.report(sources, &closing);
                keep_going::warn_of(&not_closed);
                return Err(Failure::BadPolicy);
            }
            Err(Stop::NotClosed(tunnels, problems)) => {
                diagnostics::report(program(), &sources.texts, &problems);
                not_closed.extend(tunnels);
            }
            Err(Stop::Refused(problems)) => {
                diagnostics::report(program(), &sources.texts, &problems);
                if !triage.leave_out(&problems) {
                    complain("the policy was not loaded; nothing was changed");
                    return Err(Failure::Failed);
                }
            }
            Err(Stop::Failed(failure)) => return Err(failure),
        }
    }
}
