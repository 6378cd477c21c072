// SPDX-License-Identifier: MIT OR Apache-2.0

//! `--keep-going`: what is loaded if some sources cannot be.
//!
//! At boot there is no old policy that could stay in force, and one bad file must not
//! leave a whole system without any. So sources with errors are left out as a whole. A
//! tunnel that one of them is about gets no rules from any other source either, because
//! half a policy is not a policy: everything that it carries is dropped, in both
//! directions, until the file is mended and loaded; if it has policy in force, it keeps
//! that.
//!
//! A source with an error may be about more tunnels than can be seen in it, unless it is the
//! shard of one. So each tunnel that gets no rules keeps those that it has. For the host
//! itself there is no stopgap, which would cut the machine off; but what is in force for it
//! stays, too.

use std::collections::{BTreeMap, BTreeSet};

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy::{
    self, AlgDb, PolicyRule, Problem, Resolver, Severity, SourceText, Span,
};
use illumos_ipsec::sys::policy::{PolicyClient, Scope};

use crate::check::refusals;
use crate::context::Context;
use crate::exit::{Failure, complain, scope_failure};
use crate::open_tunnels;
use crate::source::Sources;
use crate::view::Head;

/// Which sources are used.
#[derive(Debug)]
pub(crate) struct Triage {
    /// The rules of all sources that have no error by themselves.
    rules: Vec<PolicyRule>,
    /// Sources that are left out.
    bad: BTreeSet<usize>,
}

impl Triage {
    /// Leaves out the sources with an error, and those that do not get on with others.
    /// What is found on the way is added to the problems.
    pub(crate) fn new(
        sources: &Sources,
        rules: Vec<PolicyRule>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut triage = Self { rules, bad: sources.refused.keys().copied().collect() };
        triage.leave_out(problems);
        loop {
            let more = refusals(&triage.good(sources));
            if !triage.leave_out(&more) {
                return triage;
            }
            problems.extend(more);
        }
    }

    /// Leaves out the sources of these errors; false if none of them is a new one.
    pub(crate) fn leave_out(&mut self, problems: &[Problem]) -> bool {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let before = self.bad.len();
        self.bad.extend(errors.map(|problem| problem.span.source));
        self.bad.len() > before
    }

    /// Tunnels that are closed, each with a source that is to blame.
    pub(crate) fn closed(&self, sources: &Sources) -> BTreeMap<TunnelName, usize> {
        let mut closed = BTreeMap::new();
        for &source in &self.bad {
            for tunnel in sources.tunnels_of(source) {
                closed.entry(tunnel).or_insert(source);
            }
        }
        closed
    }

    /// The rules that are used.
    pub(crate) fn good(&self, sources: &Sources) -> Vec<PolicyRule> {
        let closed = self.closed(sources);
        let used = |rule: &&PolicyRule| {
            let tunnel = rule.tunnel.as_ref().map(|(tunnel, _)| tunnel);
            !self.bad.contains(&rule.span.source)
                && !tunnel.is_some_and(|tunnel| closed.contains_key(tunnel))
        };
        self.rules.iter().filter(used).cloned().collect()
    }

    /// Is a source left out that can have rules for the host, and for any tunnel?
    pub(crate) fn leaves_out_host(&self, sources: &Sources) -> bool {
        self.bad.iter().any(|&source| sources.texts[source].tunnel.is_none())
    }

    /// Is nothing left out?
    pub(crate) fn is_complete(&self) -> bool {
        self.bad.is_empty()
    }

    /// Says what is left out, and what that means.
    pub(crate) fn report(&self, sources: &Sources, closing: &Closing) {
        let names: Vec<_> =
            self.bad.iter().map(|&source| sources.texts[source].name.as_str()).collect();
        complain(format_args!("left out, because of errors: {}", names.join(", ")));
        let closed: BTreeSet<_> = closing
            .stopgaps
            .iter()
            .filter_map(|rule| rule.tunnel.as_ref())
            .map(|(name, _)| name.clone())
            .collect();
        let kept: BTreeSet<_> = closing.kept.iter().flatten().cloned().collect();
        for (tunnels, one, more) in [
            (&closed, "drops everything", "drop everything"),
            (&kept, "keeps the policy that it has", "keep the policy that they have"),
        ] {
            let (noun, verb) = match tunnels.len() {
                0 => continue,
                1 => ("tunnel", one),
                _ => ("tunnels", more),
            };
            complain(format_args!(
                "WARNING: {noun} {} {verb}, until there is a policy without errors",
                open_tunnels::list(tunnels)
            ));
        }
    }
}

/// What becomes of the tunnels whose policy cannot be used.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// Rules that drop everything of those without policy in force.
    pub stopgaps: Vec<PolicyRule>,
    /// The others; the host and every tunnel without new rules, if what is left out is not
    /// just the shards of tunnels.
    pub kept: BTreeSet<Head>,
}

impl Closing {
    /// The same without the stopgaps of some tunnels.
    pub(crate) fn without(mut self, tunnels: &BTreeSet<TunnelName>) -> Self {
        self.stopgaps.retain(|rule| {
            !rule.tunnel.as_ref().is_some_and(|(tunnel, _)| tunnels.contains(tunnel))
        });
        self
    }
}

/// Says which tunnels could not be closed.
pub(crate) fn warn_of(not_closed: &BTreeSet<TunnelName>) {
    if !not_closed.is_empty() {
        complain(format_args!(
            "WARNING: {} without policy could not be closed, because of what another owner \
             prepares; each is open unless it requires IPsec",
            open_tunnels::list(not_closed)
        ));
    }
}

/// The rule that drops everything of a tunnel.
pub(crate) fn stopgap(context: &Context, tunnel: &TunnelName, source: usize) -> Option<PolicyRule> {
    let text = b"{ negotiate tunnel } drop { }\n".to_vec();
    let text = SourceText { name: String::new(), text, tunnel: Some(tunnel.clone()) };
    let (names, algs) = (context.names(), AlgDb::default());
    let resolver = Resolver { names: &names, algs: &algs, kernel: &[] };
    let (mut rules, _) = policy::compile(&policy::parse(&[text]), &resolver);
    let mut rule = rules.pop()?;
    rule.span = Span::whole(source);
    Some(rule)
}

/// How the tunnels without a usable policy are closed.
pub(crate) fn closing(
    context: &Context,
    sources: &Sources,
    triage: &Triage,
    client: &mut PolicyClient,
) -> Result<Closing, Failure> {
    let mut closing = Closing::default();
    if triage.is_complete() {
        return Ok(closing);
    }
    let closed = triage.closed(sources);
    let running = client
        .tunnels(Side::Active, &Scope::All)
        .map_err(|error| scope_failure("look at", &Scope::All, &error))?;
    for (tunnel, source) in closed {
        if running.contains(&tunnel) {
            closing.kept.insert(Some(tunnel));
        } else {
            closing.stopgaps.extend(stopgap(context, &tunnel, source));
        }
    }
    if triage.leaves_out_host(sources) {
        // Nobody knows what else it was about: whatever gets no rules keeps its own.
        closing.kept.insert(None);
        closing.kept.extend(running.into_iter().map(Some));
        for rule in triage.good(sources) {
            if let Some((tunnel, _)) = rule.tunnel {
                closing.kept.remove(&Some(tunnel));
            }
        }
    }
    Ok(closing)
}
