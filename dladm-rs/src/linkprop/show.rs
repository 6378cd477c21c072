// SPDX-License-Identifier: MIT OR Apache-2.0

//! `show-linkprop`.

use std::ffi::{OsStr, OsString};

use illumos_ipsec::cli::getopt_long::Options;
use illumos_ipsec::cli::ofmt::{Cell, Column, Layout};
use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dlmgmt::{LinkFlags, LinkInfo};

use super::{PROPERTIES, Property, assignments, find, link};
use crate::context::Context;
use crate::failure::{Failure, warn};
use crate::handover;
use crate::listing::Table;
use crate::options::{PROPERTY_OPTIONS, of_a_sibling, text};

const OPTIONS: Options = Options { flags: "cP", values: "op", long: PROPERTY_OPTIONS };

const COLUMNS: &[Column] = &[
    Column::new("LINK", 13),
    Column::new("PROPERTY", 16),
    Column::new("PERM", 5),
    Column::new("VALUE", 15),
    Column::new("DEFAULT", 15),
    Column::new("POSSIBLE", 20),
];

/// How to show.
struct Request {
    layout: Layout,
    stored: bool,
}

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let (scanned, error) = context.scan(&OPTIONS, args);
    let mut request = Request { layout: Layout::Wrapped, stored: false };
    let (mut list, mut lists) = (None, Vec::new());
    for (letter, value) in &scanned.options {
        match letter {
            'c' => request.layout = Layout::Parsable,
            'P' => request.stored = true,
            'o' => list = Some(text(value)),
            'p' => lists.push(text(value)),
            letter => return Err(of_a_sibling(*letter, context.name)),
        }
    }
    error.map_or(Ok(()), Err)?;
    let wanted = assignments(&lists)?;
    let links = match scanned.operands.as_slice() {
        [] => {
            let all = LinkClass::all();
            context.client.list(all, LinkFlags::ACTIVE).unwrap_or_default()
        }
        [name] => vec![link(context, name)?],
        _ => return Err(Failure::Usage),
    };
    // The kernel has many properties of any link, which the system's dladm knows.
    let theirs = wanted.is_empty() || wanted.iter().any(|(property, _)| find(property).is_none());
    let other = links.iter().any(|link| link.class != LinkClass::IPTUN);
    if (theirs || other)
        && let Some(failure) = handover::hand_over(&context.system, &context.args)
    {
        return Err(failure);
    }
    if let ([name], [link]) = (scanned.operands.as_slice(), links.as_slice())
        && link.class != LinkClass::IPTUN
    {
        return Err(handover::other_link(&context.system, &context.args, OsStr::new(name)));
    }
    let mut table = Table::new(COLUMNS, COLUMNS.len(), list.as_deref(), request.layout)?;
    let mut outcome = Ok(());
    for link in links.iter().filter(|link| link.class == LinkClass::IPTUN) {
        let shown = show(context, &mut table, &request, link, &wanted)?;
        if !shown {
            outcome = Err(Failure::Said);
        }
    }
    outcome
}

/// Shows properties of one link; `false` if one of them could not be.
fn show(
    context: &mut Context,
    table: &mut Table,
    request: &Request,
    link: &LinkInfo,
    wanted: &[super::Assignment],
) -> Result<bool, Failure> {
    let Ok(info) = context.client.name(link.link) else { return Ok(true) };
    let name = String::from_utf8_lossy(&info.name).into_owned();
    let mut all_shown = true;
    let properties: Vec<Result<&Property, &str>> = if wanted.is_empty() {
        PROPERTIES.iter().map(Ok).collect()
    } else {
        wanted.iter().map(|(name, _)| find(name).ok_or(name.as_str())).collect()
    };
    for property in properties {
        let property = match property {
            Ok(property) => property,
            Err(unknown) => {
                warn(format_args!("invalid link property '{unknown}'"));
                all_shown = false;
                continue;
            }
        };
        match row(context, table, request, link, &name, property) {
            Ok(cells) => table.row(&cells)?,
            // Not every type of tunnel has every property.
            Err(_) if wanted.is_empty() => {}
            Err(status) => {
                let unknown = Cell::Unknown;
                let mut cells = vec![Cell::from(name.as_str()), property.name.into()];
                cells.resize(COLUMNS.len(), unknown);
                table.row(&cells)?;
                warn(format_args!(
                    "cannot get link property '{}' for {name}: {status}",
                    property.name
                ));
                all_shown = false;
            }
        }
    }
    Ok(all_shown)
}

fn row(
    context: &mut Context,
    table: &Table,
    request: &Request,
    link: &LinkInfo,
    name: &str,
    property: &Property,
) -> Result<Vec<Cell>, LinkStatus> {
    let head = |permission: &str| vec![name.into(), property.name.into(), permission.into()];
    if property.number.is_none() {
        let state = context.client.statistics(name.as_bytes());
        let state = state.map_or(Cell::Unknown, |known| known.state.word().into());
        let value = if request.stored { Cell::Empty } else { state };
        let possible = ["up,down ", "up,down"][usize::from(request.layout == Layout::Parsable)];
        return Ok([head("r-"), vec![value, "up".into(), possible.into()]].concat());
    }
    let value = if request.stored {
        stored(context, link, property)
    } else {
        property.current(context, link.link)?.to_string().into()
    };
    let default = property.default(context, link.link)?.to_string().into();
    let possible = match table.shows("POSSIBLE") {
        true => property.possible(context, link.link)?,
        false => return Ok([head("rw"), vec![value, default, Cell::Empty]].concat()),
    };
    // A list of ranges; each is followed by a blank where people read it.
    let end = if request.layout == Layout::Parsable { "" } else { " " };
    let possible = format!("{}-{}{end}", possible.min, possible.max).into();
    Ok([head("rw"), vec![value, default, possible]].concat())
}

fn stored(context: &mut Context, link: &LinkInfo, property: &Property) -> Cell {
    let attrs = context.client.stored(link.link).unwrap_or_default();
    let found = attrs.into_iter().find(|(name, _)| name == property.name.as_bytes());
    Cell::from(found.map(|(_, value)| value.strip_suffix(&[0]).unwrap_or(&value).to_vec()))
}
