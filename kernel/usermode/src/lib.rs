// SPDX-License-Identifier: MIT OR Apache-2.0

//! The IPsec interfaces of the illumos kernel, in user mode.
