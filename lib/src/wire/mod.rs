// SPDX-License-Identifier: MIT OR Apache-2.0

//! Byte images of the kernel interfaces.
//!
//! No sockets here, no files, no clocks. Encoders write every byte; decoders
//! check bounds once, cannot panic and keep what they do not know.

pub mod dld;
pub mod dlmgmt;
pub mod errno;
pub mod frame;
pub mod iptun;
pub mod key;
#[cfg(not(target_os = "illumos"))]
pub mod lab;
pub mod namespace;
pub mod nvlist;
pub mod policy;

mod image;
mod message;
mod number;
