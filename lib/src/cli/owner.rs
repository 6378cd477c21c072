// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-N`: whose rules or associations a command is about.

use crate::model::{BadNamespace, Namespace};

/// Whose rules or associations a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Those of the nameless owner, as ever; listings show everybody's.
    Nameless,
    /// `-N NAMESPACE`.
    Named(Namespace),
    /// `-N '*'`.
    Everybody,
}

impl Who {
    /// What the value of `-N` means.
    pub fn of_option(value: &[u8]) -> Result<Self, BadNamespace> {
        match value {
            b"*" => Ok(Self::Everybody),
            name => Namespace::new(name).map(Self::Named),
        }
    }

    /// The one namespace, if it is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        match self {
            Self::Named(namespace) => Some(namespace),
            Self::Nameless | Self::Everybody => None,
        }
    }
}
