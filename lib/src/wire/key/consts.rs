// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers of the protocol (`spec/pf_key_layout.json`).

use crate::wire::number::{ext_number, open_number};

/// Protocol version in every header.
pub const VERSION: u8 = 2;
/// The longest TCP signature string in bytes.
pub const TCPSIG_MD5_KEY_LEN: usize = 80;

open_number! {
    /// Message type.
    MsgType(u8) {
        RESERVED = 0,
        GETSPI = 1,
        UPDATE = 2,
        ADD = 3,
        DELETE = 4,
        GET = 5,
        ACQUIRE = 6,
        REGISTER = 7,
        EXPIRE = 8,
        FLUSH = 9,
        DUMP = 10,
        X_PROMISC = 11,
        X_INVERSE_ACQUIRE = 12,
        X_UPDATEPAIR = 13,
        X_DELPAIR = 14,
        X_DELPAIR_STATE = 15,
    }
}

impl MsgType {
    /// The highest type.
    pub const MAX: u8 = 15;
}

open_number! {
    /// Extension type.
    ExtType(u16) {
        SA = 1,
        LIFETIME_CURRENT = 2,
        LIFETIME_HARD = 3,
        LIFETIME_SOFT = 4,
        ADDRESS_SRC = 5,
        ADDRESS_DST = 6,
        X_ADDRESS_INNER_SRC = 7,
        KEY_AUTH = 8,
        KEY_ENCRYPT = 9,
        IDENTITY_SRC = 10,
        IDENTITY_DST = 11,
        SENSITIVITY = 12,
        PROPOSAL = 13,
        SUPPORTED_AUTH = 14,
        SUPPORTED_ENCRYPT = 15,
        SPIRANGE = 16,
        X_EREG = 17,
        X_EPROP = 18,
        X_KM_COOKIE = 19,
        X_ADDRESS_NATT_LOC = 20,
        X_ADDRESS_NATT_REM = 21,
        X_ADDRESS_INNER_DST = 22,
        X_PAIR = 23,
        X_REPLAY_VALUE = 24,
        X_EDUMP = 25,
        X_LIFETIME_IDLE = 26,
        X_OUTER_SENS = 27,
        X_STR_AUTH = 28,
        NAMESPACE = 256,
    }
}

ext_number!(ExtType, 28);

open_number! {
    /// Key management protocol of a cookie.
    KmProto(u32) {
        MANUAL = 0,
        IKE = 1,
        KINK = 2,
        IKEV2 = 3,
    }
}
