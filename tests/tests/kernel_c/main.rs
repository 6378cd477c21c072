// SPDX-License-Identifier: MIT OR Apache-2.0

//! The C files of the illumos kernel change, compiled for this host with sanitizers, against
//! models and against the user-mode kernel.

mod associations;
mod names;
mod rules;
mod tunnels;
