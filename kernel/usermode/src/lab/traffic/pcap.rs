// SPDX-License-Identifier: MIT OR Apache-2.0

//! Capture files of the classic form with raw IP packets.

use std::path::PathBuf;

/// Magic number with microseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Magic number with nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Link types whose packets begin with an IP header: raw IP, its old numbers, IPv4, IPv6.
const RAW_IP: &[u32] = &[101, 12, 14, 228, 229];
/// Bytes of the header of a file.
const HEADER: usize = 24;
/// Bytes of the header of a packet.
const RECORD: usize = 16;

/// Why a file is no capture that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PcapError {
    /// It begins with something else.
    #[error("{}: no capture file (expected the magic number of pcap at offset 0)", .0.display())]
    Magic(PathBuf),
    /// Its packets have other headers before IP.
    #[error("{}: link type {found} at offset 20; expected raw IP (101)", file.display())]
    LinkType {
        /// The file.
        file: PathBuf,
        /// What it has.
        found: u32,
    },
    /// It ends within something.
    #[error("{}: ends within {what} at offset {offset}", file.display())]
    Short {
        /// The file.
        file: PathBuf,
        /// A header or a packet.
        what: &'static str,
        /// Where that begins.
        offset: usize,
    },
}

/// A capture, all of it in memory.
pub(super) struct Capture {
    bytes: Vec<u8>,
    /// Where packets are: record and packet.
    packets: Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>,
}

impl Capture {
    /// Looks through a file.
    pub(super) fn read(file: PathBuf, bytes: Vec<u8>) -> Result<Self, PcapError> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok();
        let magic: [u8; 4] = word(0).ok_or_else(|| PcapError::Magic(file.clone()))?;
        let known = |magic| matches!(magic, MICROSECONDS | NANOSECONDS);
        let number: fn([u8; 4]) -> u32 = if known(u32::from_le_bytes(magic)) {
            u32::from_le_bytes
        } else if known(u32::from_be_bytes(magic)) {
            u32::from_be_bytes
        } else {
            return Err(PcapError::Magic(file));
        };
        let short = |what, offset| PcapError::Short { file: file.clone(), what, offset };
        let link_type = number(word(20).ok_or_else(|| short("the header of the file", 0))?);
        // The upper bits say how packets end.
        let link_type = link_type & 0x0fff_ffff;
        if !RAW_IP.contains(&link_type) {
            return Err(PcapError::LinkType { file, found: link_type });
        }
        let mut packets = Vec::new();
        let mut at = HEADER;
        while at < bytes.len() {
            let len = bytes.get(at..at + RECORD).and_then(|_| word(at + 8));
            let len = number(len.ok_or_else(|| short("the header of a packet", at))?) as usize;
            let start = at + RECORD;
            let end = start.checked_add(len).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| short("a packet", at))?;
            packets.push((at..end, start..end));
            at = end;
        }
        Ok(Self { bytes, packets })
    }

    /// The packets.
    pub(super) fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.packets.iter().map(|(_, packet)| &self.bytes[packet.clone()])
    }

    /// A file with some of the packets, as they are in this one.
    pub(super) fn with_only(&self, kept: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut out = self.bytes[..HEADER].to_vec();
        for (number, (record, _)) in self.packets.iter().enumerate() {
            if kept(number) {
                out.extend(&self.bytes[record.clone()]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(little: bool) -> Vec<u8> {
        let number = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut out = Vec::new();
        for word in [MICROSECONDS, 0x0004_0002, 0, 0, 65535, 101] {
            out.extend(number(word));
        }
        for packet in [&b"abc"[..], b"defg"] {
            for word in [0, 0, packet.len() as u32, packet.len() as u32] {
                out.extend(number(word));
            }
            out.extend(packet);
        }
        out
    }

    #[test]
    fn captures_of_both_byte_orders() {
        for little in [true, false] {
            let capture = Capture::read("x".into(), file(little)).unwrap();
            assert_eq!(capture.packets().collect::<Vec<_>>(), [&b"abc"[..], b"defg"]);
            assert_eq!(capture.with_only(|_| true), file(little));
            let second = Capture::read("x".into(), capture.with_only(|at| at == 1)).unwrap();
            assert_eq!(second.packets().collect::<Vec<_>>(), [b"defg"]);
        }
    }

    #[test]
    fn what_is_cut_off_is_reported_with_its_place() {
        let whole = file(true);
        let complete = [HEADER, HEADER + RECORD + 3, whole.len()];
        for len in 0..=whole.len() {
            let outcome = Capture::read("x".into(), whole[..len].to_vec());
            assert_eq!(outcome.is_ok(), complete.contains(&len), "{len}");
        }
        let error = Capture::read("x".into(), whole[..whole.len() - 1].to_vec()).err().unwrap();
        assert_eq!(error.to_string(), "x: ends within a packet at offset 43");
    }

    #[test]
    fn other_files_are_refused() {
        let mut ethernet = file(true);
        ethernet[20] = 1;
        let error = Capture::read("x".into(), ethernet).err().unwrap();
        assert!(error.to_string().contains("link type 1"), "{error}");
        assert!(matches!(Capture::read("x".into(), vec![0; 64]), Err(PcapError::Magic(_))));
    }
}
