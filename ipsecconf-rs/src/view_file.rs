// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the view is kept, and how it survives a crash.
//!
//! The kernel and the file cannot change in one step. So a command first puts the
//! view as it will be into a second file, then changes the kernel, then renames the
//! second file over the first. If the second file is found later, a command died in
//! between: the next one asks the kernel which of the entries in either file are in
//! force and keeps those.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use bstr::ByteSlice;
use illumos_ipsec::cli::plain;
use illumos_ipsec::model::{Namespace, Side};
use illumos_ipsec::sys::files;
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};

use crate::context::Context;
use crate::exit::{Failure, complain};
use crate::owner;
use crate::view::{Entry, Head, Item, Origin, View, escape};

const MODE: u32 = 0o644;

/// The two files.
pub(crate) struct ViewFile {
    view: PathBuf,
    pending: PathBuf,
}

impl ViewFile {
    pub(crate) fn new(context: &Context) -> Self {
        let view = owner::file(&context.system, context.who.namespace(), owner::VIEW);
        let pending = owner::file(&context.system, context.who.namespace(), owner::PENDING);
        Self { view, pending }
    }

    /// Reads the view; none if there is no file.
    pub(crate) fn read(&self) -> Result<Option<View>, Failure> {
        match fs::read(&self.view) {
            Ok(text) => Ok(Some(View::parse(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure("read", &error)),
        }
    }

    /// Where the rules in force came from, if listings say so.
    pub(crate) fn origins(&self) -> Result<Origins, Failure> {
        let text = self.text()?;
        // Most views have none, and need not be looked at more closely.
        let some = text.starts_with(b"#SOURCE") || text.contains_str("\n#SOURCE");
        Ok(if some { Origins::new(View::parse(&text)) } else { Origins::default() })
    }

    /// The view, if any of it came from this source; without a source, in any case.
    pub(crate) fn mentioning(&self, source: Option<&str>) -> Result<View, Failure> {
        let text = self.text()?;
        let needed = source.is_none_or(|source| text.contains_str(escape(source.as_bytes())));
        Ok(if needed { View::parse(&text) } else { View::default() })
    }

    fn text(&self) -> Result<Vec<u8>, Failure> {
        match fs::read(&self.view) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            text => text.map_err(|error| self.failure("read", &error)),
        }
    }

    /// Announces the view as it will be once the kernel has been changed.
    pub(crate) fn prepare(&self, view: &View) -> Result<(), Failure> {
        files::replace(&self.pending, &view.to_bytes(), MODE)
            .map_err(|error| self.failure("write", &error))
    }

    /// The kernel has been changed: the announced view is the view.
    pub(crate) fn commit(&self) -> Result<(), Failure> {
        fs::rename(&self.pending, &self.view).map_err(|error| self.failure("write", &error))
    }

    /// The same where there may have been no view to announce.
    pub(crate) fn commit_if_prepared(&self) -> Result<(), Failure> {
        if self.needs_repair() { self.commit() } else { Ok(()) }
    }

    /// The kernel was not changed.
    pub(crate) fn abandon(&self) {
        match fs::remove_file(&self.pending) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                complain(format_args!(
                    "cannot remove {}: {}",
                    self.pending.display(),
                    plain(&error)
                ));
            }
            _ => {}
        }
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        complain(format_args!("cannot {verb} {}: {}", self.view.display(), plain(error)));
        Failure::Failed
    }

    /// Brings the view in line with the kernel if a command died before it was done.
    pub(crate) fn repair(&self, client: &mut PolicyClient) -> Result<(), Failure> {
        if !self.needs_repair() {
            return Ok(());
        }
        self.reconcile(client)?;
        complain(format_args!(
            "an earlier ipsecconf did not finish; {} now lists what is in force",
            self.view.display()
        ));
        Ok(())
    }

    /// Makes the view list what is in force, of the entries of the view and of the
    /// announced one.
    pub(crate) fn reconcile(&self, client: &mut PolicyClient) -> Result<(), Failure> {
        let pending = fs::read(&self.pending).map_err(|error| self.failure("read", &error))?;
        let old = self.read()?.unwrap_or_default();
        let live = live_rules(client).map_err(|error| {
            complain(format_args!("cannot repair {}: {error}", self.view.display()));
            Failure::Failed
        })?;
        let view = merge(old, View::parse(&pending), &live);
        self.prepare(&view)?;
        self.commit()
    }

    fn needs_repair(&self) -> bool {
        self.pending.exists()
    }
}

/// Where the rules of the kernel came from.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// For each head, by their first index, ranges of rules.
    ranges: HashMap<Head, BTreeMap<u64, (u64, Origin)>>,
}

