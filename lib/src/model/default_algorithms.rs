// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algorithms a system starts with.
//!
//! One table serves the text of `ipsecalgs`, checks on machines that have no such file,
//! and the default state of the user-mode kernel. Source: `spec/ipsecconf.md` section 7.1.

use super::{AlgFlags, AlgProto, Algorithm, KeySizes};

/// A row: class, number, names, mechanism, keys, block or MAC bytes, IV, ICV and salt, flags.
type Row =
    (AlgProto, u8, &'static str, &'static str, Keys, &'static [u16], &'static [u16], AlgFlags);

#[derive(Clone, Copy)]
enum Keys {
    None,
    One(u16),
    /// 128 to 256 bits in steps of 64, 128 by default.
    Aes,
}

use AlgProto::{Ah, Esp};
use Keys::{Aes, None as NoKey, One};

const PLAIN: AlgFlags = AlgFlags::empty();
const CCM: AlgFlags =
    AlgFlags::VALID.union(AlgFlags::COUNTER).union(AlgFlags::COMBINED).union(AlgFlags::CCM);
const GCM: AlgFlags =
    AlgFlags::VALID.union(AlgFlags::COUNTER).union(AlgFlags::COMBINED).union(AlgFlags::GCM);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Ah, 0, "none,any", "-", NoKey, &[], &[], PLAIN),
    (Ah, 2, "hmac-md5,md5", "CKM_MD5_HMAC_GENERAL", One(128), &[12], &[], PLAIN),
    (Ah, 3, "hmac-sha1,sha,sha1,sha-1,hmac-sha,hmac-sha-1", "CKM_SHA_1_HMAC_GENERAL", One(160), &[12], &[], PLAIN),
    (Ah, 5, "hmac-sha256,sha256,sha-256,hmac-sha-256", "CKM_SHA256_HMAC_GENERAL", One(256), &[16], &[], PLAIN),
    (Ah, 6, "hmac-sha384,sha384,sha-384,hmac-sha-384", "CKM_SHA384_HMAC_GENERAL", One(384), &[24], &[], PLAIN),
    (Ah, 7, "hmac-sha512,sha512,sha-512,hmac-sha-512", "CKM_SHA512_HMAC_GENERAL", One(512), &[32], &[], PLAIN),
    (Esp, 0, "any", "-", NoKey, &[], &[], PLAIN),
    (Esp, 2, "des-cbc,des", "CKM_DES_CBC", One(64), &[8], &[], PLAIN),
    (Esp, 3, "3des-cbc,3des", "CKM_DES3_CBC", One(192), &[8], &[], PLAIN),
    (Esp, 7, "blowfish-cbc,blowfish", "CKM_BLOWFISH_CBC", One(128), &[8], &[], PLAIN),
    (Esp, 11, "null", "-", NoKey, &[], &[], PLAIN),
    (Esp, 12, "aes-cbc,aes", "CKM_AES_CBC", Aes, &[16], &[], PLAIN),
    (Esp, 14, "aes-ccm8", "CKM_AES_CCM", Aes, &[16], &[8, 8, 3], CCM),
    (Esp, 15, "aes-ccm12", "CKM_AES_CCM", Aes, &[16], &[8, 12, 3], CCM),
    (Esp, 16, "aes-ccm,aes-ccm16", "CKM_AES_CCM", Aes, &[16], &[8, 16, 3], CCM),
    (Esp, 18, "aes-gcm8", "CKM_AES_GCM", Aes, &[16], &[8, 8, 4], GCM),
    (Esp, 19, "aes-gcm12", "CKM_AES_GCM", Aes, &[16], &[8, 12, 4], GCM),
    (Esp, 20, "aes-gcm,aes-gcm16", "CKM_AES_GCM", Aes, &[16], &[8, 16, 4], GCM),
];

/// The algorithms of a freshly installed system.
#[must_use]
pub fn default_algorithms() -> Vec<Algorithm> {
    let row = |&(proto, id, names, mechanism, keys, blocks, params, flags): &Row| Algorithm {
        proto,
        id,
        names: names.split(',').map(str::to_owned).collect(),
        mechanism: mechanism.to_owned(),
        keys: match keys {
            NoKey => KeySizes::None,
            One(bits) => KeySizes::List(vec![bits]),
            Aes => KeySizes::Range { default: 128, low: 128, high: 256, increment: 64 },
        },
        blocks: blocks.to_vec(),
        params: params.to_vec(),
        flags,
    };
    TABLE.iter().map(row).collect()
}
