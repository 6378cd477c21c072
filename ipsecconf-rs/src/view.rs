// SPDX-License-Identifier: MIT OR Apache-2.0

//! The record of what was loaded, as text.
//!
//! One entry for each rule of a policy file:
//!
//! ```text
//! ;@ tunnel=mytun0 rules=1-4 lines=1 source=/etc/inet/ipsecinit.d/10_vpn.conf:3
//! #SOURCE /etc/inet/ipsecinit.d/10_vpn.conf:3
//! #INDEX 4
//! { tunnel mytun0 negotiate tunnel } ipsec { encr_algs aes-gcm }
//!
//! ```
//!
//! Lines that begin with `;` are not shown. The `;@` line holds what the original's
//! format has no place for: the policy head, all indices of the rule in the kernel
//! (the `#INDEX` line has the last one), how many lines of text follow, and where the
//! entry came from. Entries without it, written by the original program, are understood
//! as well. The `#SOURCE` line is there for people, and only if the policy came from more
//! than one file.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use bstr::ByteSlice;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::policy::Scope;

/// A policy head: a tunnel's, or the host's own.
pub(crate) type Head = Option<TunnelName>;

/// The entries of a view, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub items: Vec<Item>,
}

/// A stretch of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Entry(Entry),
    /// Lines that are no entry, kept and shown as they are.
    Other(Vec<u8>),
}

/// One rule of a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub head: Head,
    /// Index of the last kernel rule it became.
    pub index: u64,
    /// All its kernel rules as ranges of indices; empty if that is not known.
    pub rules: Vec<(u64, u64)>,
    /// The text as it was collected from the file.
    pub text: Arc<[u8]>,
    /// Where it came from, if that is known.
    pub origin: Option<Origin>,
}

/// Where an entry came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file, as it was named.
    pub file: Arc<str>,
    pub line: u32,
    /// Whether listings say so.
    pub shown: bool,
    /// The entry stands for a file that could not be used: it drops everything.
    pub stopgap: bool,
}

impl Origin {
    /// As a line of a listing.
    pub(crate) fn to_line(&self) -> String {
        // A name is one line; blanks and letters of any script stay readable.
        let file: String = self.file.chars().filter(|c| !c.is_control()).collect();
        match self.stopgap {
            true => format!("#SOURCE {file} cannot be used, so everything is dropped\n"),
            false => format!("#SOURCE {file}:{}\n", self.line),
        }
    }
}

impl View {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Parser { lines: text.split_inclusive(|&b| b == b'\n').collect(), at: 0, items: Vec::new() }
            .run()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let len = |item: &Item| match item {
            Item::Entry(entry) => entry.text.len() + 128,
            Item::Other(lines) => lines.len(),
        };
        let mut out = Vec::with_capacity(self.items.iter().map(len).sum());
        for item in &self.items {
            match item {
                Item::Entry(entry) => entry.write(&mut out),
                Item::Other(lines) => out.extend_from_slice(lines),
            }
        }
        out
    }

    #[cfg(test)]
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.items.iter().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::Other(_) => None,
        })
    }

    /// The tunnels that drop everything for want of a usable policy.
    pub(crate) fn stopgaps(&self) -> impl Iterator<Item = &TunnelName> {
        self.items.iter().filter_map(|item| match item {
            Item::Entry(Entry { head, origin: Some(Origin { stopgap: true, .. }), .. }) => {
                head.as_ref()
            }
            _ => None,
        })
    }

    /// Takes the entries of these heads out.
    pub(crate) fn take(&mut self, of: impl Fn(&Head) -> bool) {
        self.items.retain(|item| match item {
            Item::Entry(entry) => !of(&entry.head),
            Item::Other(_) => true,
        });
    }
}

