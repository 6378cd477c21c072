// SPDX-License-Identifier: MIT OR Apache-2.0

//! The link registry: what the link daemon of illumos keeps.
//!
//! Numbers, names, where each link exists, and the stored configuration. The two files
//! go through a [`LinkStore`], which the world around the kernel provides.
//! Source: `spec/iptun_ioctl.md` section 5, `spec/dladm-iptun.md` section 8.

mod conf;
mod door;
mod file;
mod store;

use std::collections::{BTreeMap, HashMap};

use illumos_ipsec::model::{LinkClass, LinkId, valid_link_name};
use illumos_ipsec::wire::dlmgmt::{AttrValue, ConfId, LinkFlags, LinkInfo};
use illumos_ipsec::wire::errno::Errno;

use self::conf::Conf;
use self::file::{ActiveFile, Entry, LINE_MAX, make_line};
pub use self::store::{LinkFile, LinkStore, MemoryStore};
use crate::host::Caller;

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: Vec<u8>,
    /// Its class.
    pub class: LinkClass,
    /// Its media number.
    pub media: u32,
    /// Where it exists.
    pub flags: LinkFlags,
    /// The zone that has it.
    pub zone: u32,
    /// What is stored of it, in the order of the file.
    pub attrs: Vec<(Vec<u8>, AttrValue)>,
    /// Given to its zone by another one.
    loaned: bool,
    /// Counts changes; a work copy of an earlier state cannot be written.
    generation: u64,
    /// Its line of the stored file: as it was read while nothing has changed in it, else as
    /// it was written.
    line: Option<Vec<u8>>,
}

impl Link {
    fn new(name: Vec<u8>, class: LinkClass, media: u32, flags: LinkFlags, zone: u32) -> Self {
        let attrs = Vec::new();
        Self { name, class, media, flags, zone, attrs, loaned: false, generation: 0, line: None }
    }
}

/// The registry.
#[derive(Clone, Debug)]
pub struct Registry {
    links: BTreeMap<LinkId, Link>,
    names: HashMap<Vec<u8>, LinkId>,
    confs: BTreeMap<ConfId, Conf>,
    /// The stored file in its order, with what is no link.
    entries: Vec<Entry>,
    active: ActiveFile,
    next_link: u32,
    next_conf: u32,
    store: Box<dyn LinkStore>,
    /// Why the stored file could not be read. It is not written then: what is in it would be
    /// lost.
    unreadable: Option<Errno>,
    complaints: Vec<String>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::open(Box::new(MemoryStore::default()))
    }
}

impl Registry {
    /// Reads both files of a store. What cannot be read as a link stays in the file as
    /// it is, and is complained about.
    #[must_use]
    pub fn open(store: Box<dyn LinkStore>) -> Self {
        let mut registry = Self {
            links: BTreeMap::new(),
            names: HashMap::new(),
            confs: BTreeMap::new(),
            entries: Vec::new(),
            active: ActiveFile::default(),
            next_link: 1,
            next_conf: 1,
            store,
            unreadable: None,
            complaints: Vec::new(),
        };
        registry.load();
        registry
    }

