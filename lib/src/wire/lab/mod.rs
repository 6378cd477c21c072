// SPDX-License-Identifier: MIT OR Apache-2.0

//! What travels on the `dld` socket of a lab: one packet a call, one packet an answer.
//!
//! This is no illumos interface. It carries the images of illumos interfaces: ioctls of
//! `/dev/dld`, calls of the link daemon's door, link statistics; and where a link lies,
//! which on illumos takes ioctls of other drivers.
//!
//! ```text
//! call:   kind u32, number u32, payload      answer: errno u32, payload
//! ```
//!
//! An errno is a small number and a kind is not, so a packet tells which of both it is.

mod text;

use super::errno::Errno;
use super::image::{Fields, Image};
use crate::model::{LinkCounters, LinkId, LinkState, LinkStatistics, LinkTopology};

pub use text::describe;

const IOCTL: u32 = 0x1D1D_0001;
const DOOR: u32 = 0x1D1D_0002;
const STATISTICS: u32 = 0x1D1D_0003;
const TOPOLOGY: u32 = 0x1D1D_0004;
const ZONE: u32 = 0x1D1D_0005;

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// An ioctl of `/dev/dld`. The answer is the argument as it is copied out, nothing if
    /// the command has no output.
    Ioctl {
        /// Command number.
        command: u32,
        /// Argument as it is copied in.
        argument: Vec<u8>,
    },
    /// A call of the link daemon's door. The errno of the answer tells whether the door
    /// could be called; the payload is the reply.
    Door(Vec<u8>),
    /// Statistics of a link; the answer is [`LinkStatistics`].
    Statistics {
        /// Name of the link.
        link: Vec<u8>,
    },
    /// Where a link lies; the answer is [`LinkTopology`].
    Topology {
        /// The link.
        link: LinkId,
    },
    /// The zone of the caller; the answer is a number of four bytes.
    Zone,
}

impl Call {
    /// The packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, number, payload) = match self {
            Self::Ioctl { command, argument } => (IOCTL, *command, argument.as_slice()),
            Self::Door(request) => (DOOR, 0, request.as_slice()),
            Self::Statistics { link } => (STATISTICS, 0, link.as_slice()),
            Self::Topology { link } => (TOPOLOGY, link.0, &[][..]),
            Self::Zone => (ZONE, 0, &[][..]),
        };
        let image = Image::new(8 + payload.len()).u32(0, kind).u32(4, number);
        image.put(8, payload).done()
    }

    /// From a packet; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let (number, payload) = (fields.u32(4)?, bytes.get(8..)?.to_vec());
        Some(match fields.u32(0)? {
            IOCTL => Self::Ioctl { command: number, argument: payload },
            DOOR => Self::Door(payload),
            STATISTICS => Self::Statistics { link: payload },
            TOPOLOGY => Self::Topology { link: LinkId(number) },
            ZONE => Self::Zone,
            _ => return None,
        })
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 0, or why the call failed.
    pub errno: Errno,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let image = Image::new(4 + self.bytes.len()).u32(0, self.errno.0.into());
        image.put(4, &self.bytes).done()
    }

    /// From a packet; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let errno = Errno(u8::try_from(Fields(bytes).u32(0)?).ok()?);
        Some(Self { errno, bytes: bytes.get(4..)?.to_vec() })
    }
}

impl LinkStatistics {
    const SIZE: usize = 56;

    /// The payload.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let counters = &self.counters;
        Image::new(Self::SIZE)
            .put(0, &self.state.number().to_le_bytes())
            .u64(8, counters.ipackets)
            .u64(16, counters.rbytes)
            .u64(24, counters.ierrors)
            .u64(32, counters.opackets)
            .u64(40, counters.obytes)
            .u64(48, counters.oerrors)
            .done()
    }

    /// From a payload; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        Some(Self {
            state: LinkState::from_number(fields.u32(0)? as i32)?,
            counters: LinkCounters {
                ipackets: fields.u64(8)?,
                rbytes: fields.u64(16)?,
                ierrors: fields.u64(24)?,
                opackets: fields.u64(32)?,
                obytes: fields.u64(40)?,
                oerrors: fields.u64(48)?,
            },
        })
    }
}

impl LinkTopology {
    /// The payload: number of links, the links, the name of the bridge.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = (self.over.len() as u32).to_le_bytes().to_vec();
        self.over.iter().for_each(|link| out.extend(link.0.to_le_bytes()));
        out.extend(self.bridge.iter().flatten());
        out
    }

    /// From a payload; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        let count = usize::try_from(fields.u32(0)?).ok()?;
        let links = fields.bytes(4, count.checked_mul(4)?)?;
        let over = (0..count).filter_map(|at| Fields(links).u32(at * 4)).map(LinkId).collect();
        let bridge = bytes.get(4 + count * 4..)?;
        Some(Self { bridge: (!bridge.is_empty()).then(|| bridge.to_vec()), over })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{dld, iptun};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = describe(&bytes);
            let _ = (Call::decode(&bytes), Answer::decode(&bytes));
            let _ = (LinkStatistics::decode(&bytes), LinkTopology::decode(&bytes));
            let _ = (iptun::Kparams::decode(&bytes), dld::MacProp::decode(&bytes));
            let _ = (dld::Attr::decode(&bytes), dld::Rename::decode(&bytes));
            let _ = dld::PropRange::decode(&bytes);
        }
    }

    #[test]
    fn packets_come_back() {
        for call in [
            Call::Ioctl { command: iptun::DELETE, argument: vec![1, 0, 0, 0] },
            Call::Door(vec![4, 0, 0, 0, 1, 0, 0, 0]),
            Call::Statistics { link: b"tun0".to_vec() },
            Call::Topology { link: LinkId(3) },
            Call::Zone,
        ] {
            let packet = call.encode();
            assert_eq!(Call::decode(&packet), Some(call));
            assert_eq!(Answer::decode(&packet), None);
        }
        for errno in 0..=u8::MAX {
            let answer = Answer { errno: Errno(errno), bytes: vec![7; 8] };
            let packet = answer.encode();
            assert_eq!(Answer::decode(&packet), Some(answer));
            assert_eq!(Call::decode(&packet), None);
        }
        let over = vec![LinkId(1), LinkId(2)];
        for bridge in [None, Some(b"br0".to_vec())] {
            let topology = LinkTopology { bridge, over: over.clone() };
            assert_eq!(LinkTopology::decode(&topology.encode()), Some(topology));
        }
        let counters = LinkCounters { ipackets: 1, obytes: 2, ..LinkCounters::default() };
        let statistics = LinkStatistics { state: LinkState::Unknown, counters };
        assert_eq!(LinkStatistics::decode(&statistics.encode()), Some(statistics));
    }
}
