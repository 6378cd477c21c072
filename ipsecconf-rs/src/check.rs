// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-c`: checking policy without a kernel.
//!
//! Besides the language, a check knows what the kernel refuses in any state, so that a
//! file that passes can only fail for what is loaded already.

use std::collections::HashMap;
use std::ffi::OsStr;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::{Direction, Selector, TunnelName};
use illumos_ipsec::policy::{self, PolicyRule, Problem, Resolver, Severity};

use crate::context::Context;
use crate::exit::{Failure, complain};
use crate::prose;
use crate::source::{self, Source};

pub(crate) fn run(context: &Context, file: &OsStr) -> Result<(), Failure> {
    let Source::Text(source) = source::read(context, file)? else { return Ok(()) };
    let sources = [source];
    let parsed = policy::parse(&sources);
    let algs = context.algorithms();
    let names = context.names();
    let kernel = algs.kernel_algs();
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, compile_problems) = policy::compile(&parsed, &resolver);
    let empty = parsed.rules.is_empty() && parsed.problems.is_empty();
    let mut problems = parsed.problems;
    problems.extend(compile_problems);
    problems.extend(policy::objections(&rules).into_iter().map(|objection| objection.problem));
    problems.extend(contradictions(&rules));
    diagnostics::report("ipsecconf", &sources, &problems);
    bad_rules(&problems)?;
    if empty {
        complain(format_args!("{}: the policy file has no rules", sources[0].name));
        return Ok(());
    }
    prose::checked();
    Ok(())
}

/// A failure if there is an error among the problems.
pub(crate) fn bad_rules(problems: &[Problem]) -> Result<(), Failure> {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    match errors {
        0 => Ok(()),
        1 => {
            complain("1 error in the policy; nothing was changed");
            Err(Failure::BadPolicy)
        }
        n => {
            complain(format_args!("{n} errors in the policy; nothing was changed"));
            Err(Failure::BadPolicy)
        }
    }
}

/// Rules of one file that select the same traffic for different actions.
fn contradictions(rules: &[PolicyRule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: HashMap<(Option<&TunnelName>, Direction, Selector), usize> = HashMap::new();
    for (at, rule) in rules.iter().enumerate() {
        let tunnel = rule.tunnel.as_ref().map(|(name, _)| name);
        let keys = (0..rule.requests())
            .flat_map(|n| rule.direction.iter().map(move |direction| (n, direction)))
            .map(|(n, direction)| (tunnel, direction, rule.selector(n)));
        let mut other = None;
        for key in keys {
            let first = *seen.entry(key).or_insert(at);
            if rules[first].alternatives() != rule.alternatives() {
                other.get_or_insert(first);
            }
        }
        if let Some(other) = other {
            let line = rules[other].span.line;
            let message =
                format!("the rule on line {line} selects the same traffic for another action");
            problems.push(Problem::error(rule.span, message));
        }
    }
    problems
}
