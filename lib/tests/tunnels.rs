// SPDX-License-Identifier: MIT OR Apache-2.0

//! Operations on tunnels, above links that refuse something half-way.

use std::cell::RefCell;
use std::rc::Rc;

use illumos_ipsec::model::{LinkClass, LinkId, LinkStatistics, LinkTopology};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::links::{LinkClient, LinkStatus, LinkSystem};
use illumos_ipsec::sys::names::FileNames;
use illumos_ipsec::tunnels::{Renamed, TunnelError, Tunnels};
use illumos_ipsec::wire::dlmgmt::{LinkFlags, LinkInfo, Reply, Request};
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::{dld, iptun};

/// One tunnel, `tun0`, and what comes of renaming it.
#[derive(Clone)]
struct Links {
    flags: LinkFlags,
    /// The registry takes a new name.
    stored: Result<(), Errno>,
    /// The kernel takes the old name back.
    back: Result<(), Errno>,
    /// The names that the kernel was told.
    told: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl LinkSystem for Links {
    fn ioctl(&mut self, command: u32, argument: &mut Vec<u8>) -> Result<(), Errno> {
        match command {
            iptun::INFO => Ok(()),
            dld::RENAME => {
                let name = dld::Rename::decode(argument).unwrap().name;
                let outcome = if name == b"tun0" { self.back } else { Ok(()) };
                self.told.borrow_mut().push(name);
                outcome
            }
            _ => Err(Errno::ENOTSUP),
        }
    }

    fn door(&mut self, request: &[u8]) -> Result<Vec<u8>, Errno> {
        let request = Request::decode(request).unwrap();
        let answer = match &request {
            Request::GetLinkId { name } if name == b"tun0" => Ok(Reply::Link(LinkInfo {
                link: LinkId(5),
                flags: self.flags,
                class: LinkClass::IPTUN,
                media: 0,
            })),
            Request::RemapLinkId { .. } => self.stored.map(|()| Reply::Plain),
            _ => Err(Errno::ENOENT),
        };
        Ok(match answer {
            Ok(reply) => reply.encode(),
            Err(errno) => Reply::encode_error(Some(&request), errno),
        })
    }

    fn statistics(&mut self, _: &[u8]) -> Result<LinkStatistics, Errno> {
        Err(Errno::ENOENT)
    }

    fn topology(&mut self, _: LinkId) -> Result<LinkTopology, Errno> {
        Err(Errno::ENOENT)
    }

    fn zone(&mut self) -> Result<u32, Errno> {
        Ok(0)
    }
}

/// Renames `tun0`; what came of it, and the names that the kernel was told.
fn rename(links: &Links, new: &str) -> (Result<Renamed, TunnelError>, Vec<String>) {
    let system = System::current();
    let names = FileNames::new(&system);
    let mut client = LinkClient::new(Box::new(links.clone()));
    let outcome = Tunnels::new(&mut client, &names).rename(b"tun0", new.as_bytes());
    let told = links.told.take();
    (outcome, told.into_iter().map(|name| String::from_utf8(name).unwrap()).collect())
}

#[test]
fn a_name_that_cannot_be_stored_is_taken_back() {
    let refused = Links {
        flags: LinkFlags::ACTIVE | LinkFlags::PERSIST,
        stored: Err(Errno::EROFS),
        back: Ok(()),
        told: Rc::default(),
    };
    let failure = TunnelError::Status(LinkStatus::Failed);
    let (outcome, told) = rename(&refused, "vpn7");
    assert_eq!((outcome, told), (Err(failure.clone()), vec!["vpn7".to_owned(), "tun0".to_owned()]));

    // It has policy of that name by now.
    let (outcome, _) = rename(&Links { back: Err(Errno::EBUSY), ..refused.clone() }, "vpn7");
    let error = outcome.unwrap_err();
    assert_eq!(error.status(), failure.status());
    assert!(
        error.to_string().contains("the name in the kernel could not be taken back: link busy")
    );

    // The kernel knows nothing of a tunnel that is only stored.
    let (outcome, told) = rename(&Links { flags: LinkFlags::PERSIST, ..refused.clone() }, "vpn7");
    assert_eq!((outcome, told), (Err(failure), Vec::new()));

    let (outcome, told) = rename(&Links { stored: Ok(()), ..refused }, "vpn7");
    assert_eq!((outcome, told), (Ok(Renamed::Clean), vec!["vpn7".to_owned()]));
}

#[test]
fn a_name_that_no_link_can_have_is_told_to_nobody() {
    let flags = LinkFlags::ACTIVE | LinkFlags::PERSIST;
    let links = Links { flags, stored: Ok(()), back: Ok(()), told: Rc::default() };
    // A request has room for 31 bytes; these would be a good name.
    let long = format!("t{}00", "u".repeat(29));
    for name in [&long, "vpn", ""] {
        assert_eq!(rename(&links, name), (Err(TunnelError::Name), Vec::new()), "{name}");
    }
    // Nor is it cut by whoever asks the link daemon and the drivers without this check.
    let mut client = LinkClient::new(Box::new(links.clone()));
    let (link, name, refused) = (LinkId(5), long.as_bytes(), Err(LinkStatus::BadArgument));
    assert_eq!(client.rename(link, name), refused);
    assert_eq!(client.remap_link(link, name), refused);
    assert_eq!(client.store(name, link, LinkClass::IPTUN, 0, &[]), refused);
    assert!(client.create_link(name, LinkClass::IPTUN, 0, flags).is_err());
    assert_eq!(client.find(name), Err(LinkStatus::NotFound));
    assert!(links.told.take().is_empty());
}
