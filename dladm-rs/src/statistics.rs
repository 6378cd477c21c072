// SPDX-License-Identifier: MIT OR Apache-2.0

//! `show-link -s`.

use illumos_ipsec::cli::ofmt::{Cell, Column, Layout};
use illumos_ipsec::model::LinkCounters;
use illumos_ipsec::wire::dlmgmt::LinkInfo;
use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};

use crate::context::Context;
use crate::failure::Failure;
use crate::listing::Table;

const COLUMNS: &[Column] = &[
    Column::new("LINK", 15),
    Column::new("IPACKETS", 10),
    Column::new("RBYTES", 8),
    Column::new("IERRORS", 10),
    Column::new("OPACKETS", 12),
    Column::new("OBYTES", 12),
    Column::new("OERRORS", 8),
];

/// Shows the counters of links once, or those of the first link again and again.
pub(crate) fn show(
    context: &mut Context,
    links: &[LinkInfo],
    list: Option<&str>,
    layout: Layout,
    interval: Option<u32>,
) -> Result<(), Failure> {
    let mut table = Table::new(COLUMNS, COLUMNS.len(), list, layout)?;
    let Some(seconds) = interval else {
        for link in links {
            if let Some((name, counters)) = counters(context, link) {
                table.row(&row(name, counters))?;
            }
        }
        return Ok(());
    };
    let Some(first) = links.first() else { return Ok(()) };
    let mut before = LinkCounters::default();
    while let Some((name, now)) = counters(context, first) {
        table.row(&row(name, since(before, now)))?;
        before = now;
        pause(seconds);
    }
    Ok(())
}

fn counters(context: &mut Context, link: &LinkInfo) -> Option<(Vec<u8>, LinkCounters)> {
    let name = context.client.name(link.link).ok()?.name;
    let statistics = context.client.statistics(&name).ok()?;
    Some((name, statistics.counters))
}

fn row(name: Vec<u8>, counters: LinkCounters) -> Vec<Cell> {
    let number = |value: u64| Cell::from(value.to_string());
    vec![
        name.into(),
        number(counters.ipackets),
        number(counters.rbytes),
        number(counters.ierrors),
        number(counters.opackets),
        number(counters.obytes),
        number(counters.oerrors),
    ]
}

/// What has come since. A counter that went back belongs to a link that is new.
fn since(before: LinkCounters, now: LinkCounters) -> LinkCounters {
    LinkCounters {
        ipackets: now.ipackets.saturating_sub(before.ipackets),
        rbytes: now.rbytes.saturating_sub(before.rbytes),
        ierrors: now.ierrors.saturating_sub(before.ierrors),
        opackets: now.opackets.saturating_sub(before.opackets),
        obytes: now.obytes.saturating_sub(before.obytes),
        oerrors: now.oerrors.saturating_sub(before.oerrors),
    }
}

/// Waits for time to pass; a poll of nothing is in steps that its timeout can express.
fn pause(seconds: u32) {
    const STEP: u32 = 60;
    let mut left = seconds;
    while left > 0 {
        let step = left.min(STEP);
        let millis = i32::try_from(step * 1000).unwrap_or(i32::MAX);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::ZERO);
        if poll(&mut [], timeout) == Err(Errno::EINTR) {
            continue;
        }
        left -= step;
    }
}
