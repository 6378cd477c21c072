// SPDX-License-Identifier: MIT OR Apache-2.0

//! `show-link`.
//!
//! Where there are links of other classes and the system has a dladm of its own, that
//! one shows them: it knows what they lie on.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::cli::ofmt::{Cell, Column, Layout};
use illumos_ipsec::model::{LINK_NAME_MAX, LinkClass, LinkId, LinkTopology};
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dlmgmt::{LinkFlags, LinkInfo};

use crate::context::Context;
use crate::failure::Failure;
use crate::handover;
use crate::listing::Table;
use crate::options::{LINK_OPTIONS, of_a_sibling, text};
use crate::statistics;

const OPTIONS: Options = Options { flags: "pPs", values: "oi", long: LINK_OPTIONS };

const COLUMNS: &[Column] = &[
    Column::new("LINK", 12),
    Column::new("CLASS", 10),
    Column::new("MTU", 7),
    Column::new("STATE", 9),
    Column::new("BRIDGE", 11),
    Column::new("OVER", 30),
];

/// Columns of stored links without a list.
const STORED: &str = "link,class,bridge,over";

/// What was asked for.
#[derive(Default)]
struct Request {
    parsable: bool,
    stored: bool,
    statistics: bool,
    interval: Option<u32>,
    list: Option<String>,
}

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let mut request = Request::default();
    for (letter, value) in &scanned.options {
        request.take(*letter, value, context.name)?;
    }
    error.map_or(Ok(()), Err)?;
    if request.interval.is_some() && !request.statistics {
        return Err(Failure::message("the option -i can be used only with -s"));
    }
    if request.statistics && request.stored {
        return Err(Failure::message("the option -P cannot be used with -s"));
    }
    let links = match scanned.operands.as_slice() {
        [] => None,
        [name] => Some(named(context, name, request.stored)?),
        _ => return Err(Failure::Usage),
    };
    if request.parsable {
        match request.list.as_deref() {
            None => return Err(Failure::message("-p requires -o")),
            Some(list) if list.eq_ignore_ascii_case("all") => {
                return Err(Failure::message("\"-o all\" is invalid with -p"));
            }
            Some(_) => {}
        }
    }
    let flags = if request.stored { LinkFlags::PERSIST } else { LinkFlags::ACTIVE };
    let is_named = links.is_some();
    let links = match links {
        Some(link) => vec![link],
        None => context.client.list(LinkClass::all(), flags).unwrap_or_default(),
    };
    if links.iter().any(|link| link.class != LinkClass::IPTUN)
        && let Some(failure) = handover::hand_over(&context.system, &context.args)
    {
        return Err(failure);
    }
    if request.statistics {
        let layout = if request.parsable { Layout::Parsable } else { Layout::Human };
        return statistics::show(
            context,
            &links,
            request.list.as_deref(),
            layout,
            request.interval,
        );
    }
    show(context, &request, &links, is_named)
}

impl Request {
    fn take(&mut self, letter: char, value: &OsStr, name: &'static str) -> Result<(), Failure> {
        let again =
            || Failure::message(format!("the option -{letter} cannot be specified more than once"));
        let set = |flag: &mut bool| {
            let before = std::mem::replace(flag, true);
            if before { Err(again()) } else { Ok(()) }
        };
        match letter {
            'p' => set(&mut self.parsable),
            'P' => set(&mut self.stored),
            's' => set(&mut self.statistics),
            'i' => {
                let text = text(value);
                let interval = text.parse().ok().filter(|interval| *interval > 0);
                let interval = interval.ok_or_else(|| {
                    Failure::message(format!("invalid interval value '{text}' (expected seconds)"))
                })?;
                if self.interval.replace(interval).is_some() { Err(again()) } else { Ok(()) }
            }
            'o' => {
                self.list = Some(text(value));
                Ok(())
            }
            letter => Err(of_a_sibling(letter, name)),
        }
    }
}

/// The link that an operand names; it has to exist where links are looked for.
fn named(context: &mut Context, name: &OsStr, stored: bool) -> Result<LinkInfo, Failure> {
    if name.as_bytes().len() > LINK_NAME_MAX {
        let text = format!("link name too long (at most {LINK_NAME_MAX} characters)");
        return Err(Failure::message(text));
    }
    let shown = name.to_string_lossy();
    let link = context
        .client
        .find(name.as_bytes())
        .map_err(|status| Failure::because(&format!("link {shown} is not valid"), status))?;
    let (needed, otherwise) = if stored {
        (LinkFlags::PERSIST, "is a temporary link")
    } else {
        (LinkFlags::ACTIVE, "is temporarily removed")
    };
    if link.flags.contains(needed) {
        return Ok(link);
    }
    Err(Failure::because(&format!("link {shown} {otherwise}"), LinkStatus::BadArgument))
}

fn show(
    context: &mut Context,
    request: &Request,
    links: &[LinkInfo],
    is_named: bool,
) -> Result<(), Failure> {
    let layout = if request.parsable { Layout::Parsable } else { Layout::Wrapped };
    let all = request.list.as_deref().is_none_or(|list| list.eq_ignore_ascii_case("all"));
    let list = if all && request.stored { Some(STORED) } else { request.list.as_deref() };
    let mut table = Table::new(COLUMNS, COLUMNS.len(), list, layout)?;
    for link in links {
        match row(context, link, request.stored) {
            Ok(cells) => table.row(&cells)?,
            Err(status) if is_named => {
                return Err(Failure::because("cannot show link properties", status));
            }
            // A link that has just gone is not there.
            Err(_) => {}
        }
    }
    Ok(())
}

fn row(context: &mut Context, link: &LinkInfo, stored: bool) -> Result<Vec<Cell>, LinkStatus> {
    let name = context.client.name(link.link)?.name;
    let (mtu, state) = if stored {
        (Cell::Empty, Cell::Empty)
    } else {
        let mtu = context.client.mtu(link.link)?;
        let state = context.client.statistics(&name);
        (mtu.to_string().into(), state.map_or(Cell::Unknown, |known| known.state.word().into()))
    };
    let (bridge, over) = match link.class {
        LinkClass::IPTUN => (Cell::Empty, Cell::Empty),
        class => match context.client.topology(link.link) {
            Ok(topology) => (bridge(class, &topology), over(context, &topology)),
            Err(_) => (Cell::Unknown, Cell::Unknown),
        },
    };
    Ok(vec![name.into(), link.class.word().into(), mtu, state, bridge, over])
}

/// Only these can be ports of a bridge.
fn bridge(class: LinkClass, topology: &LinkTopology) -> Cell {
    let ports = LinkClass::PHYS | LinkClass::AGGR | LinkClass::ETHERSTUB;
    Cell::from(topology.bridge.clone().filter(|_| ports.contains(class)))
}

fn over(context: &mut Context, topology: &LinkTopology) -> Cell {
    let mut names = Vec::new();
    for link in &topology.over {
        match name_of(context, *link) {
            Some(name) => names.push(name),
            None => return Cell::Unknown,
        }
    }
    names.join(&b","[..]).into()
}

fn name_of(context: &mut Context, link: LinkId) -> Option<Vec<u8>> {
    context.client.name(link).ok().map(|info| info.name)
}
