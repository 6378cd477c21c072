// SPDX-License-Identifier: MIT OR Apache-2.0

//! The text of the two files.
//!
//! ```text
//! NAME <TAB> KEY=TYPE,VALUE; KEY=TYPE,VALUE; ...
//! ```
//!
//! The daemon of illumos gives up at the first line that it cannot read, and drops the
//! rest at the next change. Here such a line stays where it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;

use illumos_ipsec::model::{LINK_NAME_MAX, LinkClass, LinkId};
use illumos_ipsec::wire::dlmgmt::{AttrValue, LinkFlags};
use illumos_ipsec::wire::errno::Errno;

use super::{Link, LinkFile, Registry, zone_name, zone_number};

/// A line of the stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A link.
    Link(LinkId),
    /// A comment, a blank line, or what is not understood.
    Other(Vec<u8>),
}

/// What is in the file of active links.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveFile {
    lines: BTreeMap<LinkId, Vec<u8>>,
    /// The file is no longer, or not yet, just these lines.
    stale: bool,
}

/// The longest line that the daemon of illumos reads, in bytes: what is longer would be lost.
pub(super) const LINE_MAX: usize = 1022;

/// Tunnels of old files have this class.
const OLD_TUNNEL_CLASS: u32 = 96;

impl Registry {
    pub(super) fn load(&mut self) {
        let active = self.text(LinkFile::Active);
        for (number, line) in lines(&active) {
            match parse(line).and_then(active_link) {
                Some((id, link)) => {
                    self.active.lines.insert(id, active_line(id, &link));
                    self.names.insert(link.name.clone(), id);
                    self.links.insert(id, link);
                }
                None if is_blank(line) => {}
                None => self.complain(LinkFile::Active, number, line),
            }
        }
        self.active.stale = true;
        let stored = self.text(LinkFile::Persistent);
        let mut repaired = false;
        for (number, line) in lines(&stored) {
            let parsed = parse(line).and_then(|parts| stored_link(line, parts, &mut repaired));
            let entry = match parsed {
                Some(link) => self.add_stored(link),
                None => {
                    if !is_blank(line) {
                        self.complain(LinkFile::Persistent, number, line);
                    }
                    Entry::Other(line.to_vec())
                }
            };
            self.entries.push(entry);
        }
        if repaired {
            // The old form is as good as the new one; it can be tried again next time.
            let _ = self.save_persistent();
        }
    }

    fn add_stored(&mut self, link: Link) -> Entry {
        if let Some(id) = self.names.get(&link.name).copied() {
            if let Some(known) = self.links.get_mut(&id)
                && !known.flags.contains(LinkFlags::PERSIST)
            {
                known.flags |= LinkFlags::PERSIST;
                known.attrs = link.attrs;
                known.line = link.line;
                return Entry::Link(id);
            }
            self.complaints.push(format!(
                "{}: a second entry for {}; the first one counts",
                LinkFile::Persistent.path(),
                String::from_utf8_lossy(&link.name)
            ));
            return Entry::Other(line_of(&link).into_owned());
        }
        match self.free_number() {
            Ok(id) => {
                self.names.insert(link.name.clone(), id);
                self.links.insert(id, link);
                Entry::Link(id)
            }
            Err(_) => Entry::Other(line_of(&link).into_owned()),
        }
    }

    fn text(&mut self, file: LinkFile) -> Vec<u8> {
        self.store.read(file).unwrap_or_else(|errno| {
            self.complaints.push(format!("{}: cannot be read: {errno}", file.path()));
            if file == LinkFile::Persistent {
                self.unreadable = Some(errno);
            }
            Vec::new()
        })
    }

    fn complain(&mut self, file: LinkFile, line: usize, text: &[u8]) {
        self.complaints.push(format!(
            "{}:{line}: expected NAME, a tab and KEY=TYPE,VALUE; items, found {:?}; kept as it is",
            file.path(),
            String::from_utf8_lossy(text)
        ));
    }

    /// Writes the stored file. On failure nothing has changed in it.
    pub(super) fn save_persistent(&mut self) -> Result<(), Errno> {
        if let Some(errno) = self.unreadable {
            return Err(errno);
        }
        let mut text = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Other(line) => text.extend(line),
                Entry::Link(id) => match self.links.get(id) {
                    Some(link) => text.extend_from_slice(&line_of(link)),
                    None => continue,
                },
            }
            text.push(b'\n');
        }
        self.store.write(LinkFile::Persistent, &text)
    }

    /// Brings the active file up to date with a link. A new link goes to its end, so that many
    /// links are not written for each. The file is a cache: a failure is not reported, as by
    /// the daemon.
    pub(super) fn save_active(&mut self, id: LinkId) {
        let active = |link: &&Link| link.flags.contains(LinkFlags::ACTIVE);
        let line = self.links.get(&id).filter(active).map(|link| active_line(id, link));
        let ActiveFile { lines, stale } = &mut self.active;
        let last = lines.last_key_value().is_none_or(|(last, _)| *last < id);
        let written = match line {
            Some(line) if last && !*stale => {
                let written = self.store.append(LinkFile::Active, &line);
                lines.insert(id, line);
                written
            }
            line => {
                match line {
                    Some(line) => lines.insert(id, line),
                    None => lines.remove(&id),
                };
                let text = lines.values().map(Vec::as_slice).collect::<Vec<_>>().concat();
                self.store.write(LinkFile::Active, &text)
            }
        };
        *stale = written.is_err();
    }
}

