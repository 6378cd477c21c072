// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the algorithm table should be, worked out from UPDATEALGS requests alone.

use illumos_ipsec::model::{AlgUse, KernelAlg};
use illumos_ipsec::wire::policy::{Attr, AttrTag, Ext, Message, MsgType};

/// Authentication and encryption algorithms in order of preference.
#[derive(Clone, Debug, Default)]
pub(super) struct AlgModel {
    classes: [Vec<KernelAlg>; 2],
    /// An update left out something that was there.
    pub(super) shortened: bool,
}

impl AlgModel {
    /// Takes note of an accepted request.
    pub(super) fn see(&mut self, request: &[u8]) {
        let Ok(message) = Message::decode(request) else {
            return;
        };
        let [Ext::Action { attrs, .. }] = message.exts.as_slice() else {
            return;
        };
        if message.header.kind != MsgType::UPDATEALGS {
            return;
        }
        let new = read(attrs);
        for (class, new) in self.classes.iter_mut().zip(new) {
            let before = class.len();
            class.retain(|old| new.iter().any(|alg| alg.id == old.id));
            self.shortened |= class.len() < before;
            for alg in new {
                match class.iter_mut().find(|old| old.id == alg.id) {
                    Some(old) => *old = alg,
                    None => {
                        let at = class.iter().position(|old| old.min < alg.min);
                        class.insert(at.unwrap_or(class.len()), alg);
                    }
                }
            }
        }
    }

    /// The entries that an ALGLIST should have.
    pub(super) fn listed(&self) -> Vec<KernelAlg> {
        let [auth, encr] = &self.classes;
        let auth = auth.iter().filter(|alg| alg.id != 0);
        auth.flat_map(|alg| [*alg, KernelAlg { usage: AlgUse::EspAuth, ..*alg }])
            .chain(encr.iter().filter(|alg| alg.id != 0).copied())
            .collect()
    }

    /// Class and number of each entry that a DUMPALGS should have.
    pub(super) fn dumped(&self) -> Vec<(u32, u32)> {
        let ids =
            |at: usize, number| self.classes[at].iter().map(move |alg| (number, u32::from(alg.id)));
        ids(0, 2).chain(ids(1, 3)).collect()
    }

    /// Does a rule ask for an algorithm that is not there?
    pub(super) fn misses(&self, rule: &[Attr]) -> bool {
        rule.iter().any(|attr| {
            let class = match attr.tag {
                AttrTag::AH_AUTH | AttrTag::ESP_AUTH => 0,
                AttrTag::ESP_ENCR => 1,
                _ => return false,
            };
            !self.classes[class].iter().any(|alg| alg.id == attr.value as u8)
        })
    }
}

/// The algorithms of a request, each class by number.
fn read(attrs: &[Attr]) -> [Vec<KernelAlg>; 2] {
    let mut classes = [Vec::new(), Vec::new()];
    let (mut id, mut proto, mut increment, mut keys) = (0, 0, 0, Vec::new());
    let mut attrs = attrs.iter();
    while let Some(&Attr { tag, value }) = attrs.next() {
        match tag {
            AttrTag::ALG_ID => id = value as u8,
            AttrTag::ALG_PROTO => proto = value,
            AttrTag::ALG_INCRBITS => increment = value as u16,
            AttrTag::ALG_KEYSIZE => keys.push(value as u16),
            // The name takes the place of so many attributes.
            AttrTag::ALG_MECHNAME => attrs = attrs.as_slice()[value as usize / 8..].iter(),
            AttrTag::NEXT | AttrTag::END => {
                let keys = std::mem::take(&mut keys);
                let bounds = match (keys.as_slice(), increment) {
                    ([], _) => (0, 0),
                    ([_, low, high, ..], 1..) => (*low, *high),
                    (all, _) => (*all.iter().min().unwrap(), *all.iter().max().unwrap()),
                };
                let usage = if proto == 2 { AlgUse::Ah } else { AlgUse::EspEncr };
                if let Some(class) = classes.get_mut((proto as usize).wrapping_sub(2)) {
                    class.push(KernelAlg {
                        usage,
                        id,
                        min: bounds.0,
                        max: bounds.1,
                        default: keys.first().copied().unwrap_or(0),
                        increment,
                    });
                }
                (proto, increment) = (0, 0);
            }
            _ => {}
        }
    }
    for class in &mut classes {
        class.sort_by_key(|alg| alg.id);
    }
    classes
}
