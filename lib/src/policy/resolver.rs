// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a policy needs to know of the system that it is for.

use super::{AlgDb, Names};
use crate::model::KernelAlg;

/// What names mean on this system.
pub struct Resolver<'a> {
    /// Hosts, networks, services and protocols.
    pub names: &'a dyn Names,
    /// Names of algorithms.
    pub algs: &'a AlgDb,
    /// The algorithms that the kernel has, in its order of preference.
    pub kernel: &'a [KernelAlg],
}
