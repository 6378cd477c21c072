// SPDX-License-Identifier: MIT OR Apache-2.0

//! Properties of a tunnel link: `mtu`, `hoplimit`, `encaplimit`.
//!
//! Source: `spec/iptun_ioctl.md` section 4, `spec/dladm-iptun.md` section 10.

use illumos_ipsec::model::{LinkId, TunnelType};
use illumos_ipsec::wire::dld::{
    MacProp, PERM_READ, PERM_WRITE, PROP_DEFAULT, PROP_ENCAPLIMIT, PROP_HOPLIMIT, PROP_MTU,
    PROP_POSSIBLE, PropRange,
};
use illumos_ipsec::wire::dlmgmt::AttrValue;
use illumos_ipsec::wire::errno::Errno;

use super::Tunnel;
use super::state::MIN_MTU;
use super::tunnel::{DEFAULT_ENCAP_LIMIT, DEFAULT_HOP_LIMIT};
use crate::Kernel;

/// A property: its name where it is stored, and its number.
const PROPERTIES: &[(&[u8], u32)] =
    &[(b"hoplimit", PROP_HOPLIMIT), (b"encaplimit", PROP_ENCAPLIMIT), (b"mtu", PROP_MTU)];

impl Kernel {
    /// DLDIOC_SETMACPROP.
    pub(crate) fn set_property(&mut self, property: &MacProp) -> Result<(), Errno> {
        self.own_tunnel(property.link).map_err(|_| Errno::ENOENT)?;
        let value: [u8; 4] = property.value.as_slice().try_into().map_err(|_| Errno::ENOBUFS)?;
        self.set_number(property.link, property.number, u32::from_le_bytes(value))
    }

    fn set_number(&mut self, link: LinkId, number: u32, value: u32) -> Result<(), Errno> {
        let tunnel = self.tunnels.by_link.get(&link).ok_or(Errno::ENOENT)?;
        let range = self.range(tunnel, number)?;
        if !(range.min..=range.max).contains(&value) {
            return Err(Errno::EINVAL);
        }
        self.with_tunnel(link, |tunnel| match number {
            PROP_HOPLIMIT => tunnel.hop_limit = value,
            PROP_ENCAPLIMIT => tunnel.encap_limit = value,
            _ => tunnel.fixed_mtu = Some(value),
        });
        Ok(())
    }

    /// DLDIOC_GETMACPROP.
    pub(crate) fn get_property(&self, property: &mut MacProp) -> Result<(), Errno> {
        let tunnel = self.tunnels.by_link.get(&property.link).ok_or(Errno::ENOENT)?;
        let range = self.range(tunnel, property.number)?;
        property.permissions = PERM_READ | PERM_WRITE;
        let current = match property.number {
            PROP_HOPLIMIT => tunnel.hop_limit,
            PROP_ENCAPLIMIT => tunnel.encap_limit,
            _ => self.mtu(tunnel),
        };
        let value = match property.flags {
            PROP_POSSIBLE => range.encode(),
            PROP_DEFAULT => match property.number {
                PROP_HOPLIMIT => DEFAULT_HOP_LIMIT,
                PROP_ENCAPLIMIT => DEFAULT_ENCAP_LIMIT,
                _ => current,
            }
            .to_le_bytes()
            .to_vec(),
            _ => current.to_le_bytes().to_vec(),
        };
        if property.value.len() < value.len() {
            return Err(Errno::ENOBUFS);
        }
        property.value[..value.len()].copy_from_slice(&value);
        Ok(())
    }

    fn range(&self, tunnel: &Tunnel, number: u32) -> Result<PropRange, Errno> {
        match number {
            PROP_HOPLIMIT => Ok(PropRange { min: 1, max: 255 }),
            PROP_ENCAPLIMIT if tunnel.kind == TunnelType::Ipv6 => {
                Ok(PropRange { min: 0, max: 255 })
            }
            PROP_ENCAPLIMIT => Err(Errno::EINVAL),
            PROP_MTU => Ok(PropRange { min: MIN_MTU, max: self.largest_mtu(tunnel) }),
            _ => Err(Errno::ENOTSUP),
        }
    }

    /// A new tunnel gets the properties that are stored for its link, as far as they fit.
    pub(super) fn apply_stored_properties(&mut self, link: LinkId, attrs: &[(Vec<u8>, AttrValue)]) {
        for (name, number) in PROPERTIES {
            let stored = attrs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
            if let Some(AttrValue::Str(text)) = stored
                && let Some(value) = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok())
            {
                let _ = self.set_number(link, *number, value);
            }
        }
    }
}
