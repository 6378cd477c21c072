// SPDX-License-Identifier: MIT OR Apache-2.0

//! Back end: the illumos machine that this process runs on.
//!
//! | module | what it is |
//! |---|---|
//! | `abi` | structures and numbers that cross the border, each checked when it is compiled |
//! | `calls` | the calls across the border, as traits |
//! | `native` | the calls, made: foreign functions, nothing else (on illumos only) |
//! | `fd` | a descriptor that is closed when it is dropped |
//! | `process` | zone and privileges |
//! | `socket` | `PF_POLICY` and `PF_KEY` sockets |
//! | `door` | one call of a door |
//! | `links` | `/dev/dld` and the link daemon |
//! | `statistics` | kernel statistics of a link |
//! | `names` | hosts, networks, services and protocols from the name services |
//! | `algorithms` | the algorithm table as libnsl reads it |
//!
//! All but `native` and [`Place`] are compiled for tests on every system, with other
//! calls behind the traits.

mod abi;
mod algorithms;
mod calls;
mod door;
mod fd;
mod links;
mod names;
#[cfg(target_os = "illumos")]
mod native;
#[cfg(target_os = "illumos")]
mod place;
mod process;
mod socket;
mod statistics;
#[cfg(test)]
mod tests;

#[cfg(target_os = "illumos")]
pub use names::ServiceNames;
#[cfg(target_os = "illumos")]
pub(super) use place::Place;
