// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy that a command line asks for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use illumos_ipsec::cli::plain;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::SourceText;
use illumos_ipsec::sys::System;
use ipsecconf_rs::tunnel_policy::TunnelPolicies;

use crate::failure::{Failure, note};

/// `--policy` or `--policy-file`.
#[derive(Debug)]
pub(crate) enum Wanted {
    Text(OsString),
    File(OsString),
}

impl Wanted {
    /// Takes one of the options; only one of them can be given, and once.
    pub(crate) fn take(self, before: &mut Option<Self>) -> Result<(), Failure> {
        if before.is_some() {
            return Err(Failure::message("a policy has been given already"));
        }
        *before = Some(self);
        Ok(())
    }

    /// A command that is written down for a boot is carried out in another directory.
    pub(crate) fn can_be_recorded(&self) -> Result<(), Failure> {
        match self {
            Self::File(file) if Path::new(file).is_relative() => {
                let file = file.to_string_lossy();
                Err(Failure::message(format!(
                    "the policy file {file} is read at the next boot of the other root, expected \
                     a path that begins with '/'"
                )))
            }
            Self::File(_) | Self::Text(_) => Ok(()),
        }
    }

    /// The policy, if it has no errors.
    pub(super) fn checked(
        &self,
        system: &System,
        tunnel: &TunnelName,
        policies: &mut TunnelPolicies,
    ) -> Result<SourceText, Failure> {
        let source = self.read(system, tunnel)?;
        let checked = policies.check(&source);
        // Columns count in a text of which only a part was typed.
        if checked.is_err()
            && let Self::Text(text) = self
            && !is_entry(text)
        {
            let read = String::from_utf8_lossy(&source.text);
            note(format_args!("--policy was read as: {}", read.trim_end()));
        }
        Ok(checked.map(|()| source)?)
    }

    /// The policy, under the name that messages about it have.
    fn read(&self, system: &System, tunnel: &TunnelName) -> Result<SourceText, Failure> {
        let (name, text) = match self {
            Self::Text(text) => ("--policy".to_owned(), entry(text)),
            Self::File(file) => {
                let text = std::fs::read(system.operand(file)).map_err(|error| {
                    let file = file.to_string_lossy();
                    Failure::message(format!("cannot read {file}: {}", plain(&error)))
                })?;
                (file.to_string_lossy().into_owned(), text)
            }
        };
        Ok(SourceText { name, text, tunnel: Some(tunnel.clone()) })
    }
}

/// Entries as they are; anything else is what `ipsec` has in its braces, for all traffic
/// of the tunnel.
fn entry(text: &OsStr) -> Vec<u8> {
    if is_entry(text) {
        return text.as_bytes().to_vec();
    }
    let text = text.as_bytes();
    [b"{ negotiate tunnel } ipsec { ", text.trim_ascii(), b" }\n"].concat()
}

fn is_entry(text: &OsStr) -> bool {
    text.as_bytes().trim_ascii_start().starts_with(b"{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_become_an_entry_for_all_traffic() {
        assert_eq!(
            entry(OsStr::new(" encr_algs aes-gcm ")),
            b"{ negotiate tunnel } ipsec { encr_algs aes-gcm }\n"
        );
        let whole = "{ negotiate transport } ipsec { encr_algs aes-gcm }";
        assert_eq!(entry(OsStr::new(whole)), whole.as_bytes());
    }
}
