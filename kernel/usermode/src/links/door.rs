// SPDX-License-Identifier: MIT OR Apache-2.0

//! Requests through the door.

use std::ops::Bound;

use illumos_ipsec::model::{LinkClass, LinkId};
use illumos_ipsec::wire::dlmgmt::{ANY_MEDIA, LinkFlags, NameInfo, Reply, Request};
use illumos_ipsec::wire::errno::Errno;

use super::{Link, Registry, visible};
use crate::host::Caller;

impl Registry {
    /// Answers the image of a request with the image of a reply.
    pub(crate) fn call(&mut self, caller: Caller, bytes: &[u8]) -> Vec<u8> {
        match Request::decode(bytes) {
            Err(errno) => Reply::encode_error(None, errno),
            Ok(request) => match self.answer(caller, &request) {
                Ok(reply) => reply.encode(),
                Err(errno) => Reply::encode_error(Some(&request), errno),
            },
        }
    }

    fn answer(&mut self, caller: Caller, request: &Request) -> Result<Reply, Errno> {
        let zone = caller.zone;
        if request.needs_privilege() && !self.allowed(caller, request) {
            return Err(Errno::EACCES);
        }
        let plain = |()| Reply::Plain;
        match request {
            Request::GetName { link } => {
                let link = self.seen(*link, caller)?;
                let Link { name, class, media, flags, .. } = link.clone();
                Ok(Reply::Name(NameInfo { name, class, media, flags }))
            }
            Request::GetLinkId { name } => match self.find(name) {
                Some((id, link)) if visible(link, caller) => Ok(Reply::Link(self.info(id, link))),
                _ => Err(Errno::ENOENT),
            },
            Request::GetNext { after, class, flags, media } => {
                let next = self.links.range((Bound::Excluded(*after), Bound::Unbounded));
                let mut fitting = next.filter(|(_, link)| {
                    visible(link, caller)
                        && link.class.intersects(*class)
                        && link.flags.intersects(*flags)
                        && (media & ANY_MEDIA != 0 || *media as u32 == link.media)
                });
                let (id, link) = fitting.next().ok_or(Errno::ENOENT)?;
                Ok(Reply::Link(self.info(*id, link)))
            }
            Request::SetZoneId { link: id, zone: new } => {
                if zone != 0 {
                    return Err(Errno::EACCES);
                }
                let link = self.links.get_mut(id).ok_or(Errno::ENOENT)?;
                if !link.flags.contains(LinkFlags::ACTIVE) {
                    return Err(Errno::EINVAL);
                }
                link.loaned = *new != 0;
                link.zone = *new;
                self.save_active(*id);
                Ok(Reply::Plain)
            }
            Request::CreateLinkId { name, class, media, prefix, flags } => {
                let full = if *prefix { self.name_with(name) } else { name.clone() };
                let id = self.create(&full, *class, *media, *flags, zone)?;
                let link = self.links.get(&id).ok_or(Errno::ENOENT)?;
                Ok(Reply::Link(self.info(id, link)))
            }
            Request::DestroyLinkId { link, flags } => {
                self.seen(*link, caller)?;
                self.destroy(*link, *flags).map(plain)
            }
            Request::RemapLinkId { link, name } => {
                self.seen(*link, caller)?;
                self.rename(*link, name).map(plain)
            }
            Request::CreateConf { name, link, class, media } => {
                let conf = self.create_conf(name.clone(), *link, *class, *media, zone);
                Ok(Reply::Conf(conf))
            }
            Request::OpenConf { link } => {
                self.seen(*link, caller)?;
                self.open_conf(*link, zone).map(Reply::Conf)
            }
            Request::WriteConf { conf } => self.write_conf(*conf, zone).map(plain),
            Request::UpLinkId { link } => {
                self.seen(*link, caller)?;
                self.up(*link).map(plain)
            }
            Request::SetAttr { conf, name, value } => {
                self.set_attr(*conf, zone, name.clone(), value.clone()).map(plain)
            }
            Request::UnsetAttr { conf, name } => self.unset_attr(*conf, zone, name).map(plain),
            Request::RemoveConf { link } => {
                self.seen(*link, caller)?;
                self.remove_conf(*link).map(plain)
            }
            Request::DestroyConf { conf } => self.destroy_conf(*conf, zone).map(plain),
            Request::GetAttr { conf, name } => self.get_attr(*conf, zone, name).map(Reply::Attr),
            Request::Snapshot { link } => {
                let link = self.seen(*link, caller)?;
                if !link.flags.contains(LinkFlags::PERSIST) {
                    return Err(Errno::ENOENT);
                }
                let attrs = link.attrs.iter();
                Ok(Reply::Snapshot(
                    attrs.map(|(name, value)| (name.clone(), value.bytes())).collect(),
                ))
            }
        }
    }

    fn seen(&self, link: LinkId, caller: Caller) -> Result<&Link, Errno> {
        self.links.get(&link).filter(|link| visible(link, caller)).ok_or(Errno::ENOENT)
    }

    /// Has the caller the privilege for the class of link that the request is about? What
    /// he cannot see is not there for him, and that is what he is told.
    fn allowed(&self, caller: Caller, request: &Request) -> bool {
        let class_of = |link: &LinkId| self.seen(*link, caller).ok().map(|link| link.class);
        let class = match request {
            Request::CreateLinkId { class, .. } | Request::CreateConf { class, .. } => Some(*class),
            Request::DestroyLinkId { link, .. }
            | Request::RemapLinkId { link, .. }
            | Request::OpenConf { link }
            | Request::UpLinkId { link }
            | Request::RemoveConf { link }
            | Request::SetZoneId { link, .. } => class_of(link),
            Request::WriteConf { conf }
            | Request::SetAttr { conf, .. }
            | Request::UnsetAttr { conf, .. }
            | Request::DestroyConf { conf }
            | Request::GetAttr { conf, .. } => self.conf_class(*conf),
            _ => None,
        };
        let privileges = caller.privileges;
        match class {
            Some(LinkClass::IPTUN) => privileges.tunnels(),
            Some(_) => privileges.links(),
            None => true,
        }
    }
}
