// SPDX-License-Identifier: MIT OR Apache-2.0

//! The diagnostic that comes with an error (`spec/pf_key.md` section 14).

use crate::wire::number::diagnostics;

/// Diagnostic code of a reply.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Diagnostic(pub u16);

// The texts are part of the standard output of ipseckey, so they are the original's, with
// their blanks and slips.
diagnostics! {
    NONE = 0, "No diagnostic";
    UNKNOWN_MSG = 1, "Unknown message type";
    UNKNOWN_EXT = 2, "Unknown extension type";
    BAD_EXTLEN = 3, "Bad extension length";
    UNKNOWN_SATYPE = 4, "Unknown Security Association type";
    SATYPE_NEEDED = 5, "Specific Security Association type needed";
    NO_SADBS = 6, "No Security Association Databases present";
    NO_EXT = 7, "No extensions needed for message";
    BAD_SRC_AF = 8, "Bad source address family";
    BAD_DST_AF = 9, "Bad destination address family";
    BAD_INNER_SRC_AF = 10, "Bad inner-source address family";
    AF_MISMATCH = 11, "Source/destination address family mismatch";
    BAD_SRC = 12, "Bad source address value";
    BAD_DST = 13, "Bad destination address value";
    ALLOC_HSERR = 14, "Soft allocations limit more than hard limit";
    BYTES_HSERR = 15, "Soft bytes limit more than hard limit";
    ADDTIME_HSERR = 16, "Soft add expiration time later than hard expiration time";
    USETIME_HSERR = 17, "Soft use expiration time later than hard expiration time";
    MISSING_SRC = 18, "Missing source address";
    MISSING_DST = 19, "Missing destination address";
    MISSING_SA = 20, "Missing SA extension";
    MISSING_EKEY = 21, "Missing encryption key";
    MISSING_AKEY = 22, "Missing authentication key";
    MISSING_RANGE = 23, "Missing SPI range";
    DUPLICATE_SRC = 24, "Duplicate source address";
    DUPLICATE_DST = 25, "Duplicate destination address";
    DUPLICATE_SA = 26, "Duplicate SA extension";
    DUPLICATE_EKEY = 27, "Duplicate encryption key";
    DUPLICATE_AKEY = 28, "Duplicate authentication key";
    DUPLICATE_RANGE = 29, "Duplicate SPI range";
    MALFORMED_SRC = 30, "Malformed source address";
    MALFORMED_DST = 31, "Malformed destination address";
    MALFORMED_SA = 32, "Malformed SA extension";
    MALFORMED_EKEY = 33, "Malformed encryption key";
    MALFORMED_AKEY = 34, "Malformed authentication key";
    MALFORMED_RANGE = 35, "Malformed SPI range";
    AKEY_PRESENT = 36, "Authentication key not needed";
    EKEY_PRESENT = 37, "Encryption key not needed";
    PROP_PRESENT = 38, "Proposal extension not needed";
    SUPP_PRESENT = 39, "Supported algorithms extension not needed";
    BAD_AALG = 40, "Unsupported authentication algorithm";
    BAD_EALG = 41, "Unsupported encryption algorithm";
    BAD_SAFLAGS = 42, "Invalid SA flags";
    BAD_SASTATE = 43, "Invalid SA state";
    BAD_AKEYBITS = 44, "Bad number of authentication bits";
    BAD_EKEYBITS = 45, "Bad number of encryption bits";
    ENCR_NOTSUPP = 46, "Encryption not supported for this SA type";
    WEAK_EKEY = 47, "Weak encryption key";
    WEAK_AKEY = 48, "Weak authentication key";
    DUPLICATE_KMP = 49, "Duplicate key management protocol";
    DUPLICATE_KMC = 50, "Duplicate key management cookie";
    MISSING_NATT_LOC = 51, "Missing NAT-T local address";
    MISSING_NATT_REM = 52, "Missing NAT-T remote address";
    DUPLICATE_NATT_LOC = 53, "Duplicate NAT-T local address";
    DUPLICATE_NATT_REM = 54, "Duplicate NAT-T remote address";
    MALFORMED_NATT_LOC = 55, "Malformed NAT-T local address";
    MALFORMED_NATT_REM = 56, "Malformed NAT-T remote address";
    DUPLICATE_NATT_PORTS = 57, "Duplicate NAT-T ports";
    MISSING_INNER_SRC = 58, "Missing inner source address";
    MISSING_INNER_DST = 59, "Missing inner destination address";
    DUPLICATE_INNER_SRC = 60, "Duplicate inner source address";
    DUPLICATE_INNER_DST = 61, "Duplicate inner destination address";
    MALFORMED_INNER_SRC = 62, "Malformed inner source address";
    MALFORMED_INNER_DST = 63, "Malformed inner destination address";
    PREFIX_INNER_SRC = 64, "Invalid inner-source prefix length ";
    PREFIX_INNER_DST = 65, "Invalid inner-destination prefix length";
    BAD_INNER_DST_AF = 66, "Bad inner-destination address family";
    INNER_AF_MISMATCH = 67, "Inner source/destination address family mismatch";
    BAD_NATT_REM_AF = 68, "Bad NAT-T remote address family";
    BAD_NATT_LOC_AF = 69, "Bad NAT-T local address family";
    PROTO_MISMATCH = 70, "Source/desination protocol mismatch";
    INNER_PROTO_MISMATCH = 71, "Inner source/desination protocol mismatch";
    DUAL_PORT_SETS = 72, "Both inner ports and outer ports are set";
    PAIR_INAPPROPRIATE = 73, "Pairing failed, target SA unsuitable for pairing";
    PAIR_ADD_MISMATCH = 74, "Source/destination address differs from pair SA";
    PAIR_ALREADY = 75, "Already paired with another security association";
    PAIR_SA_NOTFOUND = 76, "Command failed, pair security association not found";
    BAD_SA_DIRECTION = 77, "Inappropriate SA direction";
    SA_NOTFOUND = 78, "Security association not found";
    SA_EXPIRED = 79, "Security association is not valid";
    BAD_CTX = 80, "Algorithm invalid or not supported by Crypto Framework";
    INVALID_REPLAY = 81, "Invalid Replay counter";
    MISSING_LIFETIME = 82, "Inappropriate lifetimes";
    BAD_LABEL = 83, "Unknown diagnostic code";
    MISSING_ASTR = 84, "Missing authentication string";
    DUPLICATE_ASTR = 85, "Duplicate authentication string";
    MALFORMED_ASTR = 86, "Malformed authentication string";
    NAMESPACE_CONFLICT = 256, "in conflict with a record of another namespace";
    NAMESPACE_INAPPLICABLE = 257, "namespace not applicable to this message";
    NAMESPACE_MALFORMED = 258, "malformed namespace";
    NAMESPACE_DUPLICATE = 259, "duplicate namespace";
}

impl Diagnostic {
    const UNKNOWN_TEXT: &str = "Unknown diagnostic code";
}
