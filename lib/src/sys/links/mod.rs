// SPDX-License-Identifier: MIT OR Apache-2.0

//! Access to data-links: `/dev/dld`, the link daemon's door, link statistics.
//!
//! [`LinkSystem`] is the raw interface with one back end for each kind of system;
//! [`LinkClient`] has a typed call for each thing that can be asked.
//!
//! ```no_run
//! use illumos_ipsec::model::LinkClass;
//! use illumos_ipsec::sys::System;
//! use illumos_ipsec::wire::dlmgmt::LinkFlags;
//!
//! let mut client = System::current().open_links()?;
//! for link in client.list(LinkClass::IPTUN, LinkFlags::ACTIVE)? {
//!     let name = client.name(link.link)?.name;
//!     println!("{} {}", String::from_utf8_lossy(&name), client.mtu(link.link)?);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod status;

use std::io;
use std::path::PathBuf;

use super::NoKernel;
use crate::model::{LinkId, LinkStatistics, LinkTopology};
use crate::wire::errno::Errno;

pub use client::LinkClient;
pub use status::LinkStatus;

/// Raw calls. An errno is an illumos one.
pub trait LinkSystem {
    /// An ioctl of `/dev/dld`. What is copied out replaces the argument.
    fn ioctl(&mut self, command: u32, argument: &mut Vec<u8>) -> Result<(), Errno>;

    /// A call of the link daemon's door: the reply, or why the door cannot be called.
    fn door(&mut self, request: &[u8]) -> Result<Vec<u8>, Errno>;

    /// Statistics of a link.
    fn statistics(&mut self, link: &[u8]) -> Result<LinkStatistics, Errno>;

    /// Where a link lies. Not every system can say.
    fn topology(&mut self, link: LinkId) -> Result<LinkTopology, Errno>;

    /// The zone of this process; 0 is the global one.
    fn zone(&mut self) -> Result<u32, Errno>;
}

/// `/dev/dld` cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenLinksError {
    /// There is no such device here.
    #[error(transparent)]
    NoKernel(#[from] NoKernel),
    /// It is there but cannot be opened.
    #[error("{}: {source}", path.display())]
    Unavailable {
        /// The device.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}
