// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algorithms the kernel has.
//!
//! An UPDATEALGS request replaces the table as a whole: what it leaves out is
//! gone, what it repeats keeps its position in the list of preference, what is new
//! is put before the first algorithm with smaller keys.
//! Source: `spec/pf_policy.md` section 7.

use std::collections::BTreeMap;

use illumos_ipsec::model::{
    AlgChoice, AlgFlags, AlgProto, AlgUse, Algorithm, KernelAlg, default_algorithms,
};
use illumos_ipsec::wire::policy::{AttrTag, Diagnostic};

/// Bytes of a mechanism name.
pub(crate) const MECHANISM_LEN: usize = 32;
/// Number of NULL encryption, which is valid without a mechanism.
const NULL_ID: u8 = 11;
/// The longest list of sizes; the kernel has no bound but its memory.
const MAX_SIZES: u32 = 1024;

/// One algorithm of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AlgEntry {
    pub(crate) id: u8,
    pub(crate) increment: u16,
    pub(crate) keys: Sizes,
    pub(crate) blocks: Sizes,
    pub(crate) params: Sizes,
    pub(crate) flags: AlgFlags,
    pub(crate) mechanism: [u8; MECHANISM_LEN],
    pub(crate) min: u16,
    pub(crate) max: u16,
    default: u16,
}

/// A list of sizes whose length is announced before its values come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) values: Vec<u16>,
    given: usize,
}

/// Authentication and encryption algorithms, each in order of preference.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlgTable {
    auth: Class,
    encr: Class,
}

#[derive(Clone, Debug, Default)]
struct Class {
    algs: BTreeMap<u8, AlgEntry>,
    order: Vec<u8>,
}

impl AlgTable {
    /// Replaces the table by what the attributes of an UPDATEALGS request say. On
    /// error the table stays as it was.
    pub(crate) fn update(&mut self, attrs: &[u8]) -> Result<(), Diagnostic> {
        let [auth, encr] = read(attrs)?;
        self.auth.replace(auth);
        self.encr.replace(encr);
        Ok(())
    }

    /// The algorithms of a class in order of preference.
    pub(crate) fn iter(&self, proto: AlgProto) -> impl Iterator<Item = &AlgEntry> {
        let class = self.class(proto);
        class.order.iter().filter_map(|id| class.algs.get(id))
    }

    /// Is there an entry with this number?
    pub(crate) fn has(&self, proto: AlgProto, id: u8) -> bool {
        self.class(proto).algs.contains_key(&id)
    }

    /// The entry with this number, if the crypto framework has what it needs.
    pub(crate) fn usable(&self, proto: AlgProto, id: u8) -> Option<&AlgEntry> {
        let entry = self.class(proto).algs.get(&id)?;
        entry.flags.contains(AlgFlags::VALID).then_some(entry)
    }

    /// The numbers of a class, ascending.
    pub(crate) fn numbers(&self, proto: AlgProto) -> impl Iterator<Item = u8> {
        self.class(proto).algs.keys().copied()
    }

    /// Fits the key bounds of a rule to its algorithm, to 0 if that is unknown; false if
    /// they end up the wrong way round.
    pub(crate) fn fit_keys(&self, usage: AlgUse, choice: &mut AlgChoice) -> bool {
        let Some(alg) = self.class(usage.proto()).algs.get(&choice.id) else {
            (choice.min, choice.max) = (0, 0);
            return true;
        };
        choice.min = match choice.min {
            0 => alg.default,
            bits => bits.min(alg.max).max(alg.min),
        };
        choice.max = match choice.max {
            0 => alg.max,
            bits => bits.max(alg.min).min(alg.max),
        };
        choice.min <= choice.max
    }

    /// The entries of an ALGLIST: authentication for AH and for ESP, then encryption,
    /// without number 0.
    pub(crate) fn listed(&self) -> Vec<KernelAlg> {
        let entry = |usage, alg: &AlgEntry| KernelAlg {
            usage,
            id: alg.id,
            min: alg.min,
            max: alg.max,
            default: alg.default,
            increment: alg.increment,
        };
        let auth = self.iter(AlgProto::Ah).filter(|alg| alg.id != 0);
        let encr = self.iter(AlgProto::Esp).filter(|alg| alg.id != 0);
        auth.flat_map(|alg| [entry(AlgUse::Ah, alg), entry(AlgUse::EspAuth, alg)])
            .chain(encr.map(|alg| entry(AlgUse::EspEncr, alg)))
            .collect()
    }

    fn class(&self, proto: AlgProto) -> &Class {
        match proto {
            AlgProto::Ah => &self.auth,
            AlgProto::Esp => &self.encr,
        }
    }
}

impl Class {
    fn replace(&mut self, new: BTreeMap<u8, AlgEntry>) {
        self.order.retain(|id| new.contains_key(id));
        let old = std::mem::replace(&mut self.algs, new);
        for (id, alg) in &self.algs {
            if !old.contains_key(id) {
                let smaller = |other: &u8| self.algs.get(other).is_some_and(|o| o.min < alg.min);
                let at = self.order.iter().position(smaller).unwrap_or(self.order.len());
                self.order.insert(at, *id);
            }
        }
    }
}

impl Sizes {
    fn announce(count: u32, too_many: Diagnostic) -> Result<Self, Diagnostic> {
        if count > MAX_SIZES {
            return Err(too_many);
        }
        Ok(Self { values: vec![0; count as usize], given: 0 })
    }

