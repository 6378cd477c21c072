// SPDX-License-Identifier: MIT OR Apache-2.0

//! From chosen algorithms to alternatives: `any` spelled out, defaults filled in.
//!
//! Source: `spec/ipsecconf.md` section 7.3 and `spec/pf_policy.md` section 4.2.

use super::AlgDb;
use super::rule::{RuleAction, level};
use crate::model::{
    ActionFlags, ActionKind, AlgChoice, AlgFlags, AlgProto, AlgUse, Alternative, KernelAlg,
};
use crate::wire::policy::{Attr, AttrTag, Diagnostic, MAX_REQUEST};

/// The cipher that does not encrypt.
pub(super) const NULL_CIPHER: u8 = 11;
/// No upper bound for a key.
pub(super) const NO_MAX: u16 = u16::MAX;

/// One action with its algorithms as written; number 0 stands for any algorithm
/// whose keys meet the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Choice {
    pub(super) kind: ActionKind,
    pub(super) unique: bool,
    pub(super) ah: Option<AlgChoice>,
    pub(super) encr: Option<AlgChoice>,
    pub(super) esp_auth: Option<AlgChoice>,
}

/// The attributes do not fit into a request.
pub(super) struct TooLarge;

/// Does the cipher authenticate as well?
pub(super) fn is_combined(algs: &AlgDb, cipher: u8) -> bool {
    algs.by_id(AlgProto::Esp, cipher).is_some_and(|alg| alg.flags.contains(AlgFlags::COMBINED))
}

/// The kernel's entry for an algorithm.
pub(super) fn kernel_alg(kernel: &[KernelAlg], usage: AlgUse, id: u8) -> Option<&KernelAlg> {
    kernel.iter().find(|alg| alg.usage == usage && alg.id == id)
}

/// Can a key meet both the bounds of a rule and those of the algorithm?
pub(super) fn meets(alg: &KernelAlg, min: u16, max: u16) -> bool {
    (min == 0 && max == 0) || (min <= alg.max && max >= alg.min)
}

/// Spells out the actions of one rule.
pub(super) fn lower(
    choices: &[Choice],
    kernel: &[KernelAlg],
    algs: &AlgDb,
) -> Result<RuleAction, TooLarge> {
    let mut lower =
        Lower { kernel, algs, attrs: Vec::new(), alternatives: Vec::new(), refused: None };
    for choice in choices {
        lower.choice(choice)?;
    }
    let Lower { mut attrs, alternatives, refused, .. } = lower;
    if let Some(last) = attrs.last_mut() {
        last.tag = AttrTag::END;
    }
    attrs.shrink_to_fit();
    let misused = choices.iter().any(|c| c.kind != ActionKind::Ipsec && c.unique);
    Ok(RuleAction {
        count: u16::try_from(alternatives.len()).map_err(|_| TooLarge)?,
        level: level(&alternatives),
        unique: choices.iter().any(|choice| choice.unique),
        refused: misused.then_some(Diagnostic::ADD_INCON_FLAGS).or(refused),
        attrs,
        alternatives,
    })
}

struct Lower<'a> {
    kernel: &'a [KernelAlg],
    algs: &'a AlgDb,
    attrs: Vec<Attr>,
    alternatives: Vec<Alternative>,
    refused: Option<Diagnostic>,
}

/// How the attributes of one use of an algorithm are called, and what the kernel
/// says if key bounds contradict each other or the algorithm is unknown.
struct Tags {
    id: AttrTag,
    min: AttrTag,
    max: AttrTag,
    bad_key: Diagnostic,
    bad_alg: Diagnostic,
}

const fn tags(usage: AlgUse) -> Tags {
    match usage {
        AlgUse::Ah => Tags {
            id: AttrTag::AH_AUTH,
            min: AttrTag::AH_MINBITS,
            max: AttrTag::AH_MAXBITS,
            bad_key: Diagnostic::UNSUPP_AH_KEYSIZE,
            bad_alg: Diagnostic::UNSUPP_AH_ALG,
        },
        AlgUse::EspEncr => Tags {
            id: AttrTag::ESP_ENCR,
            min: AttrTag::ENCR_MINBITS,
            max: AttrTag::ENCR_MAXBITS,
            bad_key: Diagnostic::UNSUPP_ESP_ENCR_KEYSIZE,
            bad_alg: Diagnostic::UNSUPP_ESP_ENCR_ALG,
        },
        AlgUse::EspAuth => Tags {
            id: AttrTag::ESP_AUTH,
            min: AttrTag::ESPA_MINBITS,
            max: AttrTag::ESPA_MAXBITS,
            bad_key: Diagnostic::UNSUPP_ESP_AUTH_KEYSIZE,
            bad_alg: Diagnostic::UNSUPP_ESP_AUTH_ALG,
        },
    }
}

