// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tables of a list as they are written.

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::Spanned;

use crate::edit::Place;

/// A file of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(default)]
    pub(super) file: Vec<File>,
}

/// `[[file]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) path: Spanned<String>,
    pub(super) only_if: Option<String>,
    pub(super) why_not: Option<String>,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) edit: Vec<Edit>,
}

/// `[[file.edit]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Edit {
    pub(super) id: Spanned<String>,
    pub(super) hooks: Vec<String>,
    pub(super) why: String,
    pub(super) r#in: Option<String>,
    pub(super) anchor: Option<OneOrMore>,
    pub(super) count: Option<usize>,
    pub(super) place: Place,
    pub(super) until: Option<String>,
    pub(super) text: OneOrMore,
    pub(super) only_if: Option<String>,
    pub(super) why_not: Option<String>,
    #[serde(default)]
    pub(super) optional: bool,
}

/// A string, or a list of strings.
pub(super) struct OneOrMore(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMoreVisitor)
    }
}

struct OneOrMoreVisitor;

impl<'de> Visitor<'de> for OneOrMoreVisitor {
    type Value = OneOrMore;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(OneOrMore(vec![value.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<String>()? {
            values.push(value);
        }
        Ok(OneOrMore(values))
    }
}
