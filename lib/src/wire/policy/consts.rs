// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers of the protocol (`spec/pf_policy_layout.json`).
//!
//! Types are open: a number from outside that has no name here is kept.

use bitflags::bitflags;

use crate::wire::number::{ext_number, open_number};

/// Protocol version in every header.
pub const VERSION: u8 = 1;
/// Database id of the rules in force.
pub const SPD_ACTIVE: u8 = 0;
/// Database id of the rules being put together.
pub const SPD_STANDBY: u8 = 1;
/// Address family number for IPv4.
pub const AF_INET: u8 = 2;
/// Address family number for IPv6 on illumos.
pub const AF_INET6: u8 = 26;
/// The largest request in bytes that reaches the kernel in one piece.
pub const MAX_REQUEST: usize = 65536;

open_number! {
    /// Message type.
    MsgType(u8) {
        RESERVED = 0,
        FLUSH = 1,
        ADDRULE = 2,
        DELETERULE = 3,
        FLIP = 4,
        LOOKUP = 5,
        DUMP = 6,
        CLONE = 7,
        ALGLIST = 8,
        DUMPALGS = 9,
        UPDATEALGS = 10,
    }
}

impl MsgType {
    /// The highest type of an unmodified kernel.
    pub const MAX: u8 = 10;
}

open_number! {
    /// Extension type.
    ExtType(u16) {
        LCLPORT = 1,
        REMPORT = 2,
        PROTO = 3,
        LCLADDR = 4,
        REMADDR = 5,
        ACTION = 6,
        RULE = 7,
        RULESET = 8,
        ICMP_TYPECODE = 9,
        TUN_NAME = 10,
        NAMESPACE = 256,
    }
}

ext_number!(ExtType, 10);

open_number! {
    /// Tag of an action attribute.
    AttrTag(u32) {
        NOP = 0,
        END = 1,
        EMPTY = 2,
        NEXT = 3,
        TYPE = 0x100,
        FLAGS = 0x101,
        AH_AUTH = 0x102,
        ESP_ENCR = 0x103,
        ESP_AUTH = 0x104,
        ENCR_MINBITS = 0x105,
        ENCR_MAXBITS = 0x106,
        AH_MINBITS = 0x107,
        AH_MAXBITS = 0x108,
        LIFE_SOFT_TIME = 0x109,
        LIFE_HARD_TIME = 0x10a,
        LIFE_SOFT_BYTES = 0x10b,
        LIFE_HARD_BYTES = 0x10c,
        KM_PROTO = 0x10d,
        KM_COOKIE = 0x10e,
        REPLAY_DEPTH = 0x10f,
        ESPA_MINBITS = 0x110,
        ESPA_MAXBITS = 0x111,
        ENCR_DEFBITS = 0x112,
        ENCR_INCRBITS = 0x113,
        AH_DEFBITS = 0x114,
        AH_INCRBITS = 0x115,
        ESPA_DEFBITS = 0x116,
        ESPA_INCRBITS = 0x117,
        ALG_ID = 0x118,
        ALG_PROTO = 0x119,
        ALG_INCRBITS = 0x11a,
        ALG_NKEYSIZES = 0x11b,
        ALG_KEYSIZE = 0x11c,
        ALG_NBLOCKSIZES = 0x11d,
        ALG_BLOCKSIZE = 0x11e,
        ALG_MECHNAME = 0x11f,
        PROTO_ID = 0x120,
        PROTO_EXEC_MODE = 0x121,
        ALG_NPARAMS = 0x122,
        ALG_PARAMS = 0x123,
        ALG_FLAGS = 0x124,
    }
}

bitflags! {
    /// Flags of a RULE extension.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct RuleFlags: u32 {
        /// Inbound.
        const INBOUND = 1;
        /// Outbound.
        const OUTBOUND = 2;
        /// Tunnel mode.
        const TUNNEL = 4;
        /// Anything newer than this list.
        const _ = !0;
    }
}
