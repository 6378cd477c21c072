// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-c`: checking policy without a kernel.
//!
//! Besides the language, a check knows what the kernel refuses in any state, so that a
//! file that passes can only fail for what is loaded already.

use std::collections::HashMap;
use std::ffi::OsStr;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::{ActionFlags, Direction, Selector, TunnelMode, TunnelName};
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
    problems.extend(refusals(&rules));
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

/// What the kernel would refuse whatever is loaded.
fn refusals(rules: &[PolicyRule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut modes: HashMap<&TunnelName, (TunnelMode, u32)> = HashMap::new();
    let mut seen: HashMap<(Option<&TunnelName>, Direction, Selector), usize> = HashMap::new();
    for (at, rule) in rules.iter().enumerate() {
        let flags = rule.alternatives().iter().fold(ActionFlags::empty(), |all, a| all | a.flags);
        if let Some((tunnel, mode)) = &rule.tunnel {
            let (first, line) = *modes.entry(tunnel).or_insert((*mode, rule.span.line));
            if first != *mode {
                problems.push(
                    Problem::error(rule.span, format!("tunnel {tunnel} cannot mix modes"))
                        .expected(format!("the mode of its rule on line {line}")),
                );
            }
            if *mode == TunnelMode::Transport && !rule.selector(0).is_any() {
                problems.push(Problem::error(
                    rule.span,
                    format!("transport mode on tunnel {tunnel} takes no selectors"),
                ));
            }
            if *mode == TunnelMode::Tunnel && flags.contains(ActionFlags::UNIQUE) {
                problems.push(Problem::error(
                    rule.span,
                    format!("tunnel mode on tunnel {tunnel} cannot have 'sa unique'"),
                ));
            }
        }
        for n in 0..rule.requests() {
            for direction in rule.direction.iter() {
                let tunnel = rule.tunnel.as_ref().map(|(name, _)| name);
                let key = (tunnel, direction, rule.selector(n));
                match seen.get(&key) {
                    Some(&other) if rules[other].alternatives() != rule.alternatives() => {
                        problems.push(Problem::error(
                            rule.span,
                            format!(
                                "the rule on line {} selects the same traffic for another action",
                                rules[other].span.line
                            ),
                        ));
                    }
                    Some(_) => {}
                    None => {
                        seen.insert(key, at);
                    }
                }
            }
        }
    }
    problems.dedup();
    problems
}
