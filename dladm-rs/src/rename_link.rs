// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rename-link`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::tunnels::Renamed;

use crate::altroot;
use crate::context::Context;
use crate::failure::{Failure, warn};
use crate::handover;
use crate::options::{RENAME_OPTIONS, of_a_sibling};
use crate::policy;

const OPTIONS: Options = Options { flags: "", values: "R", long: RENAME_OPTIONS };

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let mut root = None;
    for (letter, value) in &scanned.options {
        match letter {
            'R' => root = Some(value),
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    let [old, new] = scanned.operands.as_slice() else { return Err(Failure::Usage) };
    if let Some(root) = root {
        return altroot::record(context, root, &scanned);
    }
    let link = context.client.find(old.as_bytes());
    if link.is_ok_and(|link| link.class != LinkClass::IPTUN) {
        return Err(handover::other_link(&context.system, &context.args, old));
    }
    policy::repair(context)?;
    policy::rename(context, old.as_bytes(), new.as_bytes(), |context| rename(context, old, new))
        .map_err(|failure| failure.about(old))
}

/// Renames the link alone.
fn rename(context: &mut Context, old: &OsStr, new: &OsStr) -> Result<(), Failure> {
    let renamed = context.tunnels(|tunnels| tunnels.rename(old.as_bytes(), new.as_bytes()));
    match renamed {
        Ok(Renamed::Clean) => Ok(()),
        Ok(Renamed::PolicyUnderOldName) => {
            let (old, new) = (old.to_string_lossy(), new.to_string_lossy());
            warn(format_args!(
                "IPsec policy is kept under the name {old}; load policy for {new}, which has none \
                 of its own yet"
            ));
            Ok(())
        }
        Err(error) => {
            let failure = Failure::because("rename operation failed", &error);
            // The one thing that is not obvious from the words.
            Err(match error.status() {
                LinkStatus::Busy => failure
                    .hint("an IP interface uses it, or it requires IPsec and has policy in force"),
                _ => failure,
            })
        }
    }
}
