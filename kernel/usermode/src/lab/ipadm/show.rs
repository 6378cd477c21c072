// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipadm show-addr`.

use std::io;

use clap::{Arg, ArgAction, ArgMatches, Command};
use illumos_ipsec::cli::ofmt::{Cell, Column, DEFAULT_ROWS, Layout, Listing, select};
use serde_json::{Value, json};

use super::IpadmError;
use crate::lab::control::Control;

const COLUMNS: &[Column] = &[
    Column::new("ADDROBJ", 18),
    Column::new("TYPE", 9),
    Column::new("STATE", 13),
    Column::new("ADDR", 46),
];

pub(super) fn command() -> Command {
    Command::new("show-addr")
        .arg(Arg::new("parsable").short('p').action(ArgAction::SetTrue))
        .arg(Arg::new("output").short('o'))
        .arg(Arg::new("object"))
}

pub(super) fn run(args: &ArgMatches) -> Result<(), IpadmError> {
    let layout = if args.get_flag("parsable") { Layout::Parsable } else { Layout::Human };
    let list = args.get_one::<String>("output").map(String::as_str);
    let chosen = select(COLUMNS, COLUMNS.len(), list, layout)?;
    let answer = Control::connect(None)?.ask(&json!({ "op": "addresses" }))?;
    let wanted = args.get_one::<String>("object");
    let mut found = wanted.is_none();
    let mut listing = Listing::new(chosen.columns, layout, DEFAULT_ROWS);
    let mut out = io::stdout().lock();
    for object in answer.as_array().into_iter().flatten() {
        let name = field(object, "name");
        if wanted.is_some_and(|wanted| !selects(wanted, name)) {
            continue;
        }
        found = true;
        let row = [
            name.into(),
            field(object, "type").into(),
            field(object, "state").into(),
            Cell::from(address(object)),
        ];
        let cells: Vec<Cell> = chosen.numbers.iter().map(|at| row[*at].clone()).collect();
        if listing.row(&mut out, &cells).is_err() {
            // The reader has gone.
            return Ok(());
        }
    }
    match wanted {
        Some(wanted) if !found => Err(IpadmError::NoObject(wanted.clone())),
        _ => Ok(()),
    }
}

/// `LINK/` stands for all objects of a link.
fn selects(wanted: &str, name: &str) -> bool {
    wanted == name || wanted.ends_with('/') && name.starts_with(wanted)
}

fn address(object: &Value) -> String {
    let local = field(object, "local");
    match (object.get("remote").and_then(Value::as_str), object.get("prefix")) {
        (Some(remote), _) => format!("{local}->{remote}"),
        (None, Some(Value::Number(prefix))) => format!("{local}/{prefix}"),
        _ => local.to_owned(),
    }
}

fn field<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
