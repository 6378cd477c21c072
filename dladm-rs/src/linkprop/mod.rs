// SPDX-License-Identifier: MIT OR Apache-2.0

//! Properties of tunnel links.

pub(crate) mod reset;
pub(crate) mod set;
pub(crate) mod show;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::{Options, Scanned};
use illumos_ipsec::model::LinkId;
use illumos_ipsec::policy::c_integer;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dld::{
    MacProp, PROP_DEFAULT, PROP_ENCAPLIMIT, PROP_HOPLIMIT, PROP_MTU, PROP_POSSIBLE, PropRange,
};
use illumos_ipsec::wire::dlmgmt::LinkInfo;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::{PROPERTY_OPTIONS, of_a_sibling, text};

/// A property.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    /// Its number in the kernel; one without cannot be set.
    number: Option<u32>,
    /// The numbers that it can be, where that does not depend on the tunnel.
    range: Option<(u32, u32)>,
}

const PROPERTIES: &[Property] = &[
    Property { name: "hoplimit", number: Some(PROP_HOPLIMIT), range: Some((1, 255)) },
    Property { name: "encaplimit", number: Some(PROP_ENCAPLIMIT), range: Some((0, 255)) },
    Property { name: "mtu", number: Some(PROP_MTU), range: None },
    Property { name: "state", number: None, range: None },
];

/// A property and the values given for it.
pub(crate) type Assignment = (String, Vec<String>);

/// The longest list of properties in bytes.
const LONGEST: usize = 254;

/// Splits all lists of `-p` together.
pub(crate) fn assignments(lists: &[String]) -> Result<Vec<Assignment>, Failure> {
    let text = lists.join(",");
    if text.len() > LONGEST {
        let text = format!("property list too long (at most {LONGEST} characters)");
        return Err(Failure::message(text));
    }
    let mut found: Vec<Assignment> = Vec::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        match (item.split_once('='), found.last_mut()) {
            (Some((name, value)), _) => found.push((name.to_owned(), vec![value.to_owned()])),
            (None, Some((_, values))) if !values.is_empty() => values.push(item.to_owned()),
            (None, _) => found.push((item.to_owned(), Vec::new())),
        }
    }
    Ok(found)
}

/// What `set-linkprop` and `reset-linkprop` are given.
struct Change {
    scanned: Scanned,
    temporary: bool,
    /// Another root directory.
    root: Option<OsString>,
    wanted: Vec<Assignment>,
}

impl Change {
    fn scan(context: &Context, args: &[OsString]) -> Result<Self, Failure> {
        let options = Options { flags: "t", values: "Rp", long: PROPERTY_OPTIONS };
        let (scanned, error) = context.scan(&options, args);
        let (mut temporary, mut root, mut lists) = (false, None, Vec::new());
        for (letter, value) in &scanned.options {
            match letter {
                't' => temporary = true,
                'R' => root = Some(value.clone()),
                'p' => lists.push(text(value)),
                letter => return Err(of_a_sibling(*letter, context.name)),
            }
        }
        error.map_or(Ok(()), Err)?;
        let wanted = assignments(&lists)?;
        Ok(Self { scanned, temporary, root, wanted })
    }
}

/// A property by name, in any case of letters.
pub(crate) fn find(name: &str) -> Option<&'static Property> {
    PROPERTIES.iter().find(|property| property.name.eq_ignore_ascii_case(name))
}

/// The link of an operand.
pub(crate) fn link(context: &mut Context, name: &OsStr) -> Result<LinkInfo, Failure> {
    context.client.find(name.as_bytes()).map_err(|status| {
        Failure::because(&format!("link {} is not valid", name.to_string_lossy()), status)
    })
}

impl Property {
    /// The number that a text stands for. What follows a number is an error, not ignored.
    fn parse(&self, text: &str) -> Option<u32> {
        match self.range {
            Some((min, max)) => {
                let digits = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                digits?.parse().ok().filter(|value| (min..=max).contains(value))
            }
            None => c_integer(text.as_bytes(), 0).and_then(|value| u32::try_from(value).ok()),
        }
    }

    fn ask(
        &self,
        context: &mut Context,
        link: LinkId,
        flags: u32,
        size: usize,
    ) -> Result<MacProp, LinkStatus> {
        let number = self.number.ok_or(LinkStatus::ReadOnly)?;
        let value = vec![0; size];
        let name = self.name.as_bytes().to_vec();
        context.client.property(&MacProp { flags, link, number, name, value, permissions: 0 })
    }

    fn ask_number(&self, context: &mut Context, link: LinkId, f: u32) -> Result<u32, LinkStatus> {
        let property = self.ask(context, link, f, 4)?;
        let bytes: [u8; 4] = property.value.try_into().map_err(|_| LinkStatus::Failed)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn current(&self, context: &mut Context, link: LinkId) -> Result<u32, LinkStatus> {
        self.ask_number(context, link, 0)
    }

    fn default(&self, context: &mut Context, link: LinkId) -> Result<u32, LinkStatus> {
        self.ask_number(context, link, PROP_DEFAULT)
    }

    fn possible(&self, context: &mut Context, link: LinkId) -> Result<PropRange, LinkStatus> {
        let property = self.ask(context, link, PROP_POSSIBLE, PropRange::SIZE)?;
        PropRange::decode(&property.value).ok_or(LinkStatus::Failed)
    }

    fn apply(&self, context: &mut Context, link: LinkId, value: u32) -> Result<(), LinkStatus> {
        let number = self.number.ok_or(LinkStatus::ReadOnly)?;
        context.client.set_property(&MacProp {
            link,
            number,
            name: self.name.as_bytes().to_vec(),
            value: value.to_le_bytes().to_vec(),
            ..MacProp::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_properties() {
        let lists = ["a=1,2,b=3".to_owned(), "c".to_owned()];
        let found = assignments(&lists).unwrap();
        let expected = [("a", vec!["1", "2"]), ("b", vec!["3", "c"])];
        assert_eq!(found.len(), expected.len());
        for ((name, values), (wanted, texts)) in found.iter().zip(expected) {
            assert_eq!((name.as_str(), values.len()), (wanted, texts.len()));
        }
        assert!(assignments(&["x".repeat(255)]).is_err());
    }

    #[test]
    fn numbers() {
        let hops = find("HopLimit").unwrap();
        for (text, value) in [
            ("1", Some(1)),
            ("255", Some(255)),
            ("0", None),
            ("256", None),
            ("17abc", None),
            ("", None),
        ] {
            assert_eq!(hops.parse(text), value, "{text}");
        }
        assert_eq!(find("mtu").unwrap().parse("0x514"), Some(1300));
    }
}
