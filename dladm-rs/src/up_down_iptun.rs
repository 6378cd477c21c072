// SPDX-License-Identifier: MIT OR Apache-2.0

//! `up-iptun` and `down-iptun`, which a boot uses. They have no options: every argument
//! is an operand.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use bstr::BStr;
use illumos_ipsec::model::LINK_NAME_MAX;
use illumos_ipsec::tunnels::{Failure as TunnelFailure, TunnelError, Tunnels};

use crate::context::Context;
use crate::failure::{Failure, warn};

pub(crate) fn up(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let failed = "unable to configure IP tunnel links";
    each(context, args, failed, |t, name| t.up(name), |t| t.up_all())
}

pub(crate) fn down(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let failed = "unable to bring down IP tunnel links";
    each(context, args, failed, |t, name| t.down(name), |t| t.down_all())
}

/// One named tunnel, or all. That some of all fail is reported, but as ever no failure.
fn each(
    context: &mut Context,
    args: &[OsString],
    failed: &'static str,
    one: impl FnOnce(&mut Tunnels<'_>, &[u8]) -> Result<(), TunnelError>,
    all: impl FnOnce(&mut Tunnels<'_>) -> Result<Vec<TunnelFailure>, TunnelError>,
) -> Result<(), Failure> {
    match args {
        [name] => context
            .tunnels(|tunnels| one(tunnels, cut(name)))
            .map_err(|error| Failure::because(failed, error).about(name)),
        [] => {
            match context.tunnels(all) {
                Ok(failures) => failures.iter().for_each(|(name, error)| {
                    warn(format_args!("{}: {error}", BStr::new(name)));
                }),
                Err(error) => warn(format_args!("{failed}: {error}")),
            }
            Ok(())
        }
        _ => Err(Failure::Usage),
    }
}

/// A name is looked up by as much as a link name can have.
pub(crate) fn cut(name: &OsStr) -> &[u8] {
    let bytes = name.as_bytes();
    &bytes[..bytes.len().min(LINK_NAME_MAX)]
}
