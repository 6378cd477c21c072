// SPDX-License-Identifier: MIT OR Apache-2.0

//! One typed call for each thing that can be asked about links.

use nix::poll::{PollTimeout, poll};

use super::{LinkStatus, LinkSystem};
use crate::model::{LINK_NAME_MAX, LinkClass, LinkId, LinkStatistics, LinkTopology};
use crate::wire::dld::{self, Attr, MacProp, Rename};
use crate::wire::dlmgmt::{
    ANY_MEDIA, AttrValue, ConfId, LinkFlags, LinkInfo, NameInfo, Reply, ReplyError, Request,
};
use crate::wire::errno::Errno;
use crate::wire::iptun::{self, Kparams};

type Result<T> = std::result::Result<T, LinkStatus>;

/// How often a tunnel ioctl is tried that says EAGAIN.
const TRIES: usize = 3;
/// The pause between two tries, in milliseconds.
const PAUSE: u16 = 10;

/// Requests have no room for longer names, and what is left of one may be another name.
fn fits(name: &[u8]) -> Result<&[u8]> {
    if name.len() > LINK_NAME_MAX { Err(LinkStatus::BadArgument) } else { Ok(name) }
}

/// A client of the link daemon and of the drivers behind `/dev/dld`. A name that is longer
/// than that of a link can be is refused; nothing is cut.
pub struct LinkClient {
    system: Box<dyn LinkSystem>,
    /// The zone of this process, once it is known; a process does not leave its zone.
    zone: Option<u32>,
}

impl LinkClient {
    /// A client on top of raw calls.
    #[must_use]
    pub fn new(system: Box<dyn LinkSystem>) -> Self {
        Self { system, zone: None }
    }

    fn door(&mut self, request: &Request) -> Result<Reply> {
        let bytes = self.system.door(&request.encode())?;
        Reply::decode(request, &bytes).map_err(|error| match error {
            ReplyError::Errno(errno) => errno.into(),
            ReplyError::Malformed { .. } => LinkStatus::Failed,
        })
    }

    fn plain(&mut self, request: &Request) -> Result<()> {
        self.door(request).map(drop)
    }

    /// The link with a name; of one that is too long there is none.
    pub fn find(&mut self, name: &[u8]) -> Result<LinkInfo> {
        let name = fits(name).map_err(|_| LinkStatus::NotFound)?.to_vec();
        match self.door(&Request::GetLinkId { name })? {
            Reply::Link(link) => Ok(link),
            _ => Err(LinkStatus::Failed),
        }
    }

    /// Name, class and flags of a link.
    pub fn name(&mut self, link: LinkId) -> Result<NameInfo> {
        match self.door(&Request::GetName { link })? {
            Reply::Name(name) => Ok(name),
            _ => Err(LinkStatus::Failed),
        }
    }