    fn give(&mut self, value: u32, too_many: Diagnostic) -> Result<(), Diagnostic> {
        *self.values.get_mut(self.given).ok_or(too_many)? = value as u16;
        self.given += 1;
        Ok(())
    }
}

impl AlgEntry {
    /// Works out bounds and validity when all is known.
    fn finish(&mut self, proto: AlgProto) {
        let key = |at: usize| self.keys.values.get(at).copied().unwrap_or(0);
        self.default = key(0);
        (self.min, self.max) = match self.increment {
            0 => (
                self.keys.values.iter().copied().min().unwrap_or(0),
                self.keys.values.iter().copied().max().unwrap_or(0),
            ),
            _ => (key(1), key(2)),
        };
        let end = self.mechanism.iter().position(|&b| b == 0).unwrap_or(MECHANISM_LEN);
        if self.id == NULL_ID {
            self.flags |= AlgFlags::VALID;
            return;
        }
        let usable = mechanism_known(proto, &self.mechanism[..end]) && self.mode_fits(proto);
        self.flags.set(AlgFlags::VALID, usable);
    }

    /// Do IV, ICV and salt fit the mode the flags speak of?
    fn mode_fits(&self, proto: AlgProto) -> bool {
        let has = |flag| self.flags.contains(flag);
        let param = |at: usize| self.params.values.get(at).copied().unwrap_or(0);
        let (mut iv, icv, salt) = (param(0), param(1), param(2));
        // Without a length of its own the IV is a block.
        if self.params.values.is_empty() || iv == 0 && proto == AlgProto::Esp {
            iv = self.blocks.values.first().copied().unwrap_or(0);
        }
        let counter = !has(AlgFlags::COUNTER) || iv == 8 && salt <= 8;
        let combined = !has(AlgFlags::COMBINED) || icv > 0;
        let named = has(AlgFlags::CCM) || has(AlgFlags::GCM);
        let both_modes = has(AlgFlags::COUNTER) && has(AlgFlags::COMBINED);
        counter && combined && (!named || both_modes && has(AlgFlags::CCM) != has(AlgFlags::GCM))
    }
}

/// Reads the attributes of an UPDATEALGS request: authentication, encryption.
fn read(attrs: &[u8]) -> Result<[BTreeMap<u8, AlgEntry>; 2], Diagnostic> {
    let mut classes = [BTreeMap::new(), BTreeMap::new()];
    let mut open = AlgEntry::default();
    // Class and whether to skip stay from one entry to the next, as in the kernel.
    let (mut class, mut skip, mut protocol) = (AlgProto::Ah, true, false);
    let mut at = 0;
    while let Some(bytes) = attrs.get(at..at + 8) {
        at += 8;
        let word = |from: usize| {
            u32::from_ne_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]])
        };
        let (tag, value) = (AttrTag(word(0)), word(4));

        match tag {
            AttrTag::NEXT | AttrTag::END => {
                if protocol {
                    protocol = false;
                } else {
                    let mut done = std::mem::take(&mut open);
                    if !skip {
                        done.finish(class);
                        classes[class as usize].insert(done.id, done);
                    }
                }
                if tag == AttrTag::END {
                    break;
                }
            }
            AttrTag::ALG_ID => {
                open.id = u8::try_from(value).map_err(|_| Diagnostic::ALG_ID_RANGE)?;
            }
            AttrTag::ALG_PROTO => {
                let found = AlgProto::from_number(value);
                skip = found.is_none();
                class = found.unwrap_or(class);
            }
            AttrTag::ALG_INCRBITS => open.increment = value as u16,
            AttrTag::ALG_NKEYSIZES => {
                open.keys = Sizes::announce(value, Diagnostic::ALG_NUM_KEY_SIZES)?;
            }
            AttrTag::ALG_KEYSIZE => open.keys.give(value, Diagnostic::ALG_NUM_KEY_SIZES)?,
            AttrTag::ALG_NBLOCKSIZES => {
                open.blocks = Sizes::announce(value, Diagnostic::ALG_NUM_BLOCK_SIZES)?;
            }
            AttrTag::ALG_BLOCKSIZE => open.blocks.give(value, Diagnostic::ALG_NUM_BLOCK_SIZES)?,
            AttrTag::ALG_NPARAMS => {
                open.params = Sizes::announce(value, Diagnostic::ALG_NUM_BLOCK_SIZES)?;
            }
            AttrTag::ALG_PARAMS => open.params.give(value, Diagnostic::ALG_NUM_BLOCK_SIZES)?,
            AttrTag::ALG_FLAGS => open.flags |= AlgFlags::from_bits_retain(value & 0xff),
            AttrTag::ALG_MECHNAME => {
                let len = value as usize;
                if len > MECHANISM_LEN {
                    return Err(Diagnostic::ALG_MECH_NAME_LEN);
                }
                let name = attrs.get(at..).unwrap_or_default();
                let name = &name[..len.min(name.len())];
                open.mechanism[..name.len()].copy_from_slice(name);
                open.mechanism[MECHANISM_LEN - 1] = 0;
                at += len;
            }
            AttrTag::PROTO_ID => {
                protocol = true;
                class = AlgProto::from_number(value).unwrap_or(class);
            }
            _ => {}
        }
    }
    Ok(classes)
}

/// Does the crypto framework of the user-mode kernel have this mechanism for this class?
fn mechanism_known(proto: AlgProto, name: &[u8]) -> bool {
    let has = |alg: &Algorithm| alg.proto == proto && alg.mechanism.as_bytes() == name;
    name != b"-" && default_algorithms().iter().any(has)
}
