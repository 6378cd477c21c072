// SPDX-License-Identifier: MIT OR Apache-2.0

//! `create-iptun`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::model::TunnelType;
use illumos_ipsec::tunnels::Tunnel;

use crate::addresses::Addresses;
use crate::altroot;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::{POLICY, POLICY_FILE, TUNNEL_OPTIONS, of_a_sibling, tunnel_operand};
use crate::policy::{self, Wanted};

const OPTIONS: Options = Options { flags: "tS", values: "RTa", long: TUNNEL_OPTIONS };

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let (mut temporary, mut secure, mut root, mut kind) = (false, false, None, None);
    let mut addresses = Addresses::default();
    let mut wanted = None;
    for (letter, value) in &scanned.options {
        match letter {
            't' => temporary = true,
            'S' => secure = true,
            'R' => root = Some(value),
            'T' => kind = Some(tunnel_type(value)?),
            'a' => addresses.take(value)?,
            &POLICY => Wanted::Text(value.clone()).take(&mut wanted)?,
            &POLICY_FILE => Wanted::File(value.clone()).take(&mut wanted)?,
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    let name = tunnel_operand(&scanned)?;
    if let Some(root) = root {
        wanted.iter().try_for_each(Wanted::can_be_recorded)?;
        return altroot::record(context, root, &scanned);
    }
    let Addresses { local, remote } = addresses;
    let tunnel = Tunnel { name: name.as_bytes().to_vec(), kind, local, remote, secure };
    if let Some(wanted) = wanted {
        let made = policy::create(context, &tunnel, temporary, &wanted);
        return made.map_err(|failure| failure.about(name));
    }
    policy::repair(context)?;
    context
        .tunnels(|tunnels| tunnels.create(&tunnel, temporary))
        .map(drop)
        .map_err(|error| Failure::because("could not create tunnel", error).about(name))
}

/// Whatever begins with the word of a type stands for it, as it always has.
fn tunnel_type(value: &OsStr) -> Result<TunnelType, Failure> {
    let kind = TunnelType::ALL
        .into_iter()
        .find(|kind| value.as_bytes().starts_with(kind.word().as_bytes()));
    kind.ok_or_else(|| {
        let value = value.to_string_lossy();
        Failure::message(format!("unknown tunnel type: {value} (expected ipv4, ipv6 or 6to4)"))
    })
}
