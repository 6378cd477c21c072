// SPDX-License-Identifier: MIT OR Apache-2.0

//! A whole message as a value.

use super::FrameError;
use super::consts::{ExtType, MsgType};
use super::ext::Ext;
use super::fields::{RuleExt, TunNameExt};
use super::image::{HEADER_LEN, Header};
use crate::wire::message::message;

message! { request(spdid: u8) }

impl Message {
    /// The bytes, with the length field filled in.
    ///
    /// # Panics
    ///
    /// If the message is longer than its length field can say (524,280 bytes).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// The RULE extension.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleExt> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::Rule(rule) => Some(rule),
            _ => None,
        })
    }

    /// The TUN_NAME extension.
    #[must_use]
    pub fn tun_name(&self) -> Option<&TunNameExt> {
        self.exts.iter().find_map(|ext| match ext {
            Ext::TunName(name) => Some(name),
            _ => None,
        })
    }
}
