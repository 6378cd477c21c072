// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-r`: removing the rules that a file lists.

use std::collections::HashMap;
use std::ffi::OsStr;

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};
use illumos_ipsec::sys::signals::SignalsBlocked;

use crate::check::bad_rules;
use crate::context::Context;
use crate::delete;
use crate::exit::{Failure, complain, request_failure};
use crate::prose;
use crate::source::{self, Source};
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
    let Source::Text(source) = source::read(context, file)? else { return Ok(()) };
    let Some(mut view) = view_file.read()? else {
        complain("there is no record of loaded policy");
        return Err(Failure::Failed);
    };
    let sources = [source];
    let parsed = policy::parse(&sources);
    illumos_ipsec::cli::diagnostics::report("ipsecconf", &sources, &parsed.problems);
    bad_rules(&parsed.problems)?;
    prose::remove_warning(context);

    let mut missing = false;
    let mut gone = Vec::new();
    let mut index = Index::new(&view);
    for rule in &parsed.rules {
        match index.take(&rule.text, tunnel) {
            Some(at) => gone.push(at),
            None => {
                missing = true;
                complain(format_args!(
                    "{}:{}: no loaded rule is like this one",
                    sources[0].name, rule.span.line
                ));
            }
        }
    }
    let entries = take(&mut view, &gone);
    let removed = remove(&view_file, &view, &mut client, &entries);
    let cleanup = client.flush(Side::Standby, &Scope::Global);
    removed?;
    cleanup.map_err(|error| request_failure("cannot clean up", &error, Failure::Failed))?;
    if missing { Err(Failure::Failed) } else { Ok(()) }
}

/// Positions of entries by the words of their rules, each list in the order of the view.
struct Index<'a> {
    view: &'a View,
    positions: HashMap<Vec<Vec<u8>>, std::collections::VecDeque<usize>>,
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
    let mut taken: HashMap<usize, Entry> = HashMap::new();
    let mut wanted: Vec<bool> = vec![false; view.items.len()];
    for &at in positions {
        wanted[at] = true;
    }
    let items = std::mem::take(&mut view.items);
    for (at, item) in items.into_iter().enumerate() {
        match item {
            Item::Entry(entry) if wanted[at] => {
                taken.insert(at, entry);
            }
            item => view.items.push(item),
        }
    }
    positions.iter().filter_map(|at| taken.remove(at)).collect()
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
    file.prepare(view)?;
    let scopes: Vec<Scope> = entries
        .iter()
        .map(|entry| entry.head.clone().map_or(Scope::Global, Scope::Tunnel))
        .collect();
    let rules = scopes.iter().zip(entries).map(|(scope, entry)| (scope, entry.index));
    let mut trouble = false;
    let result = client.delete_all(Side::Active, rules, |position, outcome| {
        match outcome {
            Ok(()) => delete::report_rest(&entries[position]),
            Err(refusal) => {
                trouble = true;
                complain(format_args!("cannot delete rule {}: {refusal}", entries[position].index));
            }
        }
        true
    });
    if let Err(error) = result {
        return Err(request_failure("cannot delete", &error, Failure::Failed));
    }
    if trouble {
        // The announced view is brought in line with what is really left.
        file.reconcile(client)?;
        return Err(Failure::Failed);
    }
    file.commit()?;
    let tunnels = entries.iter().filter_map(|entry| entry.head.clone()).collect();
    delete::report_open_tunnels(client, tunnels)
}