/// An active link as a line with its end.
fn active_line(id: LinkId, link: &Link) -> Vec<u8> {
    let mut line = link.name.clone();
    let (class, media) = (link.class.bits(), link.media);
    let zone = zone_name(link.zone);
    // Writing to memory does not fail.
    let _ =
        write!(line, "\tlinkid=int,{id};zone=string,{zone};class=int,{class};media=int,{media};");
    if link.flags.contains(LinkFlags::TRANSIENT) {
        line.extend(b"transient=boolean,1;");
    }
    line.push(b'\n');
    line
}

/// A stored link as a line.
fn line_of(link: &Link) -> Cow<'_, [u8]> {
    match &link.line {
        Some(line) => Cow::Borrowed(line),
        None => Cow::Owned(make_line(link)),
    }
}

/// A stored link as a line, made anew.
pub(super) fn make_line(link: &Link) -> Vec<u8> {
    let mut line = link.name.clone();
    // Writing to memory does not fail.
    let _ = write!(line, "\tclass=int,{};media=int,{};", link.class.bits(), link.media);
    for (key, value) in &link.attrs {
        line.extend(key);
        match value {
            AttrValue::Str(text) => line.extend([b"=string,", text.as_slice(), b";"].concat()),
            AttrValue::Bool(value) => {
                let _ = write!(line, "=boolean,{};", u8::from(*value));
            }
            AttrValue::U64(value) => {
                let _ = write!(line, "=int,{value};");
            }
        }
    }
    line
}

/// Can this be a key or a string in the file?
pub(super) fn storable(text: &[u8]) -> bool {
    !text.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b' ' | b';' | b'='))
}

fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = (!text.is_empty())
        .then(|| text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n'));
    lines.into_iter().flatten().enumerate().map(|(at, line)| (at + 1, line))
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii_start().first().is_none_or(|byte| *byte == b'#')
}

type Attrs = Vec<(Vec<u8>, AttrValue)>;

/// Name and items of a line.
fn parse(line: &[u8]) -> Option<(Vec<u8>, Attrs)> {
    if is_blank(line) {
        return None;
    }
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let (name, rest) = line.split_at(end);
    if name.len() > LINK_NAME_MAX {
        return None;
    }
    let items = rest.trim_ascii_start();
    let end = items.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(items.len());
    let mut attrs = Vec::new();
    for item in items[..end].strip_suffix(b";")?.split(|byte| *byte == b';') {
        let equals = item.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&item[..equals], &item[equals + 1..]);
        let comma = value.iter().position(|byte| *byte == b',')?;
        let (kind, text) = (&value[..comma], &value[comma + 1..]);
        let number = || std::str::from_utf8(text).ok()?.parse::<u64>().ok();
        let value = match kind {
            b"string" => AttrValue::Str(text.to_vec()),
            b"boolean" => AttrValue::Bool(number()? != 0),
            b"int" => AttrValue::U64(number()?),
            _ => return None,
        };
        attrs.push((key.to_vec(), value));
    }
    Some((name.to_vec(), attrs))
}

fn take(attrs: &mut Attrs, key: &[u8]) -> Option<AttrValue> {
    let at = attrs.iter().position(|(name, _)| name == key)?;
    Some(attrs.remove(at).1)
}

fn take_u32(attrs: &mut Attrs, key: &[u8]) -> Option<u32> {
    match take(attrs, key)? {
        AttrValue::U64(value) => u32::try_from(value).ok(),
        _ => None,
    }
}

fn stored_link(
    line: &[u8],
    (name, mut attrs): (Vec<u8>, Attrs),
    repaired: &mut bool,
) -> Option<Link> {
    let class = take_u32(&mut attrs, b"class")?;
    let media = take_u32(&mut attrs, b"media")?;
    let old = class == OLD_TUNNEL_CLASS;
    *repaired |= old;
    let class = if old { LinkClass::IPTUN } else { LinkClass::from_bits_retain(class) };
    let mut link = Link::new(name, class, media, LinkFlags::PERSIST, 0);
    link.attrs = attrs;
    link.line = (!old).then(|| line.to_vec());
    Some(link)
}

fn active_link((name, mut attrs): (Vec<u8>, Attrs)) -> Option<(LinkId, Link)> {
    let id = LinkId(take_u32(&mut attrs, b"linkid")?);
    let AttrValue::Str(zone) = take(&mut attrs, b"zone")? else { return None };
    let zone = zone_number(&zone)?;
    let class = LinkClass::from_bits_retain(take_u32(&mut attrs, b"class")?);
    let media = take_u32(&mut attrs, b"media")?;
    let mut flags = LinkFlags::ACTIVE;
    if matches!(take(&mut attrs, b"transient"), Some(AttrValue::Bool(true))) {
        flags |= LinkFlags::TRANSIENT;
    }
    let mut link = Link::new(name, class, media, flags, zone);
    // A transient link is the zone's own.
    link.loaned = zone != 0 && !flags.contains(LinkFlags::TRANSIENT);
    (id != LinkId::NONE).then_some((id, link))
}
