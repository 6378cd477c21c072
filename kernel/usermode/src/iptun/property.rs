// SPDX-License-Identifier: MIT OR Apache-2.0

//! Properties of a tunnel link: `mtu`, `hoplimit`, `encaplimit`.
//!
//! Source: `spec/iptun_ioctl.md` section 4, `spec/dladm-iptun.md` section 10.

use illumos_ipsec::model::{LinkId, TunnelType};
use illumos_ipsec::wire::dld::{
    MacProp, PERM_READ, PERM_WRITE, PROP_DEFAULT, PROP_ENCAPLIMIT, PROP_HOPLIMIT, PROP_MTU,
    PROP_POSSIBLE, PROP_STATUS, PropRange,
};
use illumos_ipsec::wire::dlmgmt::AttrValue;
use illumos_ipsec::wire::errno::Errno;

use super::Tunnel;
use super::mtu::MIN_MTU;
use super::tunnel::{DEFAULT_ENCAP_LIMIT, DEFAULT_HOP_LIMIT};
use crate::Kernel;

/// A property: its name where it is stored, and its number.
const PROPERTIES: &[(&[u8], u32)] =
    &[(b"hoplimit", PROP_HOPLIMIT), (b"encaplimit", PROP_ENCAPLIMIT), (b"mtu", PROP_MTU)];

impl Kernel {
    /// DLDIOC_SETMACPROP.
    pub(crate) fn set_property(&mut self, property: &MacProp) -> Result<(), Errno> {
        self.own_tunnel(property.link).map_err(|_| Errno::ENOENT)?;
        let value: &[u8; 4] = property.value.first_chunk().ok_or(Errno::ENOBUFS)?;
        self.set_number(property.link, property.number, u32::from_le_bytes(*value))
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
        let tunnel = self.visible_tunnel(property.link)?;
        let (value, permissions) = match (property.number, property.flags) {
            (PROP_STATUS, 0) => (tunnel.link_state.number().to_le_bytes().to_vec(), PERM_READ),
            (number, flags) => {
                let range = self.range(tunnel, number)?;
                let value = match (flags, number) {
                    (PROP_POSSIBLE, _) => range.encode(),
                    (PROP_DEFAULT, PROP_HOPLIMIT) => DEFAULT_HOP_LIMIT.to_le_bytes().to_vec(),
                    (PROP_DEFAULT, PROP_ENCAPLIMIT) => DEFAULT_ENCAP_LIMIT.to_le_bytes().to_vec(),
                    (0, PROP_HOPLIMIT) => tunnel.hop_limit.to_le_bytes().to_vec(),
                    (0, PROP_ENCAPLIMIT) => tunnel.encap_limit.to_le_bytes().to_vec(),
                    // There is no default; the MTU follows what is below the tunnel.
                    (0 | PROP_DEFAULT, _) => self.mtu(tunnel).to_le_bytes().to_vec(),
                    (flags, _) if flags == PROP_DEFAULT | PROP_POSSIBLE => {
                        return Err(Errno::EINVAL);
                    }
                    _ => return Err(Errno::ENOTSUP),
                };
                (value, PERM_READ | PERM_WRITE)
            }
        };
        let room = property.value.get_mut(..value.len()).ok_or(Errno::ENOBUFS)?;
        room.copy_from_slice(&value);
        property.permissions = permissions;
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
                && let Some(value) = stored_number(text, *number == PROP_MTU)
            {
                let _ = self.set_number(link, *number, value);
            }
        }
    }
}

/// A stored number. The limits are decimal and end at the first byte that is no digit, the
/// MTU is a number as in C.
fn stored_number(text: &[u8], like_c: bool) -> Option<u32> {
    let digits = |text: &[u8], radix: u32| {
        let end = text.iter().position(|byte| !char::from(*byte).is_digit(radix));
        let text = &text[..end.unwrap_or(text.len())];
        u32::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok()
    };
    match text {
        [b'0', b'x' | b'X', rest @ ..] if like_c => digits(rest, 16),
        [b'0', ..] if like_c => digits(text, 8),
        _ => digits(text, 10),
    }
}
