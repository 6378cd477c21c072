// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy of single tunnels, for programs that make tunnels.
//!
//! The same transactions, lock and record of loaded policy as the command has. What is
//! wrong is said on standard error, in the name of the program that asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy::{self, Problem, Resolver, Severity, SourceText};
use illumos_ipsec::sys::files::LockFile;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::wire::errno::Errno;

use crate::args::Load;
use crate::check::refusals;
use crate::context::Context;
use crate::exit::{self, Failure, complain, program, scope_failure};
use crate::load;
use crate::open_tunnels;
use crate::source::Sources;
use crate::transaction::Transaction;
use crate::view::{Entry, Item};
use crate::view_file::ViewFile;

pub use crate::source::distrust;

/// It has been said what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said;

impl From<Failure> for Said {
    fn from(_: Failure) -> Self {
        Self
    }
}

/// Where the entries in force come from, as far as the record of loaded policy knows.
pub type LoadedFrom = BTreeMap<TunnelName, BTreeSet<String>>;

/// Access to the policy of tunnels. No other command changes policy while this exists.
pub struct TunnelPolicies {
    context: Context,
    client: PolicyClient,
    _lock: LockFile,
}

impl fmt::Debug for TunnelPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelPolicies").finish_non_exhaustive()
    }
}

impl TunnelPolicies {
    /// Takes the lock of the policy and connects to the kernel.
    pub fn open(program: &'static str) -> Result<Self, Said> {
        exit::speak_as(program);
        let context = Context::new(true, false, None, Who::Nameless);
        let lock = context.lock()?;
        let mut client = context.open(Failure::Failed)?;
        ViewFile::new(&context).repair(&mut client)?;
        Ok(Self { context, client, _lock: lock })
    }

    /// The tunnels that have rules in force.
    pub fn in_force(&mut self) -> Result<BTreeSet<TunnelName>, Said> {
        let scope = Scope::All;
        let found = self.client.tunnels(Side::Active, &scope);
        found.map_err(|error| scope_failure("look at", &scope, &error).into())
    }

