// SPDX-License-Identifier: MIT OR Apache-2.0

//! What clients do: some messages, one after the other. A client can die after each of
//! them, and ends when the kernel refuses one.

use crate::message::{Kind, Msg, Name, Remote, Stored};

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// For the reader of the table.
    _name: &'static str,
    pub(crate) messages: &'static [Msg],
}

use Kind as K;
use Msg as M;
use Name::{A, B};

macro_rules! programs {
    ($($name:literal: $($message:expr),+;)+) => {
        &[$(Program { _name: $name, messages: &[$($message),+] }),+]
    };
}

/// Everything, for one client at a time.
pub(crate) fn alone() -> &'static [Program] {
    programs! {
        "create": M::NewLink(A), M::Create(A), M::Info(A);
        "delete": M::Delete(A), M::Destroy(A, Stored::No), M::Destroy(A, Stored::Yes);
        "delete other name": M::Delete(B), M::Destroy(B, Stored::No), M::Destroy(B, Stored::Yes);
        "down": M::Delete(A), M::Destroy(A, Stored::No);
        "up": M::UpLink(A), M::Create(A);
        "modify": M::ModifyTo(A, Remote::Elsewhere);
        "modify back": M::ModifyTo(A, Remote::There);
        "refused modify": M::ModifyRefused(A);
        "rename": M::RenameTo(B), M::RemapTo(B);
        "rename back": M::RenameTo(A), M::RemapTo(A);
        "plumb": M::Plumb(A);
        "plumb other name": M::Plumb(B);
        "unplumb": M::Unplumb(A);
        "unplumb other name": M::Unplumb(B);
        "protect": M::Add(A, K::Protect);
        "protect other name": M::Add(B, K::Protect);
        "protect in transport mode": M::Add(A, K::Transport);
        "protect in transport mode, out": M::Add(A, K::TransportOut);
        "pass": M::Add(A, K::Pass);
        "drop": M::Add(A, K::Drop);
        "protect or pass": M::Add(A, K::ProtectOrPass);
        "protect, in": M::Add(A, K::ProtectIn);
        "protect a part": M::Add(A, K::ProtectPart);
        "pass a port": M::Add(A, K::PassPort);
        "rule without a direction": M::AddNothing(A);
        "refused rule": M::AddRefused(A, Stored::No);
        "refused rule, other name": M::AddRefused(B, Stored::No);
        "refused standby rule": M::AddRefused(A, Stored::Yes);
        "delete rule": M::DeleteRule(A);
        "flush": M::Flush(A);
        "flush all": M::FlushAll;
        "flip": M::Flip(A);
        "flip all": M::FlipAll;
        "clone all": M::CloneAll;
        "simple policy: never": M::SimpleNever(A);
        "simple policy: none": M::SimpleNone(A);
        "reload": M::CloneAll, M::FlushStandby, M::AddStandby(A, K::Protect), M::FlipAll,
            M::FlushStandby;
        "failed load": M::CloneAll, M::FlushStandby, M::AddStandby(A, K::ProtectPart),
            M::AddRefused(A, Stored::Yes);
    }
}

/// What has several messages, and what comes in between, for two clients at a time.
pub(crate) fn together() -> &'static [Program] {
    programs! {
        "create": M::NewLink(A), M::Create(A), M::Info(A);
        "down": M::Delete(A), M::Destroy(A, Stored::No);
        "up": M::UpLink(A), M::Create(A);
        "rename": M::RenameTo(B), M::RemapTo(B);
        "plumb": M::Plumb(A);
        "plumb other name": M::Plumb(B);
        "unplumb": M::Unplumb(A);
        "protect": M::Add(A, K::Protect);
        "protect other name": M::Add(B, K::Protect);
        "flush all": M::FlushAll;
        "reload": M::CloneAll, M::FlushStandby, M::AddStandby(A, K::Protect), M::FlipAll,
            M::FlushStandby;
        "failed load": M::CloneAll, M::FlushStandby, M::AddStandby(A, K::ProtectPart),
            M::AddRefused(A, Stored::Yes);
    }
}
