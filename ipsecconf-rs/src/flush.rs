// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-f` and `-F`: removing rules.

use illumos_ipsec::model::Side;
use illumos_ipsec::sys::policy::Scope;
use illumos_ipsec::sys::signals::SignalsBlocked;

use crate::context::Context;
use crate::exit::{Failure, scope_failure};
use crate::open_tunnels;
use crate::prose;
use crate::view::covers;
use crate::view_file::ViewFile;

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
    open_tunnels::warn(&tunnels);
    if view.is_some() { file.commit() } else { Ok(()) }
}
