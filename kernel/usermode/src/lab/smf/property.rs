// SPDX-License-Identifier: MIT OR Apache-2.0

//! Properties, and how they are written for shells.

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PropertyError {
    #[error("'{0}' is no property type; expected one of {types}", types = TYPES.join(", "))]
    Type(String),
    #[error("'{value}' is no value of type {kind}; expected {expected}")]
    Value { kind: String, value: String, expected: &'static str },
    #[error("Type required for new properties.")]
    TypeRequired,
    #[error("'{0}' is no assignment; expected GROUP/NAME = [TYPE:] VALUE")]
    Assignment(String),
}

/// Types of values.
pub(super) const TYPES: &[&str] = &[
    "boolean",
    "count",
    "integer",
    "time",
    "astring",
    "ustring",
    "opaque",
    "fmri",
    "uri",
    "host",
    "hostname",
    "net_address",
    "net_address_v4",
    "net_address_v6",
];

/// A property: a type, and values of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) kind: String,
    pub(super) values: Vec<String>,
}

impl Property {
    pub(super) fn one(kind: &str, value: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), values: vec![value.into()] }
    }

    /// Checks a value that somebody has typed.
    pub(super) fn checked(kind: &str, value: String) -> Result<Self, PropertyError> {
        let expected = match kind {
            "boolean" if !matches!(&*value, "true" | "false") => "true or false",
            "count" if value.parse::<u64>().is_err() => "a number that is not negative",
            "integer" if value.parse::<i64>().is_err() => "a number",
            _ if TYPES.contains(&kind) => return Ok(Self::one(kind, value)),
            _ => return Err(PropertyError::Type(kind.to_owned())),
        };
        Err(PropertyError::Value { kind: kind.to_owned(), value, expected })
    }

    /// As `svcprop` prints it: values with a blank between them.
    pub(super) fn printed(&self) -> String {
        self.joined(" ")
    }

    /// Each value as a word of the shell.
    pub(super) fn joined(&self, separator: &str) -> String {
        let words: Vec<String> = self.values.iter().map(|value| escaped(value)).collect();
        words.join(separator)
    }
}

/// A backslash before blanks and what a shell gives a meaning, `""` for nothing at all.
fn escaped(value: &str) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if ";&()|^<>\n \t\\\"'`".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_a_shell() {
        for (value, printed) in [
            ("/etc/inet/ipsecinit.conf", "/etc/inet/ipsecinit.conf"),
            ("/etc/my files/a", "/etc/my\\ files/a"),
            ("", "\"\""),
            ("a\\b'c", "a\\\\b\\'c"),
        ] {
            assert_eq!(Property::one("astring", value).printed(), printed);
        }
        let two = Property { kind: "astring".into(), values: vec!["a b".into(), "c".into()] };
        assert_eq!(two.printed(), "a\\ b c");
    }

    #[test]
    fn values_have_to_fit_their_type() {
        assert!(Property::checked("boolean", "true".into()).is_ok());
        for (kind, value) in [("boolean", "yes"), ("count", "-1"), ("integer", "x"), ("text", "")] {
            assert!(Property::checked(kind, value.into()).is_err(), "{kind}");
        }
    }
}
