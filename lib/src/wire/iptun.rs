// SPDX-License-Identifier: MIT OR Apache-2.0

//! ioctls of the IP tunnel driver.
//!
//! They go to `/dev/dld`. The command number says how large the argument is, so an
//! argument never grows; what is new has a new command.
//! Source: `spec/iptun_ioctl.md` sections 1 and 2, `spec/kernel-hooks.md` section 3.4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bitflags::bitflags;

use super::image::{Fields, Image};
use crate::model::{LinkId, TunnelType};

/// Creates a tunnel; argument [`Kparams`].
pub const CREATE: u32 = 0x454A_0001;
/// Deletes a tunnel; argument a link id.
pub const DELETE: u32 = 0x454A_0002;
/// Changes addresses; argument [`Kparams`].
pub const MODIFY: u32 = 0x454A_0003;
/// Asks about a tunnel; argument [`Kparams`], in and out.
pub const INFO: u32 = 0x454A_0004;
/// Sets the 6to4 relay; argument an IPv4 address.
pub const SET_6TO4RELAY: u32 = 0x454A_0009;
/// Asks for the 6to4 relay; argument an IPv4 address, out.
pub const GET_6TO4RELAY: u32 = 0x454A_000A;
/// Creates a tunnel that may require IPsec; argument [`Kparams`]. A kernel without the
/// change does not know the command (ENOTSUP).
pub const CREATE_SECURE: u32 = 0x454A_0046;

bitflags! {
    /// Which fields of [`Kparams`] are valid, and properties of the tunnel.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct KparamFlags: u32 {
        /// The type.
        const TYPE = 0x01;
        /// The local address.
        const LADDR = 0x02;
        /// The remote address.
        const RADDR = 0x04;
        /// The simple policy.
        const SECINFO = 0x08;
        /// Made by plumbing a name of the old form.
        const IMPLICIT = 0x10;
        /// Tunnel policy is attached and in use.
        const IPSECPOL = 0x20;
        /// IPsec is required.
        const SECURE = 0x8000_0000;
        const _ = !0;
    }
}

/// An address as it travels: only the family and the address count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockAddr {
    /// AF_INET.
    V4(Ipv4Addr),
    /// AF_INET6.
    V6(Ipv6Addr),
    /// Another family.
    Other(u16),
}

/// AF_INET of illumos.
const AF_INET: u16 = 2;
/// AF_INET6 of illumos.
const AF_INET6: u16 = 26;

impl Default for SockAddr {
    fn default() -> Self {
        Self::Other(0)
    }
}

impl From<IpAddr> for SockAddr {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(addr) => Self::V4(addr),
            IpAddr::V6(addr) => Self::V6(addr),
        }
    }
}

impl SockAddr {
    /// The IP address, if it is one.
    #[must_use]
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::V4(addr) => Some(addr.into()),
            Self::V6(addr) => Some(addr.into()),
            Self::Other(_) => None,
        }
    }

    fn put(self, image: Image, at: usize) -> Image {
        match self {
            Self::V4(addr) => image.u16(at, AF_INET).put(at + 4, &addr.octets()),
            Self::V6(addr) => image.u16(at, AF_INET6).put(at + 8, &addr.octets()),
            Self::Other(family) => image.u16(at, family),
        }
    }

    fn get(fields: Fields<'_>, at: usize) -> Option<Self> {
        Some(match fields.u16(at)? {
            AF_INET => Self::V4(Ipv4Addr::from(fields.array::<4>(at + 4)?)),
            AF_INET6 => Self::V6(Ipv6Addr::from(fields.array::<16>(at + 8)?)),
            family => Self::Other(family),
        })
    }
}

/// The simple policy (`ipsec_req_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SimplePolicy {
    /// What is asked of AH: NEVER 1, REQUIRED 2, UNIQUE 4.
    pub ah: u32,
    /// What is asked of ESP.
    pub esp: u32,
    /// What is asked of self-encapsulation.
    pub self_encap: u32,
    /// Algorithm of AH.
    pub ah_alg: u8,
    /// Cipher of ESP.
    pub esp_alg: u8,
    /// Authentication of ESP.
    pub esp_auth_alg: u8,
}

/// The parameters of a tunnel (`iptun_kparams_t`).
///
/// ```
/// use illumos_ipsec::model::{LinkId, TunnelType};
/// use illumos_ipsec::wire::iptun::{KparamFlags, Kparams};
///
/// let params = Kparams::new(LinkId(3)).with_type(TunnelType::Ipv4);
/// let image = params.encode();
/// assert_eq!(image.len(), Kparams::SIZE);
/// assert_eq!(Kparams::decode(&image), Some(params));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Kparams {
    /// Number of the link.
    pub link: LinkId,
    /// Which of the following count.
    pub flags: KparamFlags,
    /// Local end.
    pub local: SockAddr,
    /// Remote end.
    pub remote: SockAddr,
    /// Simple policy.
    pub secinfo: SimplePolicy,
    /// Number of the type.
    pub kind: u32,
}

const LADDR: usize = 8;
const RADDR: usize = 264;
const SECINFO: usize = 520;
const TYPE: usize = 536;

impl Kparams {
    /// Bytes of the structure, in 32-bit and 64-bit programs.
    pub const SIZE: usize = 544;

