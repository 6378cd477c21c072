// SPDX-License-Identifier: MIT OR Apache-2.0

//! `modify-iptun`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::sys::links::LinkStatus;

use crate::addresses::Addresses;
use crate::altroot;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::{POLICY, POLICY_FILE, TUNNEL_OPTIONS, of_a_sibling, tunnel_operand};
use crate::policy::{self, Wanted};

const OPTIONS: Options = Options { flags: "t", values: "Ra", long: TUNNEL_OPTIONS };

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let (mut temporary, mut root, mut other_type) = (false, None, false);
    let mut addresses = Addresses::default();
    let mut wanted = None;
    for (letter, value) in &scanned.options {
        match letter {
            't' => temporary = true,
            'R' => root = Some(value),
            'a' => addresses.take(value)?,
            &POLICY => Wanted::Text(value.clone()).take(&mut wanted)?,
            &POLICY_FILE => Wanted::File(value.clone()).take(&mut wanted)?,
            // In its long form it is recognised; a tunnel cannot change its type.
            'T' => other_type = true,
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    let name = tunnel_operand(&scanned)?;
    if let Some(root) = root {
        wanted.iter().try_for_each(Wanted::can_be_recorded)?;
        return altroot::record(context, root, &scanned);
    }
    let failed = "could not modify tunnel";
    if other_type {
        return Err(Failure::because(failed, LinkStatus::BadArgument));
    }
    let Addresses { local, remote } = addresses;
    if let Some(wanted) = wanted {
        let addresses = (local.as_deref(), remote.as_deref());
        let changed = policy::modify(context, name.as_bytes(), addresses, temporary, &wanted);
        return changed.map_err(|failure| failure.about(name));
    }
    policy::repair(context)?;
    context
        .tunnels(|tunnels| {
            tunnels.modify(name.as_bytes(), local.as_deref(), remote.as_deref(), temporary)
        })
        .map_err(|error| Failure::because(failed, error).about(name))
}
