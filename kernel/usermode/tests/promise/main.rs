// SPDX-License-Identifier: MIT OR Apache-2.0

//! The one promise, as a search: whatever is done to a tunnel that requires IPsec and to
//! its policy, in whatever order, by clients that die in the middle and come between each
//! other, no packet passes it in clear, and the state of its link is what it should be.
//!
//! The search goes from state to state of a whole kernel, by the bytes of its interfaces.
//! States that cannot be told apart are visited once. The same search over the kernel
//! without the change finds the leaks that it is known to have; so it could find one.
//!
//! | file | what it is |
//! |---|---|
//! | `message` | one message to the kernel |
//! | `program` | what clients do: some messages, one after the other |
//! | `world` | a kernel and its clients, and what tells two states apart |
//! | `watch` | the packets, and what is asked of each state |
//! | `search` | the search |

#[path = "../common/mod.rs"]
mod common;
mod message;
mod program;
mod search;
mod watch;
mod world;

use std::collections::BTreeSet;

use ipsec_usermode::KernelKind;

use message::{Kind, Msg, Name, Stored};
use program::{Program, alone, together};
use search::{Found, Leak, search};
use watch::Channel;

/// How many operations are begun in one history.
const OPERATIONS: usize = 8;

/// How many are enough to find every leak that is known.
const OPERATIONS_TO_LEAK: usize = 5;

/// The leaks that illumos is known to have, each by the message after which the tunnel
/// leaks and by whether policy had been in force before.
/// Source: `spec/iptun_ioctl.md` sections 15.3 and 15.4.
const KNOWN_LEAKS: &[(Msg, bool)] = &[
    // L1: plumbed before policy is loaded.
    (Msg::Plumb(Name::A), false),
    // L5, L6: taken down and up again, policy is gone.
    (Msg::Plumb(Name::A), true),
    // L7: plumbed under another name.
    (Msg::Plumb(Name::B), true),
    // P1: flush of one tunnel and of everything.
    (Msg::Flush(Name::A), true),
    (Msg::FlushAll, true),
    // P2: the last rule deleted.
    (Msg::DeleteRule(Name::A), true),
    // P3: flip to an empty side.
    (Msg::Flip(Name::A), true),
    (Msg::FlipAll, true),
    // P5: the first rule of the standby side, which every careful reload sends.
    (Msg::AddStandby(Name::A, Kind::Protect), true),
    // P7: a refused first rule of the standby side.
    (Msg::AddRefused(Name::A, Stored::Yes), true),
    // L7 and P7: a refused rule under the new name takes the policy of the old one away.
    (Msg::AddRefused(Name::B, Stored::No), true),
    // P11, P12: simple policy that asks for nothing, or for no IPsec.
    (Msg::SimpleNone(Name::A), true),
    (Msg::SimpleNever(Name::A), true),
    // O4: rules that pass.
    (Msg::Add(Name::A, Kind::Pass), true),
    (Msg::Add(Name::A, Kind::PassPort), true),
];

fn run(kind: KernelKind, programs: &'static [Program], clients: usize, operations: usize) -> Found {
    let found = search(kind, programs, clients, operations);
    println!(
        "{kind:?}, {} operations, {clients} at a time: {} states, {} transitions, {}",
        programs.len(),
        found.states,
        found.transitions,
        match found.complete {
            true => "all there are, in histories of any length".to_owned(),
            false => format!("all histories of {operations} operations"),
        }
    );
    found
}

#[test]
fn a_tunnel_that_requires_ipsec_passes_nothing_in_clear() {
    for (programs, clients) in [(alone(), 1), (together(), 2)] {
        let found = run(KernelKind::Modified, programs, clients, OPERATIONS);
        assert_eq!(found.broken, Vec::<String>::new());
        // It is not kept by dropping everything.
        assert!(found.protected_out && found.protected_in && found.up && found.down);
    }
}

#[test]
fn the_same_search_finds_the_leaks_of_the_unmodified_kernel() {
    let mut leaks = BTreeSet::new();
    for (programs, clients) in [(alone(), 1), (together(), 2)] {
        let found = run(KernelKind::Unmodified, programs, clients, OPERATIONS_TO_LEAK);
        assert_eq!(found.broken, Vec::<String>::new());
        leaks.extend(found.leaks);
    }
    // Traffic that was protected, or has never been, leaves in clear after one of these.
    for (message, had_policy) in KNOWN_LEAKS {
        let leak = Leak { message: *message, channel: Channel::Out, had_policy: *had_policy };
        assert!(leaks.contains(&leak), "not found: {leak:?}");
    }
    let protecting = |message| matches!(message, Msg::Add(_, Kind::Protect | Kind::Drop));
    assert!(!leaks.iter().any(|leak| protecting(leak.message)), "a rule that protects leaks");
    // An arriving packet, and an ICMP error about one that left, find their ways as well.
    for channel in Channel::ALL {
        assert!(leaks.iter().any(|leak| leak.channel == channel), "{channel:?}");
    }
}
