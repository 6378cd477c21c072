// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-c`: checking policy without a kernel.
//!
//! Besides the language, a check knows what the kernel refuses in any state, so that a
//! policy that passes can only fail for what is loaded already.

use std::ffi::OsString;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::policy::{self, PolicyRule, Problem, Resolver, Severity};

use crate::args;
use crate::context::Context;
use crate::contradictions::contradictions;
use crate::exit::{Failure, complain, program};
use crate::prose;
use crate::source::{self, Sources};

pub(crate) fn run(context: &Context, operands: &[OsString]) -> Result<(), Failure> {
    let sources = source::read(context, operands);
    if sources.texts.is_empty() && context.service.is_some() {
        prose::not_configured();
        return Ok(());
    }
    let parsed = policy::parse(&sources.texts);
    let algs = context.algorithms();
    let names = context.names();
    let kernel = algs.kernel_algs();
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, compile_problems) = policy::compile(&parsed, &resolver);
    let mut problems = sources.problems.clone();
    let empty = parsed.rules.is_empty() && problems.is_empty() && parsed.problems.is_empty();
    problems.extend(parsed.problems);
    problems.extend(compile_problems);
    problems.extend(refusals(&rules));
    diagnostics::report(program(), &sources.texts, &problems);
    no_errors(context, &sources, &problems)?;
    if empty {
        complain(no_rules(&sources));
        return Ok(());
    }
    prose::checked();
    Ok(())
}

/// What a kernel with an empty policy would refuse in these rules.
pub(crate) fn refusals(rules: &[PolicyRule]) -> Vec<Problem> {
    let objections = policy::objections(rules).into_iter().map(|objection| objection.problem);
    objections.chain(contradictions(rules)).collect()
}

/// A failure if there is an error among the problems. Where a file of the command line
/// cannot be read, usage follows, as ever.
pub(crate) fn no_errors(
    context: &Context,
    sources: &Sources,
    problems: &[Problem],
) -> Result<(), Failure> {
    count_errors(sources, problems).inspect_err(|_| {
        if sources.missing {
            args::usage(context.service.is_some());
        }
    })
}

/// The same without usage.
pub(crate) fn count_errors(sources: &Sources, problems: &[Problem]) -> Result<(), Failure> {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    match errors {
        0 => return Ok(()),
        1 => complain("1 error in the policy; nothing was changed"),
        n => complain(format_args!("{n} errors in the policy; nothing was changed")),
    }
    Err(match sources.missing {
        // The words of the command line are wrong, not the policy.
        true => Failure::Failed,
        false => Failure::BadPolicy,
    })
}

/// There is nothing in any of the sources.
pub(crate) fn no_rules(sources: &Sources) -> String {
    match sources.texts.as_slice() {
        [source] => format!("{}: the policy file has no rules", source.name),
        [] => "there are no policy files, hence no rules".to_owned(),
        several => format!("the {} policy files have no rules", several.len()),
    }
}
