// SPDX-License-Identifier: MIT OR Apache-2.0

//! What loads of others have on the standby side.
//!
//! The kernel lets nobody add a rule for traffic for which somebody else has one on the same
//! side. On the standby side such a rule is of a load that is at work, or of one that is
//! over: it died, or its owner has always left there what was in force before.

use illumos_ipsec::model::Side;
use illumos_ipsec::policy::{PolicyRule, Problem};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};

use crate::context::Context;
use crate::exit::{Failure, scope_failure};
use crate::foreign::foreign;

/// Removes what the nameless owner has left, which may be in the way of a named one. False if
/// there is nothing, or if that owner is at work: its lock says so. Of named owners that cannot
/// be told, since programs with policy of their own take no lock.
pub(crate) fn sweep(context: &Context, client: &mut PolicyClient) -> Result<bool, Failure> {
    if context.who.namespace().is_none() {
        return Ok(false);
    }
    let standby = client
        .all_rules(Side::Standby, &Scope::All)
        .map_err(|error| scope_failure("look at", &Scope::All, &error))?;
    if standby.iter().all(|rule| rule.namespace.is_some()) {
        return Ok(false);
    }
    let nameless = context.for_owner(None);
    let Some(_lock) = nameless.try_lock()? else { return Ok(false) };
    let mut client = nameless.open(Failure::Failed)?;
    client
        .flush(Side::Standby, &Scope::All)
        .map_err(|error| scope_failure("clean up", &Scope::All, &error))?;
    Ok(true)
}

/// Which rules of others these rules meet: those in force, then those that are prepared.
pub(crate) fn in_the_way(
    client: &mut PolicyClient,
    rules: &[PolicyRule],
) -> Result<Vec<Problem>, PolicyError> {
    let active = client.all_rules(Side::Active, &Scope::All)?;
    let standby = client.all_rules(Side::Standby, &Scope::All)?;
    let mut problems = foreign(rules, client.namespace(), &active);
    let prepared = foreign(rules, client.namespace(), &standby).into_iter().map(|problem| {
        let message = format!("{}, not in force", problem.message);
        Problem { message, ..problem }
            .hint("its owner is loading, or died at it: its next load, or a flush, removes it")
    });
    problems.extend(prepared);
    Ok(problems)
}
