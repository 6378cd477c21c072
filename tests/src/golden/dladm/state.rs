// SPDX-License-Identifier: MIT OR Apache-2.0

//! The state of a case, put into a kernel, and taken out of one.

use std::io;
use std::str::FromStr;

use illumos_ipsec::model::{self, LinkId, LinkState, LinkTopology, TunnelName, TunnelType};
use ipsec_usermode::Kernel;
use ipsec_usermode::host::{Caller, Privileges};
use ipsec_usermode::iptun::Tunnel;
use ipsec_usermode::links::Registry;

use super::case::{self, KernelTunnel, LinkStatistics, Place, State, TunnelAfter};
use super::faults::Files;
use super::policy;

/// Path MTU where the recorded tunnels with ordinary values are.
const ETHERNET: u32 = 1500;
/// Where no tunnel was before, the recorded kernel knew of no path and gave new tunnels
/// the largest MTU.
const NO_PATH: u32 = 65_535;

/// Sets a kernel up.
pub(super) fn set_up(kernel: &mut Kernel, state: &State, files: Files) -> io::Result<()> {
    kernel.set_links_registry(Registry::open(Box::new(files)));
    if let [complaint, ..] = kernel.links_mut().take_complaints().as_slice() {
        return Err(io::Error::other(complaint.clone()));
    }
    kernel.set_caller(caller(&state.caller)?);
    for case::Address { address, up } in &state.local_addresses {
        kernel.set_address(*address, *up);
    }
    kernel.set_path_mtu(if state.kernel_tunnels.is_empty() { NO_PATH } else { ETHERNET });
    for tunnel in &state.kernel_tunnels {
        restore(kernel, tunnel)?;
    }
    statistics(kernel, &state.link_kstats)?;
    state.topology.iter().try_for_each(|place| lie(kernel, place))
}

fn caller(recorded: &case::Caller) -> io::Result<Caller> {
    let privileges = match recorded.privileges.as_str() {
        "all" => Privileges::all(),
        "none" => Privileges::empty(),
        name => Privileges::from_name(&name.to_ascii_uppercase()).ok_or_else(|| unknown(name))?,
    };
    Ok(Caller { zone: recorded.zoneid, privileges })
}

fn restore(kernel: &mut Kernel, recorded: &KernelTunnel) -> io::Result<()> {
    let kind = TunnelType::ALL.into_iter().find(|kind| kind.word() == recorded.kind);
    let kind = kind.ok_or_else(|| unknown(&recorded.kind))?;
    let link = LinkId(recorded.linkid);
    let complete = match kind {
        TunnelType::SixToFour => recorded.local.is_some(),
        TunnelType::Ipv4 | TunnelType::Ipv6 => {
            recorded.local.is_some() && recorded.remote.is_some()
        }
    };
    let mut tunnel = Tunnel::new(link, kind);
    tunnel.implicit = recorded.implicit;
    tunnel.local = recorded.local;
    tunnel.remote = recorded.remote;
    tunnel.bound = complete;
    tunnel.started = recorded.busy;
    tunnel.zone = recorded.zoneid;
    kernel.restore_tunnel(tunnel);

    let name = kernel.links().link(link).map(|link| link.name.clone()).unwrap_or_default();
    if recorded.ipsec_policy {
        let name = TunnelName::new(&name).map_err(io::Error::other)?;
        policy::protect(kernel, &name)?;
    }
    let Some(tunnel) = kernel.tunnel(&name) else { return Err(unknown(&recorded.kind)) };
    if kernel.mtu(tunnel) != recorded.mtu {
        let mut tunnel = tunnel.clone();
        tunnel.fixed_mtu = Some(recorded.mtu);
        kernel.restore_tunnel(tunnel);
    }
    Ok(())
}

/// A link that is not listed has no statistics.
fn statistics(kernel: &mut Kernel, recorded: &[LinkStatistics]) -> io::Result<()> {
    let names: Vec<Vec<u8>> = kernel.links().iter().map(|(_, link)| link.name.clone()).collect();
    names.iter().for_each(|name| kernel.set_statistics(name, None));
    for link in recorded {
        let states = [LinkState::Up, LinkState::Down, LinkState::Unknown];
        let state = states.into_iter().find(|state| state.word() == link.link_state);
        let state = state.ok_or_else(|| unknown(&link.link_state))?;
        let counters = link.stats.as_ref().map(|stats| model::LinkCounters {
            ipackets: stats.ipackets,
            rbytes: stats.rbytes,
            ierrors: stats.ierrors,
            opackets: stats.opackets,
            obytes: stats.obytes,
            oerrors: stats.oerrors,
        });
        let counters = counters.unwrap_or_default();
        kernel
            .set_statistics(link.link.as_bytes(), Some(model::LinkStatistics { state, counters }));
        if let Some(mtu) = link.mtu {
            kernel.set_link_mtu(LinkId(link.linkid), mtu);
        }
    }
    Ok(())
}

fn lie(kernel: &mut Kernel, place: &Place) -> io::Result<()> {
    let topology = match place.kind.as_str() {
        "bridge" => LinkTopology {
            bridge: Some(place.value.clone().into_bytes()),
            ..LinkTopology::default()
        },
        "over" | "ports" => {
            let over = place.value.split(',').map(|id| u32::from_str(id).map(LinkId));
            let over = over.collect::<Result<_, _>>().map_err(io::Error::other)?;
            LinkTopology { over, ..LinkTopology::default() }
        }
        kind => return Err(unknown(kind)),
    };
    kernel.set_topology(LinkId(place.linkid), topology);
    Ok(())
}

fn unknown(word: &str) -> io::Error {
    io::Error::other(format!("{word:?} is not known"))
}

/// The tunnels of a kernel as a recording has them.
pub(super) fn tunnels(kernel: &Kernel) -> Vec<TunnelAfter> {
    kernel
        .tunnels()
        .map(|tunnel| TunnelAfter {
            linkid: tunnel.link.0,
            kind: tunnel.kind.word().to_owned(),
            local: tunnel.local,
            remote: tunnel.remote,
            bound: tunnel.bound,
            mtu: kernel.mtu(tunnel),
            hoplimit: tunnel.hop_limit,
            encaplimit: tunnel.encap_limit,
        })
        .collect()
}
