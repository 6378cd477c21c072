// SPDX-License-Identifier: MIT OR Apache-2.0

//! Operations on IP tunnels, each of them whole or not at all.
//!
//! A tunnel has a link in the registry, an entry in the stored configuration and an
//! object in the kernel. An operation that fails takes back what it has done, in reverse;
//! what deletes is completed by being done again.
//!
//! ```text
//! create   check, resolve -> link id -> stored entry -> kernel -> confirm (if secure)
//! up                         link active             -> kernel -> confirm (if secure)
//! ```
//!
//! A secure tunnel ([`Tunnel::secure`]) is created with an ioctl that a kernel without
//! the change refuses, is read back, and is stored in a form that other tools refuse.
//!
//! ```no_run
//! use illumos_ipsec::model::TunnelType;
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::sys::names::SystemNames;
//! use illumos_ipsec::tunnels::{Tunnel, TunnelError, Tunnels};
//!
//! let system = System::current();
//! let names = SystemNames::new(&system);
//! let mut client = system.open_links()?;
//! let tunnel = Tunnel {
//!     name: b"vpn0".to_vec(),
//!     kind: Some(TunnelType::Ipv4),
//!     local: Some(b"192.0.2.1".to_vec()),
//!     remote: Some(b"198.51.100.1".to_vec()),
//!     secure: true,
//! };
//! let stored = false;
//! match Tunnels::new(&mut client, &names).create(&tunnel, !stored) {
//!     Ok(link) => println!("{link:?} passes nothing until there is policy for it"),
//!     Err(TunnelError::NotGuaranteed) => eprintln!("this kernel cannot do that"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod create;
mod delete;
mod entry;
mod modify;
mod rename;
mod up_down;

use crate::model::{LinkClass, LinkId, TunnelType};
use crate::policy::Names;
use crate::sys::links::{LinkClient, LinkStatus};
use crate::wire::dlmgmt::{LinkFlags, LinkInfo};
use crate::wire::iptun::{KparamFlags, Kparams};

pub use address::{resolve, storable};
pub use delete::Scope;
pub use entry::{Entry, EntryError};
pub use rename::Renamed;
pub use up_down::Failure;

/// Which end of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This host.
    Local,
    /// The other host.
    Remote,
}

impl End {
    fn status(self) -> LinkStatus {
        match self {
            Self::Local => LinkStatus::BadLocal,
            Self::Remote => LinkStatus::BadRemote,
        }
    }
}

/// A tunnel to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Name of the link.
    pub name: Vec<u8>,
    /// Type.
    pub kind: Option<TunnelType>,
    /// Local address or host name.
    pub local: Option<Vec<u8>>,
    /// Remote address or host name.
    pub remote: Option<Vec<u8>>,
    /// IPsec is required.
    pub secure: bool,
}

/// Why an operation has failed. What it had done is undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// As reported by kernel or link daemon.
    #[error(transparent)]
    Status(#[from] LinkStatus),
    /// An address that cannot be one.
    #[error("{}: '{}' {why}", end.status(), bstr::BStr::new(text))]
    Address {
        /// Of which end.
        end: End,
        /// What was given.
        text: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name that no link can have.
    #[error(
        "{}: a link name has 2 to 31 letters, digits, '_' and '.', begins with no digit and ends \
         with a number without leading zero",
        LinkStatus::BadArgument
    )]
    Name,
    /// Nothing that a tunnel could be changed to.
    #[error("{}: no address was given (-a local=ADDR or remote=ADDR)", LinkStatus::BadArgument)]
    NoAddress,
    /// A 6to4 tunnel has no fixed other end that policy could be about.
    #[error("a 6to4 tunnel cannot require IPsec")]
    SecureSixToFour,
    /// The kernel has no secure tunnels.
    #[error("this kernel cannot guarantee IPsec on tunnels; nothing has been created")]
    NotGuaranteed,
    /// The kernel created the tunnel but does not say that it is secure.
    #[error("the kernel did not confirm that IPsec is required; the tunnel has been removed")]
    NotConfirmed,
    /// The stored entry is not that of a tunnel.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The operation failed, and so did taking it back.
    #[error("{failure}; {} could not be taken back: {status}", what)]
    NotUndone {
        /// Why it failed.
        failure: Box<TunnelError>,
        /// What is left.
        what: &'static str,
        /// Why that is left.
        status: LinkStatus,
    },
}