    /// Parameters that name a link only.
    #[must_use]
    pub fn new(link: LinkId) -> Self {
        Self { link, ..Self::default() }
    }

    /// With a type.
    #[must_use]
    pub fn with_type(mut self, kind: TunnelType) -> Self {
        self.kind = kind.number();
        self.flags |= KparamFlags::TYPE;
        self
    }

    /// With a local address, if there is one.
    #[must_use]
    pub fn with_local(mut self, addr: Option<IpAddr>) -> Self {
        if let Some(addr) = addr {
            self.local = addr.into();
            self.flags |= KparamFlags::LADDR;
        }
        self
    }

    /// With a remote address, if there is one.
    #[must_use]
    pub fn with_remote(mut self, addr: Option<IpAddr>) -> Self {
        if let Some(addr) = addr {
            self.remote = addr.into();
            self.flags |= KparamFlags::RADDR;
        }
        self
    }

    /// The type, if it is given and known.
    #[must_use]
    pub fn tunnel_type(&self) -> Option<TunnelType> {
        TunnelType::from_number(self.kind).filter(|_| self.flags.contains(KparamFlags::TYPE))
    }

    /// The local address, if it is given.
    #[must_use]
    pub fn local_addr(&self) -> Option<IpAddr> {
        self.local.ip().filter(|_| self.flags.contains(KparamFlags::LADDR))
    }

    /// The remote address, if it is given.
    #[must_use]
    pub fn remote_addr(&self) -> Option<IpAddr> {
        self.remote.ip().filter(|_| self.flags.contains(KparamFlags::RADDR))
    }

    /// The image.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let image = Image::new(Self::SIZE).u32(0, self.link.0).u32(4, self.flags.bits());
        let image = self.remote.put(self.local.put(image, LADDR), RADDR);
        let policy = &self.secinfo;
        image
            .u32(SECINFO, policy.ah)
            .u32(SECINFO + 4, policy.esp)
            .u32(SECINFO + 8, policy.self_encap)
            .put(SECINFO + 12, &[policy.ah_alg, policy.esp_alg, policy.esp_auth_alg])
            .u32(TYPE, self.kind)
            .done()
    }

    /// From an image; `None` if it is too short. What follows the structure is not looked at.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes.get(..Self::SIZE)?);
        let [ah_alg, esp_alg, esp_auth_alg] = fields.array(SECINFO + 12)?;
        Some(Self {
            link: LinkId(fields.u32(0)?),
            flags: KparamFlags::from_bits_retain(fields.u32(4)?),
            local: SockAddr::get(fields, LADDR)?,
            remote: SockAddr::get(fields, RADDR)?,
            secinfo: SimplePolicy {
                ah: fields.u32(SECINFO)?,
                esp: fields.u32(SECINFO + 4)?,
                self_encap: fields.u32(SECINFO + 8)?,
                ah_alg,
                esp_alg,
                esp_auth_alg,
            },
            kind: fields.u32(TYPE)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addr() -> impl Strategy<Value = SockAddr> {
        prop_oneof![
            any::<Ipv4Addr>().prop_map(SockAddr::V4),
            any::<Ipv6Addr>().prop_map(SockAddr::V6),
            Just(SockAddr::Other(0)),
            (27u16..).prop_map(SockAddr::Other),
        ]
    }

    fn policy() -> impl Strategy<Value = SimplePolicy> {
        any::<([u32; 3], [u8; 3])>().prop_map(|([ah, esp, self_encap], algs)| {
            let [ah_alg, esp_alg, esp_auth_alg] = algs;
            SimplePolicy { ah, esp, self_encap, ah_alg, esp_alg, esp_auth_alg }
        })
    }

    proptest! {
        #[test]
        fn comes_back(
            (link, flags, kind) in any::<(u32, u32, u32)>(),
            (local, remote, secinfo) in (addr(), addr(), policy()),
        ) {
            let (link, flags) = (LinkId(link), KparamFlags::from_bits_retain(flags));
            let params = Kparams { link, flags, local, remote, secinfo, kind };
            prop_assert_eq!(Kparams::decode(&params.encode()), Some(params));
        }

        #[test]
        fn any_image_means_the_same_when_sent_on(bytes in any::<[u8; 32]>(), at in 0usize..512) {
            let mut image = Kparams::default().encode();
            image[at..at + 32].copy_from_slice(&bytes);
            let params = Kparams::decode(&image).unwrap();
            prop_assert_eq!(Kparams::decode(&params.encode()), Some(params));
        }
    }

    #[test]
    fn no_part_is_the_whole() {
        let image = Kparams::new(LinkId(1)).encode();
        for len in 0..image.len() {
            assert_eq!(Kparams::decode(&image[..len]), None);
        }
    }

    #[test]
    fn a_field_counts_only_with_its_flag() {
        let local = IpAddr::from([192, 0, 2, 1]);
        let params = Kparams::new(LinkId(1)).with_local(Some(local)).with_type(TunnelType::Ipv4);
        assert_eq!(params.local_addr(), Some(local));
        assert_eq!(params.remote_addr(), None);
        assert_eq!(params.tunnel_type(), Some(TunnelType::Ipv4));
        let without = Kparams { flags: KparamFlags::empty(), ..params };
        assert_eq!((without.local_addr(), without.tunnel_type()), (None, None));
        assert_eq!(Kparams { kind: 4, ..params }.tunnel_type(), None);
    }
}
