// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an association is to be.

use illumos_ipsec::model::{Lifetime, SaFlags};
use illumos_ipsec::wire::key::{IdentityExt, KeyExt};

use crate::value::{Address, Label};

/// The cipher that takes no key.
pub(crate) const NULL: u8 = 11;

/// What the keywords say. Numbers are 0 where nothing is said.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// A keyword of the SA extension was there.
    pub(crate) has_sa: bool,
    pub(crate) spi: u32,
    pub(crate) pair_spi: u32,
    pub(crate) replay: u8,
    pub(crate) state: u8,
    pub(crate) auth: u8,
    pub(crate) encr: u8,
    pub(crate) flags: SaFlags,
    pub(crate) encap: bool,
    pub(crate) hard: Lifetime,
    pub(crate) soft: Lifetime,
    pub(crate) idle: Lifetime,
    pub(crate) src: Option<Address>,
    pub(crate) dst: Option<Address>,
    pub(crate) inner_src: Option<Address>,
    pub(crate) inner_dst: Option<Address>,
    pub(crate) nat_local: Option<Address>,
    pub(crate) nat_remote: Option<Address>,
    pub(crate) src_port: u16,
    pub(crate) dst_port: u16,
    pub(crate) inner_src_port: u16,
    pub(crate) inner_dst_port: u16,
    pub(crate) nat_local_port: u16,
    pub(crate) nat_remote_port: u16,
    pub(crate) proto: u8,
    pub(crate) inner_proto: u8,
    pub(crate) reserved_bits: u16,
    pub(crate) encr_key: Option<KeyExt>,
    pub(crate) auth_key: Option<KeyExt>,
    pub(crate) auth_string: Option<KeyExt>,
    pub(crate) src_identity: Option<IdentityExt>,
    pub(crate) dst_identity: Option<IdentityExt>,
    pub(crate) replay_value: u32,
    pub(crate) label: Option<Label>,
    pub(crate) outer_label: Option<(Label, bool)>,
}