    /// What was wrong with the files; once.
    pub fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// A link by number.
    #[must_use]
    pub fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(&link)
    }

    /// A link by name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<(LinkId, &Link)> {
        let link = *self.names.get(name)?;
        Some((link, self.links.get(&link)?))
    }

    /// Every link by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }

    /// Gives a new number to a link that is not stored.
    pub(crate) fn create(
        &mut self,
        name: &[u8],
        class: LinkClass,
        media: u32,
        flags: LinkFlags,
        zone: u32,
    ) -> Result<LinkId, Errno> {
        let both = LinkFlags::PERSIST | LinkFlags::TRANSIENT;
        if !valid_link_name(name) || flags.is_empty() || flags.contains(both) {
            return Err(Errno::EINVAL);
        }
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let id = self.free_number()?;
        self.names.insert(name.to_vec(), id);
        self.links.insert(id, Link::new(name.to_vec(), class, media, flags, zone));
        if flags.contains(LinkFlags::ACTIVE) {
            self.save_active(id);
        }
        Ok(id)
    }

    /// The first name of a prefix and a number that no link has.
    pub(crate) fn name_with(&self, prefix: &[u8]) -> Vec<u8> {
        let names = (0u64..).map(|number| [prefix, number.to_string().as_bytes()].concat());
        names.into_iter().find(|name| !self.names.contains_key(name)).unwrap_or_default()
    }

    /// Takes flags off a link that has one of them. Without PERSIST its stored attributes
    /// go.
    pub(crate) fn destroy(&mut self, id: LinkId, flags: LinkFlags) -> Result<(), Errno> {
        let link = self.links.get_mut(&id).ok_or(Errno::ENOENT)?;
        if !link.flags.intersects(flags & (LinkFlags::ACTIVE | LinkFlags::PERSIST)) {
            return Err(Errno::ENOENT);
        }
        link.flags -= flags;
        if flags.contains(LinkFlags::PERSIST) {
            link.attrs.clear();
            link.line = None;
            link.generation += 1;
        }
        if flags.contains(LinkFlags::ACTIVE) {
            link.flags -= LinkFlags::TRANSIENT;
        }
        if link.flags.is_empty() {
            let name = link.name.clone();
            self.names.remove(&name);
            self.links.remove(&id);
            self.entries.retain(|entry| *entry != Entry::Link(id));
        }
        if flags.contains(LinkFlags::ACTIVE) {
            self.save_active(id);
        }
        Ok(())
    }

    /// Makes a stored link active.
    pub(crate) fn up(&mut self, id: LinkId) -> Result<(), Errno> {
        let link = self.links.get_mut(&id).ok_or(Errno::ENOENT)?;
        if link.flags.contains(LinkFlags::ACTIVE) {
            return Err(Errno::EINVAL);
        }
        link.flags |= LinkFlags::ACTIVE;
        self.save_active(id);
        Ok(())
    }

    /// Gives a link a new name. A failure to store it leaves the old one.
    pub(crate) fn rename(&mut self, id: LinkId, name: &[u8]) -> Result<(), Errno> {
        if !valid_link_name(name) {
            return Err(Errno::EINVAL);
        }
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let link = self.links.get_mut(&id).ok_or(Errno::ENOENT)?;
        let mut after = Link { name: name.to_vec(), ..link.clone() };
        let line = make_line(&after);
        let stored = link.flags.contains(LinkFlags::PERSIST);
        if stored && line.len() > LINE_MAX {
            return Err(Errno::ENOSPC);
        }
        after.line = Some(line);
        after.generation += 1;
        let before = std::mem::replace(link, after);
        let old = before.name.clone();
        if stored && let Err(errno) = self.save_persistent() {
            self.links.insert(id, before);
            return Err(errno);
        }
        self.names.remove(&old);
        self.names.insert(name.to_vec(), id);
        self.save_active(id);
        Ok(())
    }

    /// Enters a link that is there already, whatever its name.
    pub fn restore(
        &mut self,
        name: &[u8],
        class: LinkClass,
        media: u32,
        flags: LinkFlags,
    ) -> LinkId {
        let id = self.free_number().unwrap_or(LinkId(u32::MAX));
        self.names.insert(name.to_vec(), id);
        self.links.insert(id, Link::new(name.to_vec(), class, media, flags, 0));
        id
    }

    fn free_number(&mut self) -> Result<LinkId, Errno> {
        let start = self.next_link;
        loop {
            let id = LinkId(self.next_link);
            self.next_link = self.next_link.checked_add(1).unwrap_or(1);
            if id != LinkId::NONE && !self.links.contains_key(&id) {
                return Ok(id);
            }
            if self.next_link == start {
                return Err(Errno::ENOSPC);
            }
        }
    }

    fn info(&self, id: LinkId, link: &Link) -> LinkInfo {
        LinkInfo { link: id, flags: link.flags, class: link.class, media: link.media }
    }
}

/// The name of a zone in the active file.
fn zone_name(zone: u32) -> String {
    if zone == 0 { "global".to_owned() } else { format!("zone{zone}") }
}

fn zone_number(name: &[u8]) -> Option<u32> {
    match name {
        b"global" => Some(0),
        _ => std::str::from_utf8(name.strip_prefix(b"zone")?).ok()?.parse().ok(),
    }
}

/// May the caller see the link?
fn visible(link: &Link, caller: Caller) -> bool {
    link.zone == caller.zone || caller.zone == 0
}
