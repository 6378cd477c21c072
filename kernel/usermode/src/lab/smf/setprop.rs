// SPDX-License-Identifier: MIT OR Apache-2.0

//! What `svccfg setprop` is told.

use std::str::FromStr;

use super::property::{PropertyError, TYPES};

/// `GROUP/NAME = [TYPE:] VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) kind: Option<String>,
    pub(super) value: String,
}

impl FromStr for Assignment {
    type Err = PropertyError;

    fn from_str(text: &str) -> Result<Self, PropertyError> {
        let wrong = || PropertyError::Assignment(text.to_owned());
        let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
        let name = name.trim();
        let is_name = |part: &str| !part.is_empty() && !part.contains([' ', '\t', '/', '"']);
        match name.split_once('/') {
            Some((group, property)) if is_name(group) && is_name(property) => {}
            _ => return Err(wrong()),
        }
        let rest = rest.trim();
        let (kind, value) = match rest.split_once(':') {
            Some((kind, value)) if TYPES.contains(&kind) => (Some(kind.to_owned()), value.trim()),
            // A type that does not exist, rather than a value with a colon.
            Some((kind, value)) if is_word(kind) && value.starts_with(' ') => {
                return Err(PropertyError::Type(kind.to_owned()));
            }
            _ => (None, rest),
        };
        let value = unquoted(value).ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), kind, value })
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A value is one word, or anything between double quotes, where a backslash takes the
/// meaning from a quote or backslash.
fn unquoted(text: &str) -> Option<String> {
    let Some(inside) = text.strip_prefix('"') else {
        let plain = !text.is_empty() && !text.contains([' ', '\t', '\n', '"', '(', ')']);
        return plain.then(|| text.to_owned());
    };
    let mut value = String::new();
    let mut rest = inside.chars();
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(value),
            '\\' => value.push(rest.next()?),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        for (text, name, kind, value) in [
            (
                "config/config_file = astring: /etc/a",
                "config/config_file",
                Some("astring"),
                "/etc/a",
            ),
            ("config/config_file=/etc/a:b", "config/config_file", None, "/etc/a:b"),
            (r#"a/b = "x \"y\" \\ z""#, "a/b", None, r#"x "y" \ z"#),
            (r#"a/b = astring: """#, "a/b", Some("astring"), ""),
        ] {
            let parsed: Assignment = text.parse().unwrap();
            assert_eq!(parsed.name, name);
            assert_eq!(parsed.kind.as_deref(), kind);
            assert_eq!(parsed.value, value);
        }
        for text in [
            "",
            "a",
            "a = b",
            "a/b =",
            "/b = c",
            "a/ = c",
            "a/b = c d",
            r#"a/b = "c"#,
            r#"a/b = "c" d"#,
            "a/b = (c d)",
            "a/b/c = d",
            "a/b = string: c",
        ] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }
}
