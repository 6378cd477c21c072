// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which addresses a tunnel can have.

use std::net::{IpAddr, Ipv4Addr};

use illumos_ipsec::model::TunnelType;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};

use super::Tunnel;

/// Puts the addresses of a request into a tunnel, or refuses them all.
pub(super) fn apply(tunnel: &mut Tunnel, params: &Kparams) -> Result<(), Errno> {
    let before = (tunnel.local, tunnel.remote);
    let outcome = take(tunnel, params);
    if outcome.is_err() {
        (tunnel.local, tunnel.remote) = before;
    }
    outcome
}

fn take(tunnel: &mut Tunnel, params: &Kparams) -> Result<(), Errno> {
    if params.flags.contains(KparamFlags::LADDR) {
        tunnel.local = Some(usable(tunnel.kind, params.local.ip())?);
    }
    if params.flags.contains(KparamFlags::RADDR) {
        if tunnel.kind == TunnelType::SixToFour {
            return Err(Errno::EINVAL);
        }
        tunnel.remote = Some(usable(tunnel.kind, params.remote.ip())?);
    }
    Ok(())
}

/// An address of the family of the tunnel that can be one end of it.
fn usable(kind: TunnelType, addr: Option<IpAddr>) -> Result<IpAddr, Errno> {
    let addr = addr.filter(|addr| addr.is_ipv6() == (kind == TunnelType::Ipv6));
    let addr = addr.ok_or(Errno::EINVAL)?;
    let unusable = match addr {
        IpAddr::V4(v4) => v4.is_unspecified() || v4 == Ipv4Addr::BROADCAST || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some(),
    };
    if unusable { Err(Errno::EADDRNOTAVAIL) } else { Ok(addr) }
}
