// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab verdict` and `ipsec-lab inject`: what becomes of packets.

mod inject;
mod options;
mod pcap;
mod protection;
mod rule;
mod verdict;

pub(super) use inject::{command as inject_command, run as inject};
pub(super) use pcap::PcapError;
pub(super) use verdict::{command as verdict_command, run as verdict};