/// Is the head among those of the scope?
pub(crate) fn covers(scope: &Scope, head: &Head) -> bool {
    match scope {
        Scope::All => true,
        Scope::Global => head.is_none(),
        Scope::Tunnel(name) => head.as_ref() == Some(name),
    }
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        // Writing into a vector cannot fail.
        let _ = write!(out, ";@");
        if let Some(tunnel) = &self.head {
            let _ = write!(out, " tunnel={}", escape(tunnel.as_bytes()));
        }
        let _ = write!(out, " rules=");
        for (n, (first, last)) in self.rules.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(out, "{comma}{first}-{last}");
        }
        let lines = self.text.lines().count();
        let _ = write!(out, " lines={lines}");
        if let Some(Origin { file, line, stopgap, .. }) = &self.origin {
            let key = if *stopgap { "stopgap" } else { "source" };
            let _ = write!(out, " {key}={}:{line}", escape(file.as_bytes()));
        }
        out.push(b'\n');
        if let Some(origin) = self.origin.as_ref().filter(|origin| origin.shown) {
            out.extend_from_slice(origin.to_line().as_bytes());
        }
        let _ = writeln!(out, "#INDEX {} ", self.index);
        out.extend_from_slice(&self.text);
        out.extend_from_slice(if self.text.ends_with(b"\n") { b"\n" } else { b"\n\n" });
    }

    /// Is this one of the kernel rules of the entry?
    pub(crate) fn has_rule(&self, index: u64) -> bool {
        self.rules.iter().any(|&(first, last)| (first..=last).contains(&index))
    }

    /// Notes that one of the kernel rules has been deleted.
    pub(crate) fn forget_rule(&mut self, index: u64) {
        let split = |&(first, last): &(u64, u64)| match (first..=last).contains(&index) {
            true => vec![(first, index.wrapping_sub(1)), (index + 1, last)],
            false => vec![(first, last)],
        };
        self.rules = self.rules.iter().flat_map(split).filter(|(a, b)| a <= b).collect();
    }

    /// Forgets the kernel rules that are not in force.
    pub(crate) fn keep_rules(&mut self, in_force: &BTreeSet<u64>) {
        let mut kept: Vec<(u64, u64)> = Vec::new();
        for &(first, last) in self.rules.iter().filter(|(first, last)| first <= last) {
            for &index in in_force.range(first..=last) {
                match kept.last_mut() {
                    Some((_, end)) if index.checked_sub(1) == Some(*end) => *end = index,
                    _ => kept.push((index, index)),
                }
            }
        }
        self.rules = kept;
    }

    /// The kernel rules of the entry but this one, as text; empty if there are none.
    pub(crate) fn rules_beside(&self, gone: u64) -> String {
        let others: Vec<_> = self
            .rules
            .iter()
            .flat_map(|&(first, last)| first..=last)
            .filter(|&index| index != gone)
            .map(|index| index.to_string())
            .collect();
        others.join(", ")
    }
}

/// The number of an `#INDEX` line, if this is one: an error if the number is unreadable.
pub(crate) fn index_line(line: &[u8]) -> Option<Result<u64, ()>> {
    let rest = line.strip_prefix(b"#INDEX")?;
    let number = rest.trim().to_str().ok().and_then(|number| number.parse().ok());
    Some(number.ok_or(()))
}

struct Parser<'a> {
    lines: Vec<&'a [u8]>,
    at: usize,
    items: Vec<Item>,
}

/// What a `;@` line says.
struct Note {
    head: Head,
    rules: Vec<(u64, u64)>,
    lines: usize,
    origin: Option<Origin>,
}

