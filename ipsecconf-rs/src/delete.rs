// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-d`: removing one rule of the kernel by its index.

use std::io::{self, BufWriter};

use illumos_ipsec::model::Side;
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::wire::errno::Errno;

use crate::context::Context;
use crate::exit::{Failure, complain, complain_to, no_policy, request_failure, scope_failure};
use crate::open_tunnels;
use crate::prose;
use crate::view::{Entry, Item, View, covers, index_line};
use crate::view_file::ViewFile;

pub(crate) fn run(context: &Context, scope: Scope, index: i32) -> Result<(), Failure> {
    prose::banner(context);
    // Index 0 asks the kernel for a removal by selectors, which succeeds without effect.
    if index == 0 {
        complain("no rule has the index 0");
        return Err(Failure::Failed);
    }
    let mut client = context.open(Failure::Failed)?;
    let _signals = SignalsBlocked::new();
    let file = ViewFile::new(context);
    file.repair(&mut client)?;
    let result = delete(&file, &mut client, &scope, index);
    // Whatever happened, nothing is left half prepared on the standby side.
    let cleanup = client.flush(Side::Standby, &scope);
    result?;
    cleanup.map_err(|error| request_failure("cannot clean up", &error, Failure::Failed))
}

fn delete(
    file: &ViewFile,
    client: &mut PolicyClient,
    scope: &Scope,
    index: i32,
) -> Result<(), Failure> {
    let Some(mut view) = file.read()? else {
        complain("there is no record of loaded policy");
        return Err(Failure::Failed);
    };
    let shown = index;
    // The kernel's counter never reaches the numbers a negative index turns into.
    let index = i64::from(index) as u64;
    let entry = take_entry(&mut view, scope, index)?;
    file.prepare(&view)?;
    if let Err(error) = client.delete(Side::Active, scope, index) {
        complain(not_deleted(scope, shown, &error));
        match error.refusal().map(|refusal| refusal.errno) {
            // The kernel has no such rule, so the view must not list it either.
            Some(Errno::ESRCH | Errno::ENOENT) => file.commit()?,
            Some(_) => file.abandon(),
            // Without an answer nobody knows: the next command finds out.
            None => {}
        }
        return Err(Failure::Failed);
    }
    file.commit()?;
    report_rest(entry.iter().map(|entry| (index, entry)));
    let left = open_tunnels::protected(client, scope)
        .map_err(|error| scope_failure("look at", scope, &error))?;
    let tunnel = match scope {
        Scope::Tunnel(name) => Some(name.clone()).filter(|name| !left.contains(name)),
        Scope::Global | Scope::All => None,
    };
    open_tunnels::warn(&tunnel.into_iter().collect());
    Ok(())
}

/// Takes the entry whose last kernel rule this is out of the view. An entry of which it is
/// another rule stays, and forgets it. In both cases the entry is what comes back.
fn take_entry(view: &mut View, scope: &Scope, index: u64) -> Result<Option<Entry>, Failure> {
    for at in 0..view.items.len() {
        match &mut view.items[at] {
            Item::Entry(entry) if !covers(scope, &entry.head) => {}
            Item::Entry(entry) if entry.index == index => {
                return match view.items.remove(at) {
                    Item::Entry(entry) => Ok(Some(entry)),
                    Item::Other(_) => Ok(None),
                };
            }
            Item::Entry(entry) if entry.has_rule(index) => {
                entry.forget_rule(index);
                return Ok(Some(entry.clone()));
            }
            Item::Entry(_) => {}
            Item::Other(lines) => {
                if lines.split(|&b| b == b'\n').any(|line| index_line(line) == Some(Err(()))) {
                    complain("the record of loaded policy has an index that is no number");
                    return Err(Failure::Failed);
                }
            }
        }
    }
    Ok(None)
}

fn not_deleted(scope: &Scope, index: i32, error: &PolicyError) -> String {
    let of_tunnel = match scope {
        Scope::Tunnel(name) => format!(" of tunnel {name}"),
        Scope::Global | Scope::All => String::new(),
    };
    match (error.refusal().map(|refusal| refusal.errno), scope) {
        (Some(Errno::ESRCH), _) => format!("there is no rule {index}{of_tunnel}"),
        (Some(Errno::ENOENT), Scope::Tunnel(name)) => no_policy(name),
        _ => format!("cannot delete rule {index}{of_tunnel}: {error}"),
    }
}

/// One rule of a file is several in the kernel; says which others stay where one is gone.
pub(crate) fn report_rest<'a>(gone: impl Iterator<Item = (u64, &'a Entry)>) {
    // There may be a line for each of many rules: not a system call for each of them.
    let mut stderr = BufWriter::new(io::stderr());
    for (index, entry) in gone {
        let others = entry.rules_beside(index);
        if !others.is_empty() {
            let tunnel = entry.head.as_ref().map(|name| format!(" of tunnel {name}"));
            let message = format_args!(
                "rule {index}{} is gone; of the same policy entry these stay in force: {others}",
                tunnel.unwrap_or_default()
            );
            complain_to(&mut stderr, message);
        }
    }
}