impl Origins {
    fn new(view: View) -> Self {
        let mut origins = Self::default();
        for item in view.items {
            let Item::Entry(Entry { head, rules, origin: Some(origin), .. }) = item else {
                continue;
            };
            if !origin.shown {
                continue;
            }
            let ranges = origins.ranges.entry(head).or_default();
            for (first, last) in rules {
                ranges.insert(first, (last, origin.clone()));
            }
        }
        origins
    }

    /// Where a rule came from.
    pub(crate) fn of(&self, head: &Head, index: u64) -> Option<&Origin> {
        let (_, (last, origin)) = self.ranges.get(head)?.range(..=index).next_back()?;
        (index <= *last).then_some(origin)
    }
}

/// Shows the views of all owners, each entry of one with a name behind a line that says
/// whose it is. That one of them cannot be shown is no reason to hide the others.
pub(crate) fn show_all(context: &Context) -> Result<(), Failure> {
    let mut shown = Vec::new();
    let mut outcome = Ok(());
    let mut view_of = |owner: Option<Namespace>| {
        let context = context.for_owner(owner);
        // What looks unfinished may be at work, unless its lock is ours. No two locks are held
        // at a time: who waits for one owner must not make another one wait.
        let view = context.lock().and_then(|_lock| show_one(&context));
        view.unwrap_or_else(|failure| {
            outcome = outcome.and(Err(failure));
            Vec::new()
        })
    };
    shown.extend(view_of(None));
    for namespace in owner::with_view(&context.system) {
        let owner = format!("#NAMESPACE {namespace}\n").into_bytes();
        let view = view_of(Some(namespace));
        let mut in_head = false;
        for line in view.split_inclusive(|&b| b == b'\n') {
            let (source, index) = (line.starts_with(b"#SOURCE"), line.starts_with(b"#INDEX"));
            if (source || index) && !in_head {
                shown.extend_from_slice(&owner);
            }
            in_head = source;
            shown.extend_from_slice(line);
        }
    }
    write_out(&shown)?;
    outcome
}

/// Shows the view.
pub(crate) fn show(context: &Context) -> Result<(), Failure> {
    write_out(&show_one(context)?)
}

fn show_one(context: &Context) -> Result<Vec<u8>, Failure> {
    let file = ViewFile::new(context);
    if file.needs_repair() {
        // Without access to the kernel the older view is all there is to show.
        let repaired =
            context.open(Failure::Failed).and_then(|mut client| file.repair(&mut client));
        if repaired.is_err() {
            complain("an earlier ipsecconf did not finish; what follows may be out of date");
        }
    }
    let text = match fs::read(&file.view) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(file.failure("read", &error)),
    };
    let mut shown = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|&b| b == b'\n').filter(|line| !line.starts_with(b";")) {
        shown.extend_from_slice(line);
    }
    if shown.last().is_some_and(|&b| b != b'\n') {
        shown.push(b'\n');
    }
    Ok(shown)
}

/// Writes data to standard output. A reader that has seen enough is no failure.
pub(crate) fn write_out(data: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(data).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(format_args!("cannot write to standard output: {}", plain(&error)));
            Err(Failure::Failed)
        }
        _ => Ok(()),
    }
}

/// The indices in force, by head.
fn live_rules(client: &mut PolicyClient) -> Result<HashMap<Head, BTreeSet<u64>>, PolicyError> {
    let mut live: HashMap<Head, BTreeSet<u64>> = HashMap::new();
    // A record that cannot be read cannot belong to one of our entries.
    for rule in client.rules(Side::Active, &Scope::All)? {
        live.entry(rule.tunnel).or_default().insert(rule.index);
    }
    Ok(live)
}

/// The entries of both views that are in force: those of the older one, then what the
/// newer one adds; each with those of its rules that are.
fn merge(old: View, new: View, live: &HashMap<Head, BTreeSet<u64>>) -> View {
    let mut seen = HashSet::new();
    let mut merged = View::default();
    for item in old.items.into_iter().chain(new.items) {
        if let Item::Entry(mut entry) = item
            && let Some(in_force) = live.get(&entry.head)
            && in_force.contains(&entry.index)
            && seen.insert((entry.head.clone(), entry.index))
        {
            entry.keep_rules(in_force);
            merged.items.push(Item::Entry(entry));
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(indices: &[u64]) -> View {
        let entry = |&index| {
            Item::Entry(Entry {
                head: None,
                index,
                rules: vec![],
                text: (*b"{ } drop { }\n").into(),
                origin: None,
            })
        };
        View { items: indices.iter().map(entry).collect() }
    }

    #[test]
    fn a_merged_view_has_what_is_in_force_once() {
        let live = HashMap::from([(None, BTreeSet::from([2, 4, 6]))]);
        assert_eq!(merge(view(&[2, 3]), view(&[2, 4, 5]), &live), view(&[2, 4]));
        assert_eq!(merge(view(&[6]), View::default(), &live), view(&[6]));
    }
}
