// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is done with the traffic a rule selects.

use bitflags::bitflags;

/// The kind of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Discard.
    Drop,
    /// Let pass in clear.
    Pass,
    /// Protect with AH, ESP or both.
    Ipsec,
    /// A number the kernel stored but that has no meaning here; 0 where no type was given.
    Other(u32),
}

bitflags! {
    /// Flags of an action (`SPD_APPLY_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct ActionFlags: u32 {
        /// Use AH.
        const AH = 0x01;
        /// Use ESP.
        const ESP = 0x02;
        /// Self-encapsulation.
        const SELF_ENCAP = 0x04;
        /// Compression; ignored by the kernel.
        const COMP = 0x08;
        /// A security association of its own for each flow.
        const UNIQUE = 0x10;
        /// Ignored by the kernel.
        const BYPASS = 0x20;
        /// ESP with authentication.
        const ESP_AUTH = 0x40;
        /// Anything newer than this list.
        const _ = !0;
    }
}

/// An algorithm number with bounds for the key size in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlgChoice {
    /// Number; 0 stands for any.
    pub id: u8,
    /// Smallest acceptable key.
    pub min: u16,
    /// Largest acceptable key; 65535 is no bound.
    pub max: u16,
}

/// One alternative of an action; a rule has one or more, in order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alternative {
    /// Discard, pass or protect.
    pub kind: ActionKind,
    /// How to protect.
    pub flags: ActionFlags,
    /// AH authentication.
    pub ah: AlgChoice,
    /// ESP encryption.
    pub encr: AlgChoice,
    /// ESP authentication.
    pub esp_auth: AlgChoice,
    /// Key management protocol, 0 for none.
    pub km_proto: u32,
    /// Key management cookie, 0 for none.
    pub km_cookie: u32,
    /// Replay window, 0 for the default.
    pub replay_depth: u32,
}