impl Parser<'_> {
    fn run(mut self) -> View {
        while let Some(&line) = self.lines.get(self.at) {
            let mut note = Note::parse(line);
            let mut index_at = self.at + usize::from(note.is_some());
            if let Some(origin) = note.as_mut().and_then(|note| note.origin.as_mut())
                && self.lines.get(index_at).is_some_and(|line| line.starts_with(SOURCE))
            {
                origin.shown = true;
                index_at += 1;
            }
            match self.lines.get(index_at).copied().and_then(index_line) {
                Some(Ok(index)) => {
                    self.at = index_at + 1;
                    self.entry(index, note);
                }
                _ if note.is_some() => self.at = index_at,
                _ => {
                    self.at += 1;
                    self.other(line);
                }
            }
        }
        View { items: self.items }
    }

    fn other(&mut self, line: &[u8]) {
        // Hidden lines are what the original leaves of entries that it removed.
        if line.starts_with(b";") {
            return;
        }
        match self.items.last_mut() {
            Some(Item::Other(lines)) => lines.extend_from_slice(line),
            // The blank lines behind an entry belong to it.
            Some(Item::Entry(_)) if line.trim().is_empty() => {}
            _ => self.items.push(Item::Other(line.to_vec())),
        }
    }

    fn entry(&mut self, index: u64, note: Option<Note>) {
        let rest = &self.lines[self.at..];
        let lines = match &note {
            Some(note) => note.lines.min(rest.len()),
            None => rest
                .iter()
                .position(|line| {
                    line.trim().is_empty() || index_line(line).is_some() || line.starts_with(b";")
                })
                .unwrap_or(rest.len()),
        };
        let text: Arc<[u8]> = rest[..lines].concat().into();
        self.at += lines;
        let (head, rules, origin) = match note {
            Some(note) => (note.head, note.rules, note.origin),
            None => (head_of(&text), Vec::new(), None),
        };
        self.items.push(Item::Entry(Entry { head, index, rules, text, origin }));
    }
}

impl Note {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut note = Self { head: None, rules: Vec::new(), lines: 0, origin: None };
        for field in line.strip_prefix(b";@ ")?.to_str().ok()?.split_whitespace() {
            match field.split_once('=')? {
                ("tunnel", name) => note.head = Some(TunnelName::new(unescape(name)?).ok()?),
                ("rules", "") => {}
                ("rules", ranges) => {
                    for range in ranges.split(',') {
                        let (first, last) = range.split_once('-')?;
                        note.rules.push((first.parse().ok()?, last.parse().ok()?));
                    }
                }
                ("lines", lines) => note.lines = lines.parse().ok()?,
                (key @ ("source" | "stopgap"), place) => {
                    let (file, line) = place.rsplit_once(':')?;
                    let file = String::from_utf8_lossy(&unescape(file)?).as_ref().into();
                    let line = line.parse().ok()?;
                    note.origin =
                        Some(Origin { file, line, shown: false, stopgap: key == "stopgap" });
                }
                _ => {}
            }
        }
        Some(note)
    }
}

/// The tunnel that a rule's text names in its pattern.
fn head_of(text: &[u8]) -> Head {
    let pattern = text.split(|&b| b == b'}').next()?;
    let words: Vec<_> = pattern
        .split(|&b| b.is_ascii_whitespace() || b == b'{')
        .filter(|word| !word.is_empty())
        .collect();
    let at = words.iter().step_by(2).position(|&word| word == b"tunnel")? * 2;
    words.get(at + 1).and_then(|name| TunnelName::new(name).ok())
}

/// What comes before the place in a line of a listing.
const SOURCE: &[u8] = b"#SOURCE ";

