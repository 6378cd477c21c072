// SPDX-License-Identifier: MIT OR Apache-2.0

//! The diagnostic that comes with EINVAL (`spec/pf_policy.md` section 5).

use crate::wire::number::diagnostics;

/// Diagnostic code of a reply.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Diagnostic(pub u16);

// The texts are part of the standard output of ipsecconf, so they are the original's.
diagnostics! {
    NONE = 0, "no error";
    UNKNOWN_EXT = 1, "unknown extension";
    BAD_EXTLEN = 2, "bad extension length";
    NO_RULE_EXT = 3, "no rule extension";
    BAD_ADDR_LEN = 4, "bad address len";
    MIXED_AF = 5, "mixed address family";
    ADD_NO_MEM = 6, "add: no memory";
    ADD_WRONG_ACT_COUNT = 7, "add: wrong action count";
    ADD_BAD_TYPE = 8, "add: bad type";
    ADD_BAD_FLAGS = 9, "add: bad flags";
    ADD_INCON_FLAGS = 10, "add: inconsistent flags";
    MALFORMED_LCLPORT = 11, "malformed local port";
    DUPLICATE_LCLPORT = 12, "duplicate local port";
    MALFORMED_REMPORT = 13, "malformed remote port";
    DUPLICATE_REMPORT = 14, "duplicate remote port";
    MALFORMED_PROTO = 15, "malformed proto";
    DUPLICATE_PROTO = 16, "duplicate proto";
    MALFORMED_LCLADDR = 17, "malformed local address";
    DUPLICATE_LCLADDR = 18, "duplicate local address";
    MALFORMED_REMADDR = 19, "malformed remote address";
    DUPLICATE_REMADDR = 20, "duplicate remote address";
    MALFORMED_ACTION = 21, "malformed action";
    DUPLICATE_ACTION = 22, "duplicate action";
    MALFORMED_RULE = 23, "malformed rule";
    DUPLICATE_RULE = 24, "duplicate rule";
    MALFORMED_RULESET = 25, "malformed ruleset";
    DUPLICATE_RULESET = 26, "duplicate ruleset";
    INVALID_RULE_INDEX = 27, "invalid rule index";
    BAD_SPDID = 28, "bad spdid";
    BAD_MSG_TYPE = 29, "bad message type";
    UNSUPP_AH_ALG = 30, "unsupported AH algorithm";
    UNSUPP_ESP_ENCR_ALG = 31, "unsupported ESP encryption algorithm";
    UNSUPP_ESP_AUTH_ALG = 32, "unsupported ESP authentication algorithm";
    UNSUPP_AH_KEYSIZE = 33, "unsupported AH key size";
    UNSUPP_ESP_ENCR_KEYSIZE = 34, "unsupported ESP encryption key size";
    UNSUPP_ESP_AUTH_KEYSIZE = 35, "unsupported ESP authentication key size";
    NO_ACTION_EXT = 36, "No ACTION extension";
    ALG_ID_RANGE = 37, "invalid algorithm identifer";
    ALG_NUM_KEY_SIZES = 38, "number of key sizes inconsistent";
    ALG_NUM_BLOCK_SIZES = 39, "number of block sizes inconsistent";
    ALG_MECH_NAME_LEN = 40, "invalid mechanism name length";
    ALG_IPSEC_NOT_LOADED = 41, "unknown diagnostic";
    MALFORMED_ICMP_TYPECODE = 42, "unknown diagnostic";
    DUPLICATE_ICMP_TYPECODE = 43, "unknown diagnostic";
    NOT_GLOBAL_OP = 44, "operation not applicable to all policies";
    NO_TUNNEL_SELECTORS = 45, "using selectors on a transport-mode tunnel";
    NAMESPACE_CONFLICT = 256, "in conflict with a record of another namespace";
    NAMESPACE_INAPPLICABLE = 257, "namespace not applicable to this message";
    NAMESPACE_MALFORMED = 258, "malformed namespace";
    NAMESPACE_DUPLICATE = 259, "duplicate namespace";
}

impl Diagnostic {
    const UNKNOWN_TEXT: &str = "unknown diagnostic";
}