    /// The link with the next larger number, of these classes and with one of these flags.
    pub fn next(
        &mut self,
        after: LinkId,
        class: LinkClass,
        flags: LinkFlags,
    ) -> Result<Option<LinkInfo>> {
        match self.door(&Request::GetNext { after, class, flags, media: ANY_MEDIA }) {
            Ok(Reply::Link(link)) if link.link > after => Ok(Some(link)),
            // Whoever believes that one goes in circles.
            Ok(_) => Err(LinkStatus::Failed),
            Err(LinkStatus::NotFound) => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Every link of these classes and with one of these flags, by ascending number.
    pub fn list(&mut self, class: LinkClass, flags: LinkFlags) -> Result<Vec<LinkInfo>> {
        let mut links = Vec::new();
        let mut after = LinkId::NONE;
        while let Some(link) = self.next(after, class, flags)? {
            after = link.link;
            links.push(link);
        }
        Ok(links)
    }

    /// A new link.
    pub fn create_link(
        &mut self,
        name: &[u8],
        class: LinkClass,
        media: u32,
        flags: LinkFlags,
    ) -> Result<LinkId> {
        let name = fits(name)?.to_vec();
        match self.door(&Request::CreateLinkId { name, class, media, prefix: false, flags })? {
            Reply::Link(link) => Ok(link.link),
            _ => Err(LinkStatus::Failed),
        }
    }

    /// Takes flags off a link.
    pub fn destroy_link(&mut self, link: LinkId, flags: LinkFlags) -> Result<()> {
        self.plain(&Request::DestroyLinkId { link, flags })
    }

    /// Makes a stored link active.
    pub fn up_link(&mut self, link: LinkId) -> Result<()> {
        self.plain(&Request::UpLinkId { link })
    }

    /// A new name in the registry.
    pub fn remap_link(&mut self, link: LinkId, name: &[u8]) -> Result<()> {
        self.plain(&Request::RemapLinkId { link, name: fits(name)?.to_vec() })
    }

    /// All that is stored of a link.
    pub fn stored(&mut self, link: LinkId) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        match self.door(&Request::Snapshot { link })? {
            Reply::Snapshot(pairs) => Ok(pairs),
            _ => Err(LinkStatus::Failed),
        }
    }

    /// Stores a link with these attributes and no others.
    pub fn store(
        &mut self,
        name: &[u8],
        link: LinkId,
        class: LinkClass,
        media: u32,
        attrs: &[(&str, AttrValue)],
    ) -> Result<()> {
        let request = Request::CreateConf { name: fits(name)?.to_vec(), link, class, media };
        let conf = self.conf(&request)?;
        let set: Vec<_> = attrs.iter().map(|(name, value)| (*name, Some(value.clone()))).collect();
        self.write(conf, &set)
    }

    /// Changes stored attributes: sets those with a value, removes the others.
    pub fn restore(&mut self, link: LinkId, attrs: &[(&str, Option<AttrValue>)]) -> Result<()> {
        let conf = self.conf(&Request::OpenConf { link })?;
        self.write(conf, attrs)
    }

    fn conf(&mut self, request: &Request) -> Result<ConfId> {
        match self.door(request)? {
            Reply::Conf(conf) => Ok(conf),
            _ => Err(LinkStatus::Failed),
        }
    }

    /// The work copy is freed whatever comes of it.
    fn write(&mut self, conf: ConfId, attrs: &[(&str, Option<AttrValue>)]) -> Result<()> {
        let mut write = || {
            for (name, value) in attrs {
                let name = name.as_bytes().to_vec();
                self.plain(&match value.clone() {
                    Some(value) => Request::SetAttr { conf, name, value },
                    None => Request::UnsetAttr { conf, name },
                })?;
            }
            self.plain(&Request::WriteConf { conf })
        };
        let outcome = write();
        let _ = self.plain(&Request::DestroyConf { conf });
        outcome
    }

    /// Removes what is stored of a link.
    pub fn remove_stored(&mut self, link: LinkId) -> Result<()> {
        self.plain(&Request::RemoveConf { link })
    }

    /// Creates a tunnel, with the ioctl that an old kernel refuses if it is secure.
    pub fn tunnel_create(&mut self, params: &Kparams, secure: bool) -> Result<()> {
        let command = if secure { iptun::CREATE_SECURE } else { iptun::CREATE };
        self.tunnel_ioctl(command, params.encode())
    }

    /// Changes the addresses of a tunnel.
    pub fn tunnel_modify(&mut self, params: &Kparams) -> Result<()> {
        self.tunnel_ioctl(iptun::MODIFY, params.encode())
    }

    /// Deletes a tunnel.
    pub fn tunnel_delete(&mut self, link: LinkId) -> Result<()> {
        self.tunnel_ioctl(iptun::DELETE, link.0.to_le_bytes().to_vec())
    }

    /// What the kernel knows of a tunnel.
    pub fn tunnel_info(&mut self, link: LinkId) -> Result<Kparams> {
        let mut argument = Kparams::new(link).encode();
        self.try_ioctl(iptun::INFO, &mut argument)?;
        Kparams::decode(&argument).ok_or(LinkStatus::Failed)
    }

    fn tunnel_ioctl(&mut self, command: u32, mut argument: Vec<u8>) -> Result<()> {
        self.try_ioctl(command, &mut argument)
    }

    fn try_ioctl(&mut self, command: u32, argument: &mut Vec<u8>) -> Result<()> {
        for attempt in 1..=TRIES {
            match self.system.ioctl(command, argument) {
                Err(Errno::EAGAIN) if attempt < TRIES => {
                    // Nothing to wait for but time.
                    let _ = poll(&mut [], PollTimeout::from(PAUSE));
                }
                outcome => return outcome.map_err(Into::into),
            }
        }
        Err(LinkStatus::TryAgain)
    }

    /// MTU of a link in bytes.
    pub fn mtu(&mut self, link: LinkId) -> Result<u32> {
        let mut argument = Attr { link, max_sdu: 0 }.encode();
        self.system.ioctl(dld::ATTR, &mut argument)?;
        Ok(Attr::decode(&argument).ok_or(LinkStatus::Failed)?.max_sdu)
    }

    /// Tells the kernel that a link gets a new name.
    pub fn rename(&mut self, link: LinkId, name: &[u8]) -> Result<()> {
        let rename = Rename { link, other: LinkId::NONE, name: fits(name)?.to_vec() };
        Ok(self.system.ioctl(dld::RENAME, &mut rename.encode())?)
    }

    /// Sets a property.
    pub fn set_property(&mut self, property: &MacProp) -> Result<()> {
        Ok(self.system.ioctl(dld::SETMACPROP, &mut property.encode())?)
    }

    /// Asks for a property.
    pub fn property(&mut self, property: &MacProp) -> Result<MacProp> {
        let mut argument = property.encode();
        self.system.ioctl(dld::GETMACPROP, &mut argument)?;
        MacProp::decode(&argument).ok_or(LinkStatus::Failed)
    }

    /// Statistics of a link.
    pub fn statistics(&mut self, link: &[u8]) -> Result<LinkStatistics> {
        Ok(self.system.statistics(link)?)
    }

    /// Is this process in a zone of its own?
    pub fn in_zone(&mut self) -> Result<bool> {
        let zone = match self.zone {
            Some(zone) => zone,
            None => *self.zone.insert(self.system.zone()?),
        };
        Ok(zone != 0)
    }

    /// Where a link lies.
    pub fn topology(&mut self, link: LinkId) -> Result<LinkTopology> {
        Ok(self.system.topology(link)?)
    }
}
