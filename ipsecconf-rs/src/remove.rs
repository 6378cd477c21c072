// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-r`: removing the rules that a file lists.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;

use illumos_ipsec::cli::diagnostics;
use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy;
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::wire::errno::Errno;

use crate::check::no_errors;
use crate::context::Context;
use crate::delete;
use crate::exit::{Failure, complain, program, request_failure};
use crate::open_tunnels;
use crate::prose;
use crate::source;
use crate::view::{Entry, Item, View, words};
use crate::view_file::ViewFile;

pub(crate) fn run(
    context: &Context,
    file: &OsStr,
    tunnel: Option<&TunnelName>,
) -> Result<(), Failure> {
    prose::banner(context);
    let mut client = context.open(Failure::Failed)?;
    let _signals = SignalsBlocked::new();
    let view_file = ViewFile::new(context);
    view_file.repair(&mut client)?;
    let sources = source::read(context, &[file.to_owned()]);
    if sources.texts.is_empty() && context.service.is_some() {
        prose::not_configured();
        return Ok(());
    }
    let Some(mut view) = view_file.read()? else {
        complain("there is no record of loaded policy");
        return Err(Failure::Failed);
    };
    let parsed = policy::parse(&sources.texts);
    let mut problems = sources.problems.clone();
    problems.extend(parsed.problems);
    diagnostics::report(program(), &sources.texts, &problems);
    no_errors(context, &sources, &problems)?;
    prose::remove_warning(context);

    let mut missing = false;
    let mut gone = Vec::new();
    let mut index = Index::new(&view);
    for rule in &parsed.rules {
        match index.take(&rule.explicit_text(), tunnel) {
            Some(at) => gone.push(at),
            None => {
                missing = true;
                complain(format_args!(
                    "{}: no loaded rule is like this one",
                    diagnostics::place(&sources.texts, rule.span)
                ));
            }
        }
    }
    let entries = take(&mut view, &gone);
    let removed = remove(&view_file, &view, &mut client, &entries);
    let cleanup = client.flush(Side::Standby, &Scope::All);
    removed?;
    cleanup.map_err(|error| request_failure("cannot clean up", &error, Failure::Failed))?;
    if missing { Err(Failure::Failed) } else { Ok(()) }
}

/// Positions of entries by the words of their rules, each list in the order of the view.
struct Index<'a> {
    view: &'a View,
    positions: HashMap<Vec<u8>, std::collections::VecDeque<usize>>,
}

impl<'a> Index<'a> {
    fn new(view: &'a View) -> Self {
        let mut positions: HashMap<_, std::collections::VecDeque<_>> = HashMap::new();
        for (at, item) in view.items.iter().enumerate() {
            if let Item::Entry(entry) = item {
                positions.entry(words(&entry.text)).or_default().push_back(at);
            }
        }
        Self { view, positions }
    }

    /// The first entry like this rule that has not been taken yet.
    fn take(&mut self, text: &[u8], tunnel: Option<&TunnelName>) -> Option<usize> {
        let list = self.positions.get_mut(&words(text))?;
        let at = list.iter().position(|&at| {
            matches!(&self.view.items[at], Item::Entry(entry)
                if tunnel.is_none() || entry.head.as_ref() == tunnel)
        })?;
        list.remove(at)
    }
}

/// Takes the entries at these positions out of the view.
fn take(view: &mut View, positions: &[usize]) -> Vec<Entry> {
    let mut items: Vec<Option<Item>> =
        std::mem::take(&mut view.items).into_iter().map(Some).collect();
    let taken = positions.iter().filter_map(|&at| match items[at].take()? {
        Item::Entry(entry) => Some(entry),
        Item::Other(_) => None,
    });
    let taken = taken.collect();
    view.items = items.into_iter().flatten().collect();
    taken
}

fn remove(
    file: &ViewFile,
    view: &View,
    client: &mut PolicyClient,
    entries: &[Entry],
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let tunnels: BTreeSet<TunnelName> =
        entries.iter().filter_map(|entry| entry.head.clone()).collect();
    let failed = |error: PolicyError| request_failure("cannot delete", &error, Failure::Failed);
    file.prepare(view)?;
    let result = match entries {
        // One rule is one step by itself.
        [_] => delete_all(client, Side::Active, entries),
        _ => delete_in_one_step(client, entries),
    };
    let gone = result.map_err(|error| {
        // Without an answer nobody knows what happened: the next command finds out.
        if error.refusal().is_some() {
            file.abandon();
        }
        failed(error)
    })?;
    file.commit()?;
    delete::report_rest(entries.iter().map(|entry| (entry.index, entry)));
    let scope = if tunnels.is_empty() { Scope::Global } else { Scope::All };
    let left = open_tunnels::protected(client, &scope).map_err(failed)?;
    open_tunnels::warn(&tunnels.difference(&left).cloned().collect());
    if gone { Ok(()) } else { Err(Failure::Failed) }
}

/// Removes several rules in one step: on the standby side, which then takes over.
///
/// CLONE turns the order of rules round, and listings show it. So the copy takes over
/// first, and the rules are removed from the original.
fn delete_in_one_step(client: &mut PolicyClient, entries: &[Entry]) -> Result<bool, PolicyError> {
    client.clone_all()?;
    client.flip_all()?;
    let gone = delete_all(client, Side::Standby, entries)?;
    client.flip_all()?;
    Ok(gone)
}

/// Removes the last kernel rule of each entry; false if one of them was not there.
fn delete_all(
    client: &mut PolicyClient,
    side: Side,
    entries: &[Entry],
) -> Result<bool, PolicyError> {
    let scopes: Vec<Scope> = entries
        .iter()
        .map(|entry| entry.head.clone().map_or(Scope::Global, Scope::Tunnel))
        .collect();
    let rules = scopes.iter().zip(entries).map(|(scope, entry)| (scope, entry.index));
    let mut all_there = true;
    let mut trouble = None;
    client.delete_all(side, rules, |position, outcome| match outcome {
        Ok(()) => true,
        Err(refusal) if matches!(refusal.errno, Errno::ESRCH | Errno::ENOENT) => {
            all_there = false;
            let Entry { index, .. } = entries[position];
            complain(format_args!("there is no rule {index} in the kernel"));
            true
        }
        Err(refusal) => {
            trouble = Some(refusal);
            false
        }
    })?;
    match trouble {
        Some(refusal) => Err(refusal.into()),
        None => Ok(all_there),
    }
}
