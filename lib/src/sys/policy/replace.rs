// SPDX-License-Identifier: MIT OR Apache-2.0

//! For daemons: the whole policy of an owner, replaced in one step.

use super::{PolicyClient, PolicyError, Refusal, Scope};
use crate::model::Side;
use crate::wire::errno::Errno;
use crate::wire::policy::{Diagnostic, Message};

/// Why a policy has not been replaced. The old one is in force.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The kernel refuses some rules, at least one: position of the message from 0, and why.
    #[error("the kernel refuses {} of the rules, the first one (number {}): {}",
        .0.len(), .0[0].0 + 1, .0[0].1)]
    Rules(Vec<(usize, Refusal)>),
    /// Another owner has a rule in force for the same traffic.
    #[error("another owner has rules that cannot stand beside these: {0}")]
    Conflict(Refusal),
    /// Something that has nothing to do with the rules.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl ReplaceError {
    /// Are the rules of another owner the reason? Trying again helps once they are gone.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Rules(refused) => refused
                .iter()
                .all(|(_, refusal)| refusal.diagnostic == Diagnostic::NAMESPACE_CONFLICT),
            Self::Conflict(_) => true,
            Self::Policy(_) => false,
        }
    }
}

impl PolicyClient {
    /// Replaces all rules of the client's namespace, in all heads, by these `ADDRULE`
    /// messages for the standby side. At every moment either all old ones are in force or
    /// all new ones; whatever others have is not touched.
    ///
    /// One client of a namespace may do this at a time. Without a namespace this is about
    /// the rules without one; then use it on a kernel with namespaces only, since others
    /// open running tunnels that way (`ipsecconf` knows how not to).
    pub fn replace_all(
        &mut self,
        messages: impl IntoIterator<Item = Message>,
    ) -> Result<(), ReplaceError> {
        // Of a process that was killed.
        self.flush(Side::Standby, &Scope::All)?;
        let filled = self.fill(messages);
        let done = filled.and_then(|()| {
            self.flip_all().map_err(|error| match error.refusal() {
                Some(refusal) if matches!(refusal.errno, Errno::EEXIST | Errno::EBUSY) => {
                    ReplaceError::Conflict(refusal)
                }
                _ => error.into(),
            })
        });
        // The old rules, or those that are not wanted.
        let emptied = self.flush(Side::Standby, &Scope::All);
        done?;
        Ok(emptied?)
    }

    fn fill(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), ReplaceError> {
        let mut refused = Vec::new();
        self.add_all(messages, |position, result| {
            if let Err(refusal) = result {
                refused.push((position, refusal));
            }
            true
        })?;
        if refused.is_empty() { Ok(()) } else { Err(ReplaceError::Rules(refused)) }
    }
}