    /// Do all rules in force of a tunnel come from these sources?
    pub fn is_only_source(&mut self, tunnel: &TunnelName, sources: &[&str]) -> Result<bool, Said> {
        let scope = Scope::Tunnel(tunnel.clone());
        let rules = match self.client.rules(Side::Active, &scope) {
            Err(error) if error.refusal().is_some_and(|r| r.errno == Errno::ENOENT) => {
                return Ok(true);
            }
            rules => rules.map_err(|error| scope_failure("look at", &scope, &error))?,
        };
        let view = ViewFile::new(&self.context).read()?.unwrap_or_default();
        let ours: Vec<&Entry> = view
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Entry(entry) if entry.head.as_ref() == Some(tunnel) => Some(entry),
                _ => None,
            })
            .filter(|entry| {
                entry.origin.as_ref().is_some_and(|from| sources.contains(&&*from.file))
            })
            .collect();
        Ok(rules.iter().all(|rule| ours.iter().any(|entry| entry.has_rule(rule.index))))
    }

    /// Checks a policy without changing anything.
    pub fn check(&mut self, source: &SourceText) -> Result<(), Said> {
        check(&self.context, source)
    }

    /// Puts a policy into the place of the one that a tunnel has, in one step.
    pub fn replace(&mut self, source: SourceText) -> Result<(), Said> {
        let Some(tunnel) = source.tunnel.clone() else { return Err(Said) };
        let scope = Scope::Tunnel(tunnel);
        let protected = open_tunnels::protected(&mut self.client, &scope)
            .map_err(|error| scope_failure("look at", &scope, &error))?;
        // Only what is there can be replaced.
        let replace = (!protected.is_empty()).then(|| scope.clone());
        self.load(vec![source], replace, scope)
    }

    /// Adds the policy of several tunnels that have none, in one step.
    pub fn add(&mut self, sources: Vec<SourceText>) -> Result<(), Said> {
        self.load(sources, None, Scope::All)
    }

    fn load(
        &mut self,
        texts: Vec<SourceText>,
        replace: Option<Scope>,
        cleanup: Scope,
    ) -> Result<(), Said> {
        let sources = Sources { texts, several: true, ..Sources::default() };
        let parsed = policy::parse(&sources.texts);
        let (algs, names) = (self.context.algorithms(), self.context.names());
        let kernel = load::algorithms(&mut self.client)?;
        let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
        let (rules, problems) = policy::compile(&parsed, &resolver);
        let mut problems: Vec<Problem> = parsed.problems.into_iter().chain(problems).collect();
        // Warnings have been given by the check.
        problems.retain(|problem| problem.severity == Severity::Error);
        diagnostics::report(program(), &sources.texts, &problems);
        if !problems.is_empty() {
            return Err(Said);
        }
        let options =
            Load { sources: Vec::new(), replace, cleanup, keep_going: false, plan: false };
        let _signals = SignalsBlocked::new();
        let transaction = Transaction::new(&self.context, &options, &sources, rules)?;
        Ok(transaction.run(&mut self.client)?)
    }

    /// Does something to the policy of a tunnel that changes nothing. A tunnel that still
    /// has the policy of an earlier name gets that of its own.
    pub fn touch(&mut self, tunnel: &TunnelName) -> Result<(), Said> {
        let scope = Scope::Tunnel(tunnel.clone());
        let touched = self.client.flush(Side::Standby, &scope);
        touched.map_err(|error| scope_failure("touch", &scope, &error).into())
    }

    /// Removes all rules of a tunnel, here and in the record of loaded policy.
    pub fn remove(&mut self, tunnel: &TunnelName) -> Result<(), Said> {
        let scope = Scope::Tunnel(tunnel.clone());
        let _signals = SignalsBlocked::new();
        let file = ViewFile::new(&self.context);
        let view = file.read()?;
        if let Some(mut view) = view {
            view.take(|head| head.as_ref() == Some(tunnel));
            file.prepare(&view)?;
        }
        match self.client.flush(Side::Active, &scope) {
            Ok(()) => {}
            // The kernel removes the policy of a tunnel together with the tunnel.
            Err(error) if error.refusal().is_some_and(|r| r.errno == Errno::ENOENT) => {}
            Err(error) => {
                if error.refusal().is_some() {
                    file.abandon();
                }
                return Err(scope_failure("flush", &scope, &error).into());
            }
        }
        Ok(file.commit_if_prepared()?)
    }
}

/// Checks a policy as `ipsecconf -c` does. An empty one is an error here.
fn check(context: &Context, source: &SourceText) -> Result<(), Said> {
    let sources = std::slice::from_ref(source);
    let parsed = policy::parse(sources);
    let (algs, names) = (context.algorithms(), context.names());
    let kernel = algs.kernel_algs();
    let resolver = Resolver { names: &names, algs: &algs, kernel: &kernel };
    let (rules, problems) = policy::compile(&parsed, &resolver);
    let empty = parsed.rules.is_empty() && parsed.problems.is_empty();
    let mut problems: Vec<Problem> = parsed.problems.into_iter().chain(problems).collect();
    problems.extend(refusals(&rules));
    diagnostics::report(program(), sources, &problems);
    if empty {
        complain(format_args!("{}: the policy has no rules", source.name));
        return Err(Said);
    }
    match problems.iter().any(|problem| problem.severity == Severity::Error) {
        true => Err(Said),
        false => Ok(()),
    }
}

/// Where the policy in force of each tunnel comes from. Takes no lock, and says nothing of
/// tunnels whose policy is not in the record. With a name of a source the answer is empty
/// unless something comes from that, which is found out faster.
pub fn loaded_from(program: &'static str, source: Option<&str>) -> Result<LoadedFrom, Said> {
    exit::speak_as(program);
    let context = Context::new(true, false, None, Who::Nameless);
    let view = ViewFile::new(&context).mentioning(source)?;
    let mut loaded = LoadedFrom::new();
    for item in view.items {
        if let Item::Entry(Entry { head: Some(tunnel), origin: Some(origin), .. }) = item {
            loaded.entry(tunnel).or_default().insert(origin.file.to_string());
        }
    }
    Ok(loaded)
}