/// Makes a name one printable word.
pub(crate) fn escape(name: &[u8]) -> String {
    name.iter().fold(String::new(), |mut out, &byte| {
        match byte {
            b'!'..=b'~' if byte != b'%' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
        out
    })
}

fn unescape(name: &str) -> Option<Vec<u8>> {
    let mut parts = name.split('%');
    let mut out = parts.next()?.as_bytes().to_vec();
    for part in parts {
        out.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        out.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(out)
}

/// A rule with one blank between its words, for comparing rules that are laid out
/// differently.
pub(crate) fn words(text: &[u8]) -> Vec<u8> {
    let spaced = text.replace("{", " { ").replace("}", " } ");
    let mut words = bstr::join(" ", spaced.fields());
    words.make_ascii_lowercase();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(head: &str, index: u64, text: &str) -> Entry {
        let head = (!head.is_empty()).then(|| TunnelName::new(head).unwrap());
        let text = text.as_bytes().into();
        Entry { head, index, rules: vec![(index - 1, index)], text, origin: None }
    }

    #[test]
    fn entries_survive_writing_and_reading() {
        let view = View {
            items: vec![
                Item::Entry(entry("", 2, "{ raddr 10.0.0.1 } ipsec { auth_algs sha1 }\n")),
                Item::Entry(entry("a b%", 9, "{ tunnel\r\n  x\n\n } drop {}\n")),
                Item::Entry(entry("", 4, "{ lport 1\n}\npass { }\n")),
            ],
        };
        assert_eq!(View::parse(&view.to_bytes()), view);
    }

    #[test]
    fn origins_survive_and_are_shown_on_a_line_of_their_own() {
        let origin =
            |shown, stopgap| Origin { file: "/a b/%:c.conf".into(), line: 7, shown, stopgap };
        let mut entries = Vec::new();
        for (index, origin) in
            [(2, origin(true, false)), (4, origin(false, false)), (6, origin(true, true))]
        {
            let mut entry = entry("t0", index, "{ tunnel t0 }\ndrop { }\n");
            entry.origin = Some(origin);
            entries.push(Item::Entry(entry));
        }
        let view = View { items: entries };
        let text = view.to_bytes();
        assert_eq!(View::parse(&text), view);
        let shown: Vec<_> = text.lines().filter(|line| line.starts_with(b"#SOURCE")).collect();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].as_bstr(), "#SOURCE /a b/%:c.conf:7");
    }

    #[test]
    fn files_of_the_original_are_understood() {
        let text = b"#INDEX 4 \n{ tunnel vpn01 negotiate tunnel } ipsec { encr_algs aes-gcm }\n\n\
                     #INDEX 2 \n{\n raddr tunnel } drop { }\n\n;INDEX 6 \n; raddr x };\n\
                     #INDEX abc \n{ x }\n\n";
        let view = View::parse(text);
        let heads: Vec<_> = view
            .entries()
            .map(|entry| (entry.index, entry.head.as_ref().map(ToString::to_string)))
            .collect();
        assert_eq!(heads, [(4, Some("vpn01".to_owned())), (2, None)]);
        assert_eq!(view.entries().nth(1).unwrap().text[..], *b"{\n raddr tunnel } drop { }\n");
        assert!(view.items.contains(&Item::Other(b"#INDEX abc \n{ x }\n\n".to_vec())));
    }

    #[test]
    fn deleted_kernel_rules_are_forgotten() {
        let mut entry = entry("", 8, "{ } drop { }\n");
        entry.rules = vec![(1, 4), (8, 8)];
        for index in [1, 3, 9] {
            entry.forget_rule(index);
        }
        assert_eq!(
            (entry.rules.clone(), entry.rules_beside(8)),
            (vec![(2, 2), (4, 4), (8, 8)], "2, 4".into())
        );
        assert!(entry.has_rule(4) && !entry.has_rule(3));
        entry.rules = vec![(1, 4), (5, 6), (8, 8), (9, 7)];
        entry.keep_rules(&BTreeSet::from([0, 2, 4, 5, 6, 9]));
        assert_eq!(entry.rules, [(2, 2), (4, 6)]);
    }

    #[test]
    fn a_note_without_its_entry_is_dropped() {
        let view = View::parse(b";@ tunnel=t0 rules=1-4 lines=1\n;INDEX 4 \n; tunnel t0 };\n");
        assert_eq!(view, View::default());
    }

    #[test]
    fn rules_compare_by_their_words() {
        assert_eq!(words(b"{raddr X}\nDROP {}"), words(b" { raddr x } drop { }"));
        assert_ne!(words(b"{ raddr x } drop {}"), words(b"{ laddr x } drop {}"));
    }
}
