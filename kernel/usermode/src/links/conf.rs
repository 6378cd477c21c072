// SPDX-License-Identifier: MIT OR Apache-2.0

//! Work copies of stored configuration.

use illumos_ipsec::model::{LinkClass, LinkId};
use illumos_ipsec::wire::dlmgmt::{AttrValue, ConfId, LinkFlags};
use illumos_ipsec::wire::errno::Errno;

use super::file::{Entry, LINE_MAX, make_line, storable};
use super::{Link, Registry};

/// A work copy.
#[derive(Clone, Debug)]
pub(super) struct Conf {
    link: LinkId,
    name: Vec<u8>,
    class: LinkClass,
    media: u32,
    zone: u32,
    generation: u64,
    attrs: Vec<(Vec<u8>, AttrValue)>,
}

impl Registry {
    /// A new, empty copy.
    pub(super) fn create_conf(
        &mut self,
        name: Vec<u8>,
        link: LinkId,
        class: LinkClass,
        media: u32,
        zone: u32,
    ) -> ConfId {
        let attrs = Vec::new();
        self.add_conf(Conf { link, name, class, media, zone, generation: 0, attrs })
    }

    /// A copy of what is stored.
    pub(super) fn open_conf(&mut self, link: LinkId, zone: u32) -> Result<ConfId, Errno> {
        let known = self.links.get(&link).ok_or(Errno::ENOENT)?;
        if !known.flags.contains(LinkFlags::PERSIST) {
            return Err(Errno::ENOENT);
        }
        if zone != 0 && known.loaned {
            return Err(Errno::EACCES);
        }
        let Link { name, class, media, attrs, generation, .. } = known.clone();
        Ok(self.add_conf(Conf { link, name, class, media, zone, generation, attrs }))
    }

    fn add_conf(&mut self, conf: Conf) -> ConfId {
        let id = ConfId(self.next_conf);
        self.next_conf = self.next_conf.checked_add(1).unwrap_or(1);
        self.confs.insert(id, conf);
        id
    }

    fn conf(&mut self, id: ConfId, zone: u32) -> Result<&mut Conf, Errno> {
        self.confs.get_mut(&id).filter(|conf| conf.zone == zone).ok_or(Errno::ENOENT)
    }

    /// Class of the link that a copy is of.
    pub(super) fn conf_class(&self, id: ConfId) -> Option<LinkClass> {
        self.confs.get(&id).map(|conf| conf.class)
    }

    /// Stores a copy in place of what is stored.
    pub(super) fn write_conf(&mut self, id: ConfId, zone: u32) -> Result<(), Errno> {
        let conf = self.conf(id, zone)?.clone();
        let link = self.links.get_mut(&conf.link).ok_or(Errno::ENOENT)?;
        if (&link.name, link.class, link.media) != (&conf.name, conf.class, conf.media) {
            return Err(Errno::ENOENT);
        }
        if link.generation != conf.generation {
            return Err(Errno::EAGAIN);
        }
        let before = link.clone();
        let mut after = link.clone();
        after.attrs = conf.attrs;
        let line = make_line(&after);
        if line.len() > LINE_MAX {
            return Err(Errno::ENOSPC);
        }
        after.line = Some(line);
        *link = after;
        link.flags |= LinkFlags::PERSIST;
        link.generation += 1;
        let listed = self.entries.contains(&Entry::Link(conf.link));
        if !listed {
            self.entries.push(Entry::Link(conf.link));
        }
        if let Err(errno) = self.save_persistent() {
            self.links.insert(conf.link, before);
            if !listed {
                self.entries.pop();
            }
            return Err(errno);
        }
        let generation = self.links.get(&conf.link).map_or(0, |link| link.generation);
        self.conf(id, zone)?.generation = generation;
        Ok(())
    }

    /// Removes what is stored of a link from the file.
    pub(super) fn remove_conf(&mut self, link: LinkId) -> Result<(), Errno> {
        let at = self.entries.iter().position(|entry| *entry == Entry::Link(link));
        let Some(at) = at.filter(|_| self.links.contains_key(&link)) else {
            return Err(Errno::ENOENT);
        };
        let entry = self.entries.remove(at);
        if let Err(errno) = self.save_persistent() {
            self.entries.insert(at, entry);
            return Err(errno);
        }
        if let Some(link) = self.links.get_mut(&link) {
            link.attrs.clear();
            link.line = None;
            link.generation += 1;
        }
        Ok(())
    }

    /// Sets an attribute of a copy, at its place if it is there. What would not be read
    /// from the file as it was written is refused.
    pub(super) fn set_attr(
        &mut self,
        id: ConfId,
        zone: u32,
        name: Vec<u8>,
        value: AttrValue,
    ) -> Result<(), Errno> {
        let attrs = &mut self.conf(id, zone)?.attrs;
        let text = if let AttrValue::Str(text) = &value { text.as_slice() } else { &[] };
        if name.is_empty() || !storable(&name) || !storable(text) {
            return Err(Errno::EINVAL);
        }
        match attrs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => attrs.push((name, value)),
        }
        Ok(())
    }

    /// Removes an attribute of a copy.
    pub(super) fn unset_attr(&mut self, id: ConfId, zone: u32, name: &[u8]) -> Result<(), Errno> {
        self.conf(id, zone)?.attrs.retain(|(known, _)| known != name);
        Ok(())
    }

    /// An attribute of a copy.
    pub(super) fn get_attr(
        &mut self,
        id: ConfId,
        zone: u32,
        name: &[u8],
    ) -> Result<AttrValue, Errno> {
        let attrs = &self.conf(id, zone)?.attrs;
        let found = attrs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).ok_or(Errno::ENOENT)
    }

    /// Frees a copy.
    pub(super) fn destroy_conf(&mut self, id: ConfId, zone: u32) -> Result<(), Errno> {
        self.conf(id, zone)?;
        self.confs.remove(&id);
        Ok(())
    }
}
