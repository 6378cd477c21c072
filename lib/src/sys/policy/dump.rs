// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading rules: dumps, and what is made of them.

use std::collections::BTreeSet;

use super::{PolicyClient, PolicyError, Refusal, Scope, answer, check, spdid};
use crate::model::{Side, SpdRule, TunnelName};
use crate::wire::namespace::NamespaceExt;
use crate::wire::policy::{
    Diagnostic, DumpItem, Ext, ExtType, Message, MsgType, RecordError, TunNameExt, decode_record,
};

/// How often a dump is started again because the policy changed while it was read.
pub const DUMP_TRIES: usize = 256;

/// Whose rules a dump shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of the client's namespace; without one, everybody's.
    Own,
    /// Everybody's. No owners are shown.
    Everybody,
    /// Everybody's, with their owners. A kernel without namespaces refuses it.
    Named,
}

impl PolicyClient {
    /// Lists the rules of one side. The iterator ends after the trailer; a trailer with
    /// an error (EAGAIN: the policy changed meanwhile) is its last item.
    pub fn dump(&mut self, side: Side, scope: &Scope) -> Result<Dump<'_>, PolicyError> {
        self.dump_of(Whose::Own, side, scope)
    }

    /// The same of other rules.
    pub fn dump_of(
        &mut self,
        whose: Whose,
        side: Side,
        scope: &Scope,
    ) -> Result<Dump<'_>, PolicyError> {
        let kind = MsgType::DUMP;
        let mut message = Message::request(kind, spdid(side));
        message.exts.extend(scope.extension());
        match whose {
            Whose::Own => self.send(&message)?,
            Whose::Everybody => self.send_as_is(&message)?,
            Whose::Named => {
                self.send_as_is(&message.with(Ext::Namespace(NamespaceExt::Any)))?;
            }
        }
        let reply = self.receive(kind)?;
        check(kind, &reply)?;
        Ok(Dump { client: self, done: false })
    }

    /// The rules of one side, all from one moment: a dump that the policy changes under is
    /// started again, a few times. Records that describe no rule are left out.
    pub fn rules(&mut self, side: Side, scope: &Scope) -> Result<Vec<SpdRule>, PolicyError> {
        self.rules_of(Whose::Own, side, scope)
    }

    /// Everybody's rules, with their owners if the kernel knows them.
    pub fn all_rules(&mut self, side: Side, scope: &Scope) -> Result<Vec<SpdRule>, PolicyError> {
        match self.rules_of(Whose::Named, side, scope) {
            Err(PolicyError::Refused(Refusal { diagnostic: Diagnostic::UNKNOWN_EXT, .. })) => {
                self.rules_of(Whose::Everybody, side, scope)
            }
            rules => rules,
        }
    }

    fn rules_of(
        &mut self,
        whose: Whose,
        side: Side,
        scope: &Scope,
    ) -> Result<Vec<SpdRule>, PolicyError> {
        self.again_while_changing(|client| {
            let mut rules = Vec::new();
            for item in client.dump_of(whose, side, scope)? {
                match item {
                    Ok(DumpItem::Rule { rule, .. }) => rules.push(rule),
                    Ok(DumpItem::Ruleset(_)) | Err(DumpError::Record(_)) => {}
                    Err(DumpError::Policy(error)) => return Err(error),
                }
            }
            Ok(rules)
        })
    }

    /// Repeats what fails with EAGAIN because the policy changed meanwhile.
    fn again_while_changing<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self) -> Result<T, PolicyError>,
    ) -> Result<T, PolicyError> {
        for _ in 1..DUMP_TRIES {
            match attempt(self) {
                Err(error) if error.is_eagain() => {}
                result => return result,
            }
        }
        attempt(self)
    }

    /// The tunnels of a scope that have rules on a side: rules of whoever. Costs less than a
    /// dump: nothing but the names is looked at.
    pub fn tunnels(
        &mut self,
        side: Side,
        scope: &Scope,
    ) -> Result<BTreeSet<TunnelName>, PolicyError> {
        self.again_while_changing(|client| client.tunnels_once(side, scope))
    }

    fn tunnels_once(
        &mut self,
        side: Side,
        scope: &Scope,
    ) -> Result<BTreeSet<TunnelName>, PolicyError> {
        let kind = MsgType::DUMP;
        let mut dump = self.dump_of(Whose::Everybody, side, scope)?;
        let mut tunnels = BTreeSet::new();
        let mut last: Vec<u8> = Vec::new();
        while !dump.done {
            let receive = |source| PolicyError::Receive { request: kind, source };
            let bytes = dump.client.socket.receive().map_err(receive)?;
            let frame = match answer(kind, bytes) {
                Ok(Ok(frame)) => frame,
                refused_or_bad => {
                    dump.done = true;
                    refused_or_bad??;
                    break;
                }
            };
            dump.done = frame.get(ExtType::RULESET).is_some();
            // The rules of a tunnel follow each other.
            if let Some(ext) = frame.get(ExtType::TUN_NAME)
                && ext.bytes[4..] != last
            {
                last = ext.bytes[4..].to_vec();
                tunnels.extend(TunnelName::new(TunNameExt(last.clone()).name()).ok());
            }
        }
        Ok(tunnels)
    }
}

/// A dump in progress. Dropping it reads the rest, so that the connection can be used again.
pub struct Dump<'a> {
    client: &'a mut PolicyClient,
    done: bool,
}

impl Iterator for Dump<'_> {
    type Item = Result<DumpItem, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let message = match self.client.receive(MsgType::DUMP) {
            Ok(message) => message,
            Err(error) => {
                self.done = true;
                return Some(Err(error.into()));
            }
        };
        if let Err(error) = check(MsgType::DUMP, &message) {
            self.done = true;
            return Some(Err(error.into()));
        }
        if message.get(ExtType::RULESET).is_some() {
            self.done = true;
            return None;
        }
        Some(decode_record(&message).map_err(DumpError::from))
    }
}

impl Drop for Dump<'_> {
    fn drop(&mut self) {
        while !self.done {
            self.next();
        }
    }
}

/// Why one item of a dump could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The dump failed or was cut short.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// This record does not describe a rule; the dump goes on.
    #[error(transparent)]
    Record(#[from] RecordError),
}
