// SPDX-License-Identifier: MIT OR Apache-2.0

//! What holds for every request (`spec/pf_key.md` section 4).

use illumos_ipsec::model::SaType;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{Diagnostic, ExtType, Frame, FrameError, HEADER_LEN, RawExt};
use illumos_ipsec::wire::namespace::NamespaceExt;

use super::{Refusal, Request};
use crate::KernelKind;

/// Bits of the longest string of a TCP signature.
const STRING_BITS: u16 = 640;

/// Walks the extensions as they arrive; each is checked before the next one is looked at. What
/// has no whole header is no message, whatever length it says it has.
pub(super) fn whole(bytes: &[u8], kind: KernelKind) -> Result<Frame<'_>, Refusal> {
    if bytes.len() < HEADER_LEN {
        return Err(Errno::EMSGSIZE.into());
    }
    let known = |ext: ExtType| match ext {
        ExtType::NAMESPACE => kind == KernelKind::Modified,
        other => other.is_old(),
    };
    Frame::parse_with(bytes, known, |raw| content(raw))
}

/// The same after the namespace, if there was one, has been taken out.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame<'_>, Refusal> {
    whole(bytes, KernelKind::Unmodified)
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Size { .. } => Errno::EMSGSIZE.into(),
            FrameError::UnknownExt { .. } => Diagnostic::UNKNOWN_EXT.into(),
            FrameError::BadLength { .. } => Diagnostic::BAD_EXTLEN.into(),
            FrameError::Duplicate { kind, .. } => duplicate(kind).into(),
        }
    }
}

fn duplicate(kind: ExtType) -> Diagnostic {
    match kind {
        ExtType::ADDRESS_SRC => Diagnostic::DUPLICATE_SRC,
        ExtType::ADDRESS_DST => Diagnostic::DUPLICATE_DST,
        ExtType::SA => Diagnostic::DUPLICATE_SA,
        ExtType::SPIRANGE => Diagnostic::DUPLICATE_RANGE,
        ExtType::KEY_AUTH => Diagnostic::DUPLICATE_AKEY,
        ExtType::KEY_ENCRYPT => Diagnostic::DUPLICATE_EKEY,
        ExtType::X_ADDRESS_INNER_SRC => Diagnostic::DUPLICATE_INNER_SRC,
        ExtType::X_ADDRESS_INNER_DST => Diagnostic::DUPLICATE_INNER_DST,
        ExtType::X_STR_AUTH => Diagnostic::DUPLICATE_ASTR,
        ExtType::NAMESPACE => Diagnostic::NAMESPACE_DUPLICATE,
        _ => Diagnostic::NONE,
    }
}

fn content(raw: &RawExt<'_>) -> Result<(), Refusal> {
    let (ok, otherwise) = match raw.kind {
        ExtType::ADDRESS_SRC => (raw.bytes.len() > 8, Diagnostic::MALFORMED_SRC),
        ExtType::ADDRESS_DST => (raw.bytes.len() > 8, Diagnostic::MALFORMED_DST),
        ExtType::X_ADDRESS_INNER_SRC => (raw.bytes.len() > 8, Diagnostic::MALFORMED_INNER_SRC),
        ExtType::X_ADDRESS_INNER_DST => (raw.bytes.len() > 8, Diagnostic::MALFORMED_INNER_DST),
        ExtType::LIFETIME_HARD | ExtType::LIFETIME_SOFT | ExtType::LIFETIME_CURRENT => {
            (raw.bytes.len() == 32, Diagnostic::NONE)
        }
        ExtType::SPIRANGE => {
            let bound = |at| u32::from_be_bytes(raw.read(at));
            (bound(4) <= bound(8), Diagnostic::MALFORMED_RANGE)
        }
        ExtType::KEY_AUTH => (key(raw), Diagnostic::MALFORMED_AKEY),
        ExtType::KEY_ENCRYPT => (key(raw), Diagnostic::MALFORMED_EKEY),
        ExtType::X_STR_AUTH => (key(raw) && raw.u16(4) <= STRING_BITS, Diagnostic::MALFORMED_ASTR),
        ExtType::NAMESPACE => {
            (NamespaceExt::decode(raw.bytes).is_some(), Diagnostic::NAMESPACE_MALFORMED)
        }
        _ => (true, Diagnostic::NONE),
    };
    if ok { Ok(()) } else { Err(otherwise.into()) }
}

/// The length in bits has to fit that of the extension. Nothing is made of the octets: the
/// original means to refuse a key of zeroes, but looks behind it.
fn key(raw: &RawExt<'_>) -> bool {
    let bits = raw.u16(4);
    bits != 0 && usize::from(bits / 8).next_multiple_of(8) + 8 == raw.bytes.len()
}

/// Puts a NUL to the end of identities that have none.
pub(super) fn terminate_identities(bytes: &mut [u8]) {
    let ends: Vec<usize> = match Frame::parse(bytes) {
        Ok(frame) => [ExtType::IDENTITY_SRC, ExtType::IDENTITY_DST]
            .into_iter()
            .filter_map(|kind| frame.get(kind))
            .filter(|raw| raw.bytes.get(16..).is_some_and(|text| !text.contains(&0)))
            .map(|raw| raw.offset + raw.bytes.len() - 1)
            .collect(),
        Err(_) => Vec::new(),
    };
    for end in ends {
        bytes[end] = 0;
    }
}

/// What no request about an association of AH or ESP may have.
pub(super) fn unwanted(request: &Request<'_>) -> Result<(), Refusal> {
    if request.header().satype == SaType::AH && request.has(ExtType::KEY_ENCRYPT) {
        return Err(Diagnostic::EKEY_PRESENT.into());
    }
    if request.has(ExtType::PROPOSAL) {
        return Err(Diagnostic::PROP_PRESENT.into());
    }
    if request.has(ExtType::SUPPORTED_AUTH) || request.has(ExtType::SUPPORTED_ENCRYPT) {
        return Err(Diagnostic::SUPP_PRESENT.into());
    }
    Ok(())
}
