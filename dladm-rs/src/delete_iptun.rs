// SPDX-License-Identifier: MIT OR Apache-2.0

//! `delete-iptun`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::tunnels::Scope;

use crate::altroot;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::{TUNNEL_OPTIONS, of_a_sibling, tunnel_operand};
use crate::policy;

const OPTIONS: Options = Options { flags: "t", values: "R", long: TUNNEL_OPTIONS };

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let (mut scope, mut root) = (Scope::Everything, None);
    for (letter, value) in &scanned.options {
        match letter {
            't' => scope = Scope::Active,
            'R' => root = Some(value),
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    let name = tunnel_operand(&scanned)?;
    if let Some(root) = root {
        return altroot::record(context, root, &scanned);
    }
    policy::repair(context)?;
    policy::delete(context, name.as_bytes(), scope).map_err(|failure| failure.about(name))
}
