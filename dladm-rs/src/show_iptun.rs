// SPDX-License-Identifier: MIT OR Apache-2.0

//! `show-iptun`.

use std::ffi::OsString;
use std::net::IpAddr;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::cli::ofmt::{Cell, Column, Layout};
use illumos_ipsec::model::{LinkClass, LinkId, TunnelName};
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::tunnels::TunnelError;
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use illumos_ipsec::wire::iptun::KparamFlags;
use ipsecconf_rs::tunnel_policy::LoadedFrom;

use crate::context::Context;
use crate::failure::Failure;
use crate::listing::Table;
use crate::options::{TUNNEL_OPTIONS, cut, of_a_sibling, text};
use crate::policy;

const OPTIONS: Options = Options { flags: "pP", values: "o", long: TUNNEL_OPTIONS };

const COLUMNS: &[Column] = &[
    Column::new("LINK", 16),
    Column::new("TYPE", 6),
    Column::new("FLAGS", 7),
    Column::new("LOCAL", 20),
    Column::new("REMOTE", 20),
    Column::new("SECURE", 7),
    Column::new("POLICY", 44),
];

/// Columns shown without a list; what came later has to be asked for.
const USUAL: usize = 5;

const FAILED: &str = "unable to obtain tunnel status";

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let (mut layout, mut stored, mut list) = (Layout::Human, false, None);
    for (letter, value) in &scanned.options {
        match letter {
            'p' => layout = Layout::Parsable,
            'P' => stored = true,
            'o' => list = Some(text(value)),
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    if scanned.operands.len() > 1 {
        return Err(Failure::UsageOf(context.name));
    }
    let mut table = Table::new(COLUMNS, USUAL, list.as_deref(), layout)?;
    // Only whoever asks for it pays for it.
    let origins = match table.shows("POLICY") && !stored {
        true => policy::origins(),
        false => LoadedFrom::new(),
    };
    let row = |context: &mut Context, link| {
        if stored { stored_row(context, link) } else { active_row(context, link, &origins) }
    };
    if let Some(name) = scanned.operands.first() {
        let cells = context
            .client
            .find(cut(name))
            .map_err(Into::into)
            .and_then(|link| match (link.class, stored) {
                (LinkClass::IPTUN, _) => row(context, link.link),
                (_, true) => Err(LinkStatus::LinkInvalid.into()),
                (_, false) => Err(LinkStatus::NotFound.into()),
            })
            .map_err(|error| Failure::because(FAILED, error).about(name))?;
        return table.row(&cells);
    }
    let flags = if stored { LinkFlags::PERSIST } else { LinkFlags::ACTIVE };
    // Without a link daemon there are no tunnels to show. Of tunnels that cannot be shown
    // only the last one counts, as ever.
    let links = context.client.list(LinkClass::IPTUN, flags).unwrap_or_default();
    let mut last = Ok(());
    for link in links {
        last = match row(context, link.link) {
            Ok(cells) => table.row(&cells),
            Err(error) => Err(Failure::because(FAILED, error)),
        };
        if matches!(last, Err(Failure::Said)) {
            break;
        }
    }
    last
}

type Row = Result<Vec<Cell>, TunnelError>;

fn active_row(context: &mut Context, link: LinkId, origins: &LoadedFrom) -> Row {
    let info = context.client.tunnel_info(link)?;
    let name = context.client.name(link)?.name;
    let has = |flag| info.flags.contains(flag);
    let flags = Flags {
        policy: has(KparamFlags::IPSECPOL),
        implicit: has(KparamFlags::IMPLICIT),
        secure: has(KparamFlags::SECURE),
    };
    let address = |address: Option<IpAddr>| Cell::from(address.map(|ip| ip.to_string()));
    let from = TunnelName::new(&name).ok().and_then(|name| origins.get(&name));
    let policy = match from {
        // What was loaded can have gone with the tunnel that had this name.
        Some(files) if flags.policy => {
            files.iter().map(String::as_str).collect::<Vec<_>>().join(",").into()
        }
        // There is some, and nobody knows from where.
        None if flags.policy => Cell::Unknown,
        _ => Cell::from(None::<String>),
    };
    Ok(vec![
        name.into(),
        info.tunnel_type().map_or(Cell::Unknown, |kind| kind.word().into()),
        flags.letters().into(),
        address(info.local_addr()),
        address(info.remote_addr()),
        flags.word().into(),
        policy,
    ])
}

/// Addresses are shown as they were typed.
fn stored_row(context: &mut Context, link: LinkId) -> Row {
    let entry = context.tunnels(|tunnels| tunnels.entry(link))?;
    let name = context.client.name(link)?.name;
    let flags = Flags { policy: false, implicit: false, secure: entry.secure };
    let shard = policy::shard_of(&context.system, &name);
    let policy = shard.map(|shard| shard.name().to_owned());
    Ok(vec![
        name.into(),
        entry.kind.word().into(),
        flags.letters().into(),
        entry.local.into(),
        entry.remote.into(),
        flags.word().into(),
        policy.into(),
    ])
}

/// The column FLAGS.
struct Flags {
    policy: bool,
    implicit: bool,
    secure: bool,
}

impl Flags {
    fn letters(&self) -> String {
        let letter = |set, letter| if set { letter } else { '-' };
        [letter(self.policy, 's'), letter(self.implicit, 'i'), letter(self.secure, 'S')]
            .iter()
            .collect()
    }

    fn word(&self) -> &'static str {
        if self.secure { "yes" } else { "no" }
    }
}
