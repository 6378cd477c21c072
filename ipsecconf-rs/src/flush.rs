// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-f` and `-F`: removing rules.

use std::collections::BTreeSet;

use illumos_ipsec::model::{Namespace, Side};
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::sys::signals::SignalsBlocked;

use crate::context::Context;
use crate::exit::{Failure, scope_failure};
use crate::open_tunnels;
use crate::prose;
use crate::view::covers;
use crate::view_file::ViewFile;

/// `-N '*'`: removes the rules of all owners, one after the other. That one of them cannot
/// be helped is no reason to leave those of the next ones.
pub(crate) fn run_for_all(context: &Context, scope: &Scope) -> Result<(), Failure> {
    let mut client = context.open(Failure::Failed)?;
    let rules = client
        .all_rules(Side::Active, scope)
        .map_err(|error| scope_failure("look at", scope, &error))?;
    let mut owners: BTreeSet<Option<Namespace>> =
        rules.into_iter().map(|rule| rule.namespace).collect();
    owners.insert(None);
    let mut outcome = Ok(());
    for owner in owners {
        let context = context.for_owner(owner);
        let flushed = context.lock().and_then(|_lock| run(&context, scope));
        outcome = outcome.and(flushed);
    }
    outcome
}

pub(crate) fn run(context: &Context, scope: &Scope) -> Result<(), Failure> {
    prose::banner(context);
    let mut client = context.open(Failure::Failed)?;
    let _signals = SignalsBlocked::new();
    let file = ViewFile::new(context);
    file.repair(&mut client)?;
    let mut view = file.read()?;
    let tunnels = open_tunnels::protected(&mut client, scope)
        .map_err(|error| scope_failure("look at", scope, &error))?;
    if let Some(view) = &mut view {
        view.take(|head| covers(scope, head));
        file.prepare(view)?;
    }
    if let Err(error) = client.flush(Side::Active, scope) {
        // Without an answer nobody knows whether it happened: the next command finds out.
        if error.refusal().is_some() {
            file.abandon();
        }
        return Err(scope_failure("flush", scope, &error));
    }
    // Others may have rules for them.
    let left = open_tunnels::protected(&mut client, scope)
        .map_err(|error| scope_failure("look at", scope, &error))?;
    open_tunnels::warn(&tunnels.difference(&left).cloned().collect());
    if view.is_some() { file.commit() } else { Ok(()) }
}
