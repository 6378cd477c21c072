// SPDX-License-Identifier: MIT OR Apache-2.0

//! A tunnel and its policy as one thing.
//!
//! `--policy` and `--policy-file` give a tunnel a policy that lives as long as it does.
//! It is kept in a shard of its own, which the policy service loads at boot as well:
//!
//! ```text
//! create   shard written -> policy loaded -> tunnel made       a tunnel is never before
//! delete   tunnel gone   -> shard gone    -> policy removed    nor after its policy
//! ```
//!
//! A step that fails takes back those before it. Whoever is killed leaves a note
//! ([`journal`]), and the next command that changes tunnels finishes the work ([`repair`]).

mod create;
mod delete;
mod journal;
mod modify;
mod rename;
mod repair;
mod shard;
mod up;
mod wanted;

use std::collections::BTreeSet;

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::SourceText;
use illumos_ipsec::sys::System;
use ipsecconf_rs::tunnel_policy::{LoadedFrom, Said, TunnelPolicies, loaded_from};

use crate::failure::Failure;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use modify::modify;
pub(crate) use rename::rename;
pub(crate) use repair::repair;
pub(crate) use shard::Shard;
pub(crate) use up::{ready, unready};
pub(crate) use wanted::Wanted;

/// How messages call this program.
pub(crate) const PROGRAM: &str = "dladm";

/// What the record of loaded policy says of policy that is in no file.
const TEMPORARY: &str = "dladm -t --policy";

impl From<Said> for Failure {
    fn from(_: Said) -> Self {
        Self::Said
    }
}

/// Access to policy, after what an earlier command left undone has been done.
fn open(context: &mut crate::context::Context) -> Result<TunnelPolicies, Failure> {
    let mut policies = TunnelPolicies::open(PROGRAM)?;
    repair::finish(context, &mut policies)?;
    Ok(policies)
}

/// The name of a tunnel that can have a policy of its own.
fn name_of(name: &[u8]) -> Result<TunnelName, Failure> {
    // A shard of that name would not be read.
    if name.starts_with(b".") {
        let text = "the name of a tunnel with policy cannot begin with '.'";
        return Err(Failure::message(text));
    }
    TunnelName::new(name).map_err(|error| Failure::message(error.to_string()))
}

/// A policy as it is loaded: from its shard, or from nowhere.
fn source(tunnel: &TunnelName, shard: Option<&Shard>, text: &[u8]) -> SourceText {
    SourceText {
        name: shard.map_or_else(|| TEMPORARY.to_owned(), |shard| shard.name().to_owned()),
        text: text.to_vec(),
        tunnel: Some(tunnel.clone()),
    }
}

/// Where the policy of tunnels comes from, for a listing.
pub(crate) fn origins() -> LoadedFrom {
    // A listing says what it can.
    loaded_from(PROGRAM, None).unwrap_or_default()
}

/// Does a tunnel have policy in force that is in no file?
fn is_temporary(tunnel: &TunnelName) -> Result<bool, Failure> {
    let loaded = loaded_from(PROGRAM, Some(TEMPORARY))?;
    Ok(loaded.get(tunnel).is_some_and(|from| *from == BTreeSet::from([TEMPORARY.to_owned()])))
}

/// The file that keeps the policy of a tunnel, if there is one.
pub(crate) fn shard_of(system: &System, name: &[u8]) -> Option<Shard> {
    let shard = Shard::of(system, &name_of(name).ok()?);
    shard.exists().then_some(shard)
}

/// Is there any file for a tunnel?
pub(crate) fn has_shards(system: &System) -> bool {
    shard::any(system)
}
