// SPDX-License-Identifier: MIT OR Apache-2.0

//! The packet path: what becomes of a packet.
//!
//! Nothing is sent here and nothing is encrypted. A [`Packet`] says what a packet shows,
//! which way it goes and, if it arrives, how it was protected; a [`Verdict`] says whether
//! it passes, protected or in clear, or why it does not, and which rule said so.
//!
//! ```text
//! out  host ─────────────────────────────────────────────► system policy
//!      tunnel: running? 6to4? limit? secure: policy? ──┬─► tunnel policy   (inner packet)
//!                                                      └─► system policy   (outer packet)
//! in   host ─────────────────────────────────────────────► system policy
//!      outer addresses ─► tunnel ─ secure: protected? ─┬─► tunnel policy ─┐ no rule
//!                                                      └─► system policy ◄┘ (some cases)
//!                                  then 6to4, then the interface
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `question` | what is asked |
//! | `verdict` | what is answered |
//! | `output`, `input` | the two ways through a tunnel |
//! | `system` | policy of the system, inside and outside of tunnels |
//! | `action` | what a rule makes of a packet that leaves |
//! | `protection` | does the protection of a packet that arrives satisfy a rule? |
//! | `six_to_four` | addresses of 6to4 tunnels |
//! | `association` | which associations protect it or have protected it |
//! | `counters` | what became of how many |
//! | `parse` | a packet from its bytes |
//!
//! Source: `spec/iptun_ioctl.md` sections 11, 12 and 15, `spec/kernel-hooks.md` section
//! 3.1 and 3.2 (A8 to A14), `spec/pf_policy.md` section 8.

mod action;
mod association;
mod counters;
mod input;
mod output;
mod parse;
mod protection;
mod question;
mod six_to_four;
mod system;
mod verdict;

pub use counters::{Counts, PacketCounters};
pub use parse::BadPacket;
pub use question::{Fragment, OuterError, Packet, Path, Protection, Spis, Used};
pub use verdict::{Clear, Matched, Outcome, Reason, Verdict};

use crate::Kernel;
use crate::spd::Way;

impl Kernel {
    /// What would become of a packet. Nothing is counted, and key management is not asked
    /// for anything.
    #[must_use]
    pub fn verdict(&self, packet: &Packet) -> Verdict {
        match packet.way {
            Way::Out => self.with_associations(packet, self.policy_verdict(packet)),
            Way::In => match self.opened(packet) {
                Ok(None) => self.policy_verdict(packet),
                Ok(Some((opened, used))) => {
                    let verdict = self.policy_verdict(&opened);
                    let used = if verdict.passes() { used } else { Vec::new() };
                    Verdict { used, ..verdict }
                }
                Err(reason) => {
                    let link = match &packet.path {
                        Path::Tunnel(name) => self.tunnel(name.as_bytes()).map(|one| one.link),
                        Path::Host | Path::Outer { .. } => None,
                    };
                    Verdict::drop(link, reason)
                }
            },
        }
    }

    /// What policy says about a packet, whatever associations there are.
    #[must_use]
    pub fn policy_verdict(&self, packet: &Packet) -> Verdict {
        if packet.source.is_ipv4() != packet.destination.is_ipv4() {
            return Verdict::drop(None, Reason::Malformed);
        }
        match (packet.way, &packet.path) {
            (Way::Out, Path::Host) => self.host_output(packet),
            (Way::In, Path::Host) => self.host_input(packet),
            (Way::Out, Path::Tunnel(name)) => self.tunnel_output(packet, name),
            (Way::In, Path::Tunnel(name)) => self.named_input(packet, name),
            (Way::In, Path::Outer { local, remote }) => self.outer_input(packet, *local, *remote),
            // A packet that leaves has no outer header yet; the tunnel writes it.
            (Way::Out, Path::Outer { .. }) => Verdict::drop(None, Reason::Malformed),
        }
    }

    /// What becomes of a packet, and counts it.
    pub fn deliver(&mut self, packet: &Packet) -> Verdict {
        let verdict = self.verdict(packet);
        self.count(packet, &verdict);
        self.charge(packet, &verdict);
        verdict
    }

    /// What became of the packets that were delivered so far.
    #[must_use]
    pub fn packet_counters(&self) -> &PacketCounters {
        &self.packets
    }
}
