// SPDX-License-Identifier: MIT OR Apache-2.0

//! A kernel and its clients, and what tells two states apart.

use std::hash::{DefaultHasher, Hash, Hasher};

use illumos_ipsec::model::Side;
use ipsec_usermode::{Config, IpsecState, Kernel, KernelKind, Rule, Way};

use crate::common::links::{DOWN, HERE};
use crate::common::{addr, name};
use crate::message::{Conns, Msg, Name};
use crate::program::Program;

/// A client in the middle of an operation: which one, and how many messages it has sent.
pub(crate) type Busy = (u8, u8);

/// A state.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) kernel: Kernel,
    conns: Conns,
    /// Clients that are doing something, in no particular order: they are alike.
    pub(crate) busy: Vec<Busy>,
    /// Policy has been in force under the first name.
    pub(crate) had_policy: bool,
}

impl World {
    pub(crate) fn new(kind: KernelKind) -> Self {
        let mut kernel = Kernel::new(Config::new(kind, IpsecState::Loaded));
        kernel.set_address(addr(HERE), true);
        kernel.set_address(addr(DOWN), false);
        let conns = Conns { dld: kernel.open_dld(), policy: kernel.open_policy() };
        Self { kernel, conns, busy: Vec::new(), had_policy: false }
    }

    /// The state after one more message of a client, which begins an operation or goes on
    /// with one; and the message.
    pub(crate) fn after(
        &self,
        programs: &[Program],
        (program, sent): Busy,
        begins: bool,
    ) -> (Self, Msg) {
        let mut next = self.clone();
        let messages = programs[usize::from(program)].messages;
        let message = messages[usize::from(sent)];
        if !begins {
            next.leave((program, sent));
        }
        let done = message.send(&mut next.kernel, next.conns);
        if done && usize::from(sent) + 1 < messages.len() {
            next.busy.push((program, sent + 1));
            next.busy.sort_unstable();
        }
        next.kernel.take_events();
        next.had_policy |= rules(&next.kernel, Name::A, Side::Active) > 0;
        (next, message)
    }

    /// The state after a client has died.
    pub(crate) fn without(&self, client: Busy) -> Self {
        let mut next = self.clone();
        next.leave(client);
        next
    }

    fn leave(&mut self, client: Busy) {
        if let Some(at) = self.busy.iter().position(|busy| *busy == client) {
            self.busy.remove(at);
        }
    }

    /// A number that is the same for states with the same future. Numbers of links and of
    /// rules do not count, nor does the order of rules, whose priorities differ.
    pub(crate) fn fingerprint(&self) -> u128 {
        let mut one = DefaultHasher::new();
        self.tell(&mut one);
        let mut other = DefaultHasher::new();
        other.write_u8(1);
        self.tell(&mut other);
        u128::from(one.finish()) << 64 | u128::from(other.finish())
    }

    fn tell(&self, into: &mut DefaultHasher) {
        (&self.busy, self.had_policy).hash(into);
        for known in Name::ALL {
            if let Some((_, link)) = self.kernel.links().find(known.text().as_bytes()) {
                (known, link.flags.bits(), link.attrs.len()).hash(into);
            }
            if let Some(tunnel) = self.kernel.tunnel(known.text().as_bytes()) {
                (tunnel.secure, tunnel.bound, tunnel.started, tunnel.local, tunnel.remote)
                    .hash(into);
                (&tunnel.policy, tunnel.link_state.number(), tunnel.simple.is_some()).hash(into);
            }
            let head = name(known.text());
            let Some(flags) = self.kernel.tunnel_flags(&head) else { continue };
            flags.word().hash(into);
            for side in [Side::Active, Side::Standby] {
                let mut rules: Vec<(Way, &Rule)> = self.kernel.rules(Some(&head), side).collect();
                rules.sort_by_key(|(way, rule)| (*way, rule.priority, rule.selector.family));
                for (way, rule) in rules {
                    (way, rule.selector, &rule.action).hash(into);
                }
                0xff_u8.hash(into);
            }
        }
    }
}

/// How many rules there are.
pub(crate) fn rules(kernel: &Kernel, of: Name, side: Side) -> usize {
    kernel.rules(Some(&name(of.text())), side).count()
}
