// SPDX-License-Identifier: MIT OR Apache-2.0

//! Action chains, kept once for all rules that have the same one.

use std::sync::Arc;

use illumos_ipsec::model::{ActionFlags, ActionKind, Alternative};
use rustc_hash::FxHashSet;

/// The alternatives of a rule in order of preference.
pub type Chain = Arc<[Alternative]>;

/// Every chain in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chains {
    set: FxHashSet<Chain>,
    /// Unused chains are looked for when the set has grown to this size.
    sweep_at: usize,
}

impl Chains {
    /// The shared copy of a chain.
    pub(crate) fn intern(&mut self, alternatives: Vec<Alternative>) -> Chain {
        if let Some(chain) = self.set.get(alternatives.as_slice()) {
            return Arc::clone(chain);
        }
        if self.set.len() >= self.sweep_at.max(64) {
            self.set.retain(|chain| Arc::strong_count(chain) > 1);
            self.sweep_at = self.set.len() * 2;
        }
        let chain = Chain::from(alternatives);
        self.set.insert(Arc::clone(&chain));
        chain
    }
}

/// Does the first alternative protect?
pub(crate) fn protects(chain: &[Alternative]) -> bool {
    chain.first().is_some_and(|alt| alt.kind == ActionKind::Ipsec)
}

/// Do two chains ask for the same protection?
///
/// What is negotiated beside it (unique associations, key management, replay
/// window) does not count.
pub(crate) fn same_protection(a: &[Alternative], b: &[Alternative]) -> bool {
    a.len() == b.len() && (0..a.len()).all(|at| same_step(&a[at..], &b[at..]))
}

/// Compares the first alternatives of two rests of a chain.
fn same_step(a: &[Alternative], b: &[Alternative]) -> bool {
    let (wants, x, y) = (Wants::of(a), &a[0], &b[0]);
    let uses = |flag| (x.flags.contains(flag), y.flags.contains(flag));
    let equal = |(p, q): (bool, bool)| p == q;
    wants == Wants::of(b)
        && (!wants.ah || x.ah == y.ah)
        && (!wants.esp
            || equal(uses(ActionFlags::ESP))
                && equal(uses(ActionFlags::ESP_AUTH))
                && (!x.flags.contains(ActionFlags::ESP) || x.encr == y.encr)
                && (!x.flags.contains(ActionFlags::ESP_AUTH) || x.esp_auth == y.esp_auth))
}

/// What an alternative and those after it allow taken together.
#[derive(PartialEq, Eq)]
struct Wants {
    clear: bool,
    ah: bool,
    esp: bool,
    self_encap: bool,
}

impl Wants {
    fn of(rest: &[Alternative]) -> Self {
        let any = |flag| rest.iter().any(|alt| alt.flags.contains(flag));
        Self {
            clear: rest.iter().any(|alt| alt.kind == ActionKind::Pass),
            ah: any(ActionFlags::AH),
            esp: any(ActionFlags::ESP),
            self_encap: any(ActionFlags::SELF_ENCAP),
        }
    }
}
