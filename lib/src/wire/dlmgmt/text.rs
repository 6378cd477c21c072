// SPDX-License-Identifier: MIT OR Apache-2.0

//! One line of text for a request or a reply, for traces.

use std::fmt::{Display, Formatter, Result};

use bstr::BStr;

use super::{AttrValue, LinkInfo, NameInfo, Reply, Request};

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let name = self.name();
        match self {
            Self::GetName { link }
            | Self::OpenConf { link }
            | Self::UpLinkId { link }
            | Self::RemoveConf { link }
            | Self::Snapshot { link } => write!(f, "{name} link={link}"),
            Self::GetLinkId { name: link } => write!(f, "{name} {}", BStr::new(link)),
            Self::GetNext { after, class, flags, media } => {
                write!(f, "{name} after={after} class={class:?} flags={flags:?} media={media:#x}")
            }
            Self::SetZoneId { link, zone } => write!(f, "{name} link={link} zone={zone}"),
            Self::CreateLinkId { name: link, class, media, prefix, flags } => {
                let class = class.word();
                let prefix = if *prefix { " prefix" } else { "" };
                let link = BStr::new(link);
                write!(f, "{name} {link} class={class} media={media:#x}{prefix} flags={flags:?}")
            }
            Self::DestroyLinkId { link, flags } => {
                write!(f, "{name} link={link} flags={flags:?}")
            }
            Self::RemapLinkId { link, name: new } => {
                write!(f, "{name} link={link} {}", BStr::new(new))
            }
            Self::CreateConf { name: new, link, class, media } => {
                let (new, class) = (BStr::new(new), class.word());
                write!(f, "{name} {new} link={link} class={class} media={media:#x}")
            }
            Self::WriteConf { conf } | Self::DestroyConf { conf } => {
                write!(f, "{name} conf={}", conf.0)
            }
            Self::SetAttr { conf, name: attr, value } => {
                write!(f, "{name} conf={} {}={value}", conf.0, BStr::new(attr))
            }
            Self::UnsetAttr { conf, name: attr } | Self::GetAttr { conf, name: attr } => {
                write!(f, "{name} conf={} {}", conf.0, BStr::new(attr))
            }
        }
    }
}

impl Display for AttrValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Str(text) => write!(f, "{:?}", BStr::new(text)),
            Self::Bool(value) => write!(f, "{value}"),
            Self::U64(number) => write!(f, "{number}"),
        }
    }
}

impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Plain => write!(f, "done"),
            Self::Link(LinkInfo { link, flags, class, media }) => {
                let class = class.word();
                write!(f, "link={link} class={class} media={media:#x} flags={flags:?}")
            }
            Self::Name(NameInfo { name, class, media, flags }) => {
                let (name, class) = (BStr::new(name), class.word());
                write!(f, "{name} class={class} media={media:#x} flags={flags:?}")
            }
            Self::Conf(conf) => write!(f, "conf={}", conf.0),
            Self::Attr(value) => write!(f, "{value}"),
            Self::Snapshot(pairs) => {
                write!(f, "stored")?;
                let mut pairs = pairs.iter();
                pairs.try_for_each(|(name, value)| {
                    write!(f, " {}={:?}", BStr::new(name), BStr::new(value))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{replies, requests};
    use crate::wire::dlmgmt::Request;

    #[test]
    fn a_line_has_the_name_of_the_call_and_its_fields() {
        let lines: Vec<String> = requests().iter().map(Request::to_string).collect();
        for line in [
            "GETNAME link=7",
            "GETLINKID tun0",
            "CREATE_LINKID tun0 class=iptun media=0x80000001 flags=LinkFlags(ACTIVE)",
            "SETATTR conf=9 laddr=\"10.1.1.1\"",
            "SETATTR conf=9 laddr=2",
            "GETCONFSNAPSHOT link=7",
        ] {
            assert!(lines.contains(&line.to_owned()), "no {line:?} in {lines:#?}");
        }
        let replies: Vec<String> = replies().iter().map(|(_, reply)| reply.to_string()).collect();
        assert!(
            replies.contains(&r#"stored type="\x01\0\0\0\0\0\0\0""#.to_owned()),
            "{replies:#?}"
        );
        assert!([lines, replies].concat().iter().all(|line| !line.contains('\n')));
    }
}
