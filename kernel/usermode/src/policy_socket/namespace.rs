// SPDX-License-Identifier: MIT OR Apache-2.0

//! Who a request is for (`spec/kernel-hooks.md` section 4).

use illumos_ipsec::wire::namespace::NamespaceExt;
use illumos_ipsec::wire::policy::{Diagnostic, ExtType, Frame, MsgType, RawExt};

use super::reply::Refusal;
use crate::spd::Owner;

/// Looks at the form of a namespace as soon as it is met.
pub(super) fn check(ext: &RawExt<'_>) -> Result<(), Refusal> {
    match ext.kind {
        ExtType::NAMESPACE if NamespaceExt::decode(ext.bytes).is_none() => {
            Err(Diagnostic::NAMESPACE_MALFORMED.into())
        }
        _ => Ok(()),
    }
}

/// What a request says about owners.
pub(super) fn of(frame: &Frame<'_>) -> Option<NamespaceExt> {
    frame.get(ExtType::NAMESPACE).and_then(|ext| NamespaceExt::decode(ext.bytes))
}

/// The owner that a request is for. A dump is no change and asks by itself; algorithms
/// belong to nobody.
pub(super) fn owner(frame: &Frame<'_>) -> Result<Owner, Refusal> {
    let inapplicable = || Err(Diagnostic::NAMESPACE_INAPPLICABLE.into());
    match (of(frame), frame.header.kind) {
        (None, _) => Ok(None),
        (Some(_), MsgType::ALGLIST | MsgType::DUMPALGS | MsgType::UPDATEALGS) => inapplicable(),
        (Some(_), MsgType::DUMP) => Ok(None),
        (Some(NamespaceExt::Any), _) => inapplicable(),
        (Some(NamespaceExt::Name(namespace)), _) => Ok(Some(namespace)),
    }
}
