// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-f` and `-F`: removing rules.

use std::collections::BTreeSet;

use illumos_ipsec::model::{Namespace, Side};
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::sys::signals::SignalsBlocked;

use crate::context::Context;
use crate::exit::{Failure, scope_failure};
use crate::open_tunnels;
use crate::owner;
use crate::prose;
use crate::view::covers;
use crate::view_file::ViewFile;

/// `-N '*'`: removes the rules of all owners, one after the other, also what they left on the
/// standby side. That one of them cannot be helped is no reason to leave those of the next ones.
pub(crate) fn run_for_all(context: &Context, scope: &Scope) -> Result<(), Failure> {
    let mut client = context.open(Failure::Failed)?;
    let recorded = owner::with_view(&context.system).into_iter().map(Some);
    let mut owners: BTreeSet<Option<Namespace>> = recorded.chain([None]).collect();
    for side in [Side::Active, Side::Standby] {
        let rules = client
            .all_rules(side, scope)
            .map_err(|error| scope_failure("look at", scope, &error))?;
        owners.extend(rules.into_iter().map(|rule| rule.namespace));
    }
    let mut outcome = Ok(());
    for owner in owners {
        let context = context.for_owner(owner);
        let flushed = context.lock().and_then(|_lock| flush(&context, scope, true));
        outcome = outcome.and(flushed);
    }
    outcome
}

pub(crate) fn run(context: &Context, scope: &Scope) -> Result<(), Failure> {
    // What a named owner leaves on the standby side would stand in the way of others.
    flush(context, scope, context.who.namespace().is_some())
}

fn flush(context: &Context, scope: &Scope, standby: bool) -> Result<(), Failure> {
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
    let cleanup = if standby { client.flush(Side::Standby, scope) } else { Ok(()) };
    // Others may have rules for them.
    let left = open_tunnels::protected(&mut client, scope)
        .map_err(|error| scope_failure("look at", scope, &error))?;
    open_tunnels::warn(&tunnels.difference(&left).cloned().collect());
    if view.is_some() {
        file.commit()?;
    }
    cleanup.map_err(|error| scope_failure("clean up", scope, &error))
}