impl TunnelError {
    /// The status that tools of illumos have for it.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        match self {
            Self::Status(status) => *status,
            Self::Address { end, .. } => end.status(),
            Self::Name | Self::NoAddress | Self::SecureSixToFour => LinkStatus::BadArgument,
            Self::NotGuaranteed | Self::NotConfirmed => LinkStatus::NotSupported,
            Self::Entry(_) => LinkStatus::TunnelType,
            Self::NotUndone { failure, .. } => failure.status(),
        }
    }
}

/// Operations on the tunnels of a system.
pub struct Tunnels<'a> {
    client: &'a mut LinkClient,
    names: &'a dyn Names,
}

type Result<T> = std::result::Result<T, TunnelError>;

impl<'a> Tunnels<'a> {
    /// Operations through a client, with these name services.
    #[must_use]
    pub fn new(client: &'a mut LinkClient, names: &'a dyn Names) -> Self {
        Self { client, names }
    }

    /// The tunnel with a name.
    fn find(&mut self, name: &[u8], other_class: LinkStatus) -> Result<LinkInfo> {
        let link = self.client.find(name)?;
        if link.class == LinkClass::IPTUN { Ok(link) } else { Err(other_class.into()) }
    }

    fn address(&self, kind: TunnelType, end: End, text: Option<&[u8]>) -> Result<Option<Address>> {
        let Some(text) = text else { return Ok(None) };
        let address = resolve(self.names, kind, text);
        address.map(Some).map_err(|why| TunnelError::Address { end, text: text.to_vec(), why })
    }

    /// Creates the kernel's tunnel. With `secure` it is read back, and removed if it does
    /// not say that IPsec is required.
    fn kernel_create(&mut self, link: LinkId, kind: TunnelType, entry: &Entry) -> Result<()> {
        let local = self.address(kind, End::Local, entry.local.as_deref())?;
        let remote = self.address(kind, End::Remote, entry.remote.as_deref())?;
        let mut params = Kparams::new(link).with_type(kind).with_local(local).with_remote(remote);
        if !entry.secure {
            return Ok(self.client.tunnel_create(&params, false)?);
        }
        if kind == TunnelType::SixToFour {
            return Err(TunnelError::SecureSixToFour);
        }
        params.flags |= KparamFlags::SECURE;
        self.client.tunnel_create(&params, true).map_err(|status| match status {
            LinkStatus::NotSupported => TunnelError::NotGuaranteed,
            status => status.into(),
        })?;
        let info = self.client.tunnel_info(link);
        if info.is_ok_and(|info| info.flags.contains(KparamFlags::SECURE)) {
            return Ok(());
        }
        let failure = TunnelError::NotConfirmed;
        match self.client.tunnel_delete(link) {
            Ok(()) => Err(failure),
            Err(status) => Err(not_undone(failure, "the tunnel in the kernel", status)),
        }
    }

    /// Every tunnel that exists in one of these places, by ascending link number.
    pub fn list(&mut self, flags: LinkFlags) -> Result<Vec<LinkInfo>> {
        Ok(self.client.list(LinkClass::IPTUN, flags)?)
    }

    /// The stored entry of a tunnel.
    pub fn entry(&mut self, link: LinkId) -> Result<Entry> {
        Ok(Entry::from_stored(&self.client.stored(link)?)?)
    }
}

type Address = std::net::IpAddr;

fn not_undone(failure: TunnelError, what: &'static str, status: LinkStatus) -> TunnelError {
    TunnelError::NotUndone { failure: Box::new(failure), what, status }
}