impl Lower<'_> {
    fn choice(&mut self, choice: &Choice) -> Result<(), TooLarge> {
        let any_cipher = choice.encr.is_some_and(|encr| encr.id == 0);
        for encr in self.spell_out(AlgUse::EspEncr, choice.encr) {
            for ah in self.spell_out(AlgUse::Ah, choice.ah) {
                // Among any ciphers, one that authenticates needs no help; the flag stays.
                let combined = encr.is_some_and(|encr| is_combined(self.algs, encr.id));
                if any_cipher && combined && choice.esp_auth.is_some() {
                    self.alternative(choice, encr, ah, None)?;
                    continue;
                }
                for esp_auth in self.spell_out(AlgUse::EspAuth, choice.esp_auth) {
                    self.alternative(choice, encr, ah, esp_auth)?;
                }
            }
        }
        Ok(())
    }

    /// The algorithms meant, in the kernel's order of preference; one "none" if none is.
    fn spell_out(&self, usage: AlgUse, choice: Option<AlgChoice>) -> Vec<Option<AlgChoice>> {
        match choice {
            Some(AlgChoice { id: 0, min, max }) => self
                .kernel
                .iter()
                .filter(|alg| alg.usage == usage && meets(alg, min, max))
                .map(|alg| Some(AlgChoice { id: alg.id, min, max }))
                .collect(),
            choice => vec![choice],
        }
    }

    fn alternative(
        &mut self,
        choice: &Choice,
        encr: Option<AlgChoice>,
        ah: Option<AlgChoice>,
        esp_auth: Option<AlgChoice>,
    ) -> Result<(), TooLarge> {
        let mut flags = ActionFlags::empty();
        flags.set(ActionFlags::AH, ah.is_some());
        flags.set(ActionFlags::ESP, encr.is_some());
        flags.set(ActionFlags::ESP_AUTH, choice.esp_auth.is_some());
        flags.set(ActionFlags::UNIQUE, choice.unique);
        let mut alt = Alternative::empty();
        alt.kind = choice.kind;
        self.attrs.push(Attr::new(AttrTag::EMPTY, 0));
        self.attrs.push(Attr::new(AttrTag::TYPE, choice.kind.number()));
        if !flags.is_empty() {
            self.attrs.push(Attr::new(AttrTag::FLAGS, flags.bits()));
        }
        if choice.kind == ActionKind::Ipsec {
            alt.flags = flags;
            if let Some(encr) = encr {
                alt.encr = self.algorithm(AlgUse::EspEncr, encr);
            }
            match esp_auth {
                Some(esp_auth) => alt.esp_auth = self.algorithm(AlgUse::EspAuth, esp_auth),
                // Flagged without an algorithm: the kernel takes the entry "any", without keys.
                None if choice.esp_auth.is_some() => {
                    alt.esp_auth = AlgChoice { id: 0, min: 0, max: 0 };
                }
                None => {}
            }
            if let Some(ah) = ah {
                alt.ah = self.algorithm(AlgUse::Ah, ah);
            }
        }
        self.attrs.push(Attr::new(AttrTag::NEXT, 0));
        self.alternatives.push(alt);
        if self.attrs.len() > MAX_REQUEST / 8 { Err(TooLarge) } else { Ok(()) }
    }

    /// Adds the attributes of one algorithm. Gives what the kernel will make of them:
    /// bounds clipped to the keys of the algorithm.
    fn algorithm(&mut self, usage: AlgUse, choice: AlgChoice) -> AlgChoice {
        let tags = tags(usage);
        let known = kernel_alg(self.kernel, usage, choice.id);
        let (low, high, default) = known.map_or((0, 0, 0), |alg| (alg.min, alg.max, alg.default));
        let min = if choice.min == 0 { default } else { choice.min };
        self.attrs.push(Attr::new(tags.id, choice.id.into()));
        if min != 0 {
            self.attrs.push(Attr::new(tags.min, min.into()));
        }
        if choice.max != NO_MAX {
            self.attrs.push(Attr::new(tags.max, choice.max.into()));
        }
        let clip = |bits: u16| bits.max(low).min(high);
        let min = if min == 0 { default } else { clip(min) };
        let max = if choice.max == 0 { high } else { clip(choice.max) };
        if known.is_none() {
            self.refused.get_or_insert(tags.bad_alg);
        } else if min > max {
            self.refused.get_or_insert(tags.bad_key);
        }
        AlgChoice { id: choice.id, min, max }
    }
}
