// SPDX-License-Identifier: MIT OR Apache-2.0

//! Is a service manifest or profile as SMF wants it?
//!
//! The rules are those of `spec/smf.md` section 3: elements, their order and attributes,
//! known values, and names that become property groups of one service.

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};

use self::Times::{Any, Many, One, Optional};

/// How often something occurs.
#[derive(Clone, Copy)]
enum Times {
    Optional,
    One,
    Any,
    Many,
}

/// An element: its name, attributes that it must have, with their known values if these
/// are few, and its children in order, each a choice.
struct Element {
    name: &'static str,
    attributes: &'static [(&'static str, &'static [&'static str])],
    children: &'static [(&'static [&'static str], Times)],
}

const GROUPINGS: &[&str] = &["require_all", "require_any", "exclude_all", "optional_all"];
const RESTARTS: &[&str] = &["error", "restart", "refresh", "none"];
const TYPES: &[&str] = &[
    "count",
    "integer",
    "opaque",
    "host",
    "hostname",
    "net_address_v4",
    "net_address_v6",
    "time",
    "astring",
    "ustring",
    "boolean",
    "fmri",
    "uri",
];

const ELEMENTS: &[Element] = &[
    Element {
        name: "service_bundle",
        attributes: &[("type", &["manifest", "profile"]), ("name", &[])],
        children: &[(&["service"], Many)],
    },
    Element {
        name: "service",
        attributes: &[("name", &[]), ("type", &["service"]), ("version", &[])],
        children: &[
            (&["create_default_instance"], Optional),
            (&["single_instance"], Optional),
            (&["restarter"], Optional),
            (&["dependency"], Any),
            (&["dependent"], Any),
            (&["method_context"], Optional),
            (&["exec_method"], Any),
            (&["notification_parameters"], Any),
            (&["property_group"], Any),
            (&["instance"], Any),
            (&["stability"], Optional),
            (&["template"], Optional),
        ],
    },
    Element {
        name: "create_default_instance",
        attributes: &[("enabled", &["true", "false"])],
        children: &[],
    },
    Element { name: "single_instance", attributes: &[], children: &[] },
    Element {
        name: "instance",
        attributes: &[("name", &[]), ("enabled", &["true", "false"])],
        children: &[(&["exec_method"], Any), (&["property_group"], Any)],
    },
    Element {
        name: "dependency",
        attributes: &[
            ("name", &[]),
            ("grouping", GROUPINGS),
            ("restart_on", RESTARTS),
            ("type", &["service", "path"]),
        ],
        children: &[
            (&["service_fmri"], Any),
            (&["stability"], Optional),
            (&["propval", "property"], Any),
        ],
    },
    Element {
        name: "dependent",
        attributes: &[("name", &[]), ("grouping", GROUPINGS), ("restart_on", RESTARTS)],
        children: &[
            (&["service_fmri"], One),
            (&["stability"], Optional),
            (&["propval", "property"], Any),
        ],
    },
    Element { name: "service_fmri", attributes: &[("value", &[])], children: &[] },
    Element {
        name: "exec_method",
        attributes: &[
            ("type", &["method", "monitor"]),
            ("name", &[]),
            ("exec", &[]),
            ("timeout_seconds", &[]),
        ],
        children: &[],
    },
    Element {
        name: "property_group",
        attributes: &[("name", &[]), ("type", &[])],
        children: &[(&["stability"], Optional), (&["propval", "property"], Any)],
    },
    Element {
        name: "propval",
        attributes: &[("name", &[]), ("type", TYPES), ("value", &[])],
        children: &[],
    },
    Element {
        name: "property",
        attributes: &[("name", &[]), ("type", TYPES)],
        children: &[(&["astring_list", "fmri_list", "count_list", "boolean_list"], Optional)],
    },
    Element { name: "astring_list", attributes: &[], children: &[(&["value_node"], Many)] },
    Element { name: "fmri_list", attributes: &[], children: &[(&["value_node"], Many)] },
    Element { name: "count_list", attributes: &[], children: &[(&["value_node"], Many)] },
    Element { name: "boolean_list", attributes: &[], children: &[(&["value_node"], Many)] },
    Element { name: "value_node", attributes: &[("value", &[])], children: &[] },
    Element {
        name: "stability",
        attributes: &[(
            "value",
            &["Standard", "Stable", "Evolving", "Unstable", "External", "Obsolete"],
        )],
        children: &[],
    },
    Element {
        name: "template",
        attributes: &[],
        children: &[
            (&["common_name"], One),
            (&["description"], Optional),
            (&["documentation"], Optional),
        ],
    },
    Element { name: "common_name", attributes: &[], children: &[(&["loctext"], Many)] },
    Element { name: "description", attributes: &[], children: &[(&["loctext"], Many)] },
    Element {
        name: "loctext",
        attributes: &[("{http://www.w3.org/XML/1998/namespace}lang", &[])],
        children: &[],
    },
    Element { name: "documentation", attributes: &[], children: &[(&["manpage"], Any)] },
    Element { name: "manpage", attributes: &[("title", &[]), ("section", &[])], children: &[] },
];

/// Everything that is wrong, each with the line.
pub(super) fn problems(text: &str) -> Vec<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let mut found = Vec::new();
    let doctype =
        "<!DOCTYPE service_bundle SYSTEM \"/usr/share/lib/xml/dtd/service_bundle.dtd.1\">";
    if !text.contains(doctype) {
        found.push(format!("expected {doctype}"));
    }
    let root = document.root_element();
    if root.tag_name().name() != "service_bundle" {
        found.push(at(root, "expected a service_bundle"));
    }
    element(root, &mut found);
    for service in root.children().filter(|node| node.has_tag_name("service")) {
        names(service, &mut found);
    }
    found
}

fn element(node: Node<'_, '_>, found: &mut Vec<String>) {
    let name = node.tag_name().name();
    let Some(rule) = ELEMENTS.iter().find(|rule| rule.name == name) else {
        found.push(at(node, "unknown element"));
        return;
    };
    for &(attribute, known) in rule.attributes {
        let value = match attribute.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some(qualified) => node.attribute(qualified),
            None => node.attribute(attribute),
        };
        match value {
            None => found.push(at(node, &format!("no attribute {attribute}"))),
            Some(value) if known.is_empty() || known.contains(&value) => {}
            Some(value) => {
                let known = known.join(", ");
                found.push(at(node, &format!("{attribute} is '{value}'; expected {known}")));
            }
        }
    }
    content(node, rule, found);
    value(node, found);
    for child in node.children().filter(Node::is_element) {
        element(child, found);
    }
}

/// The order and number of children.
fn content(node: Node<'_, '_>, rule: &Element, found: &mut Vec<String>) {
    let mut children = node.children().filter(Node::is_element).peekable();
    for &(choice, times) in rule.children {
        let mut count = 0;
        while children.next_if(|child| choice.contains(&child.tag_name().name())).is_some() {
            count += 1;
        }
        let fits = match times {
            Optional => count <= 1,
            One => count == 1,
            Any => true,
            Many => count >= 1,
        };
        if !fits {
            found.push(at(node, &format!("{count} times {}", choice.join(" or "))));
        }
    }
    if let Some(child) = children.next() {
        found.push(at(child, "not here"));
    }
}

/// Values that have a form.
fn value(node: Node<'_, '_>, found: &mut Vec<String>) {
    let attribute = |name| node.attribute(name).unwrap_or_default();
    let problem = match node.tag_name().name() {
        "service_fmri" if !attribute("value").starts_with("svc:/") => "expected svc:/...",
        "service" if attribute("version").parse::<u32>().is_err() => "version is no number",
        "service" if attribute("name").split('/').any(|part| !is_name(part)) => "no service name",
        "exec_method" if attribute("timeout_seconds").parse::<i64>().is_err() => {
            "timeout_seconds is no number"
        }
        "exec_method" if !tokens_are_known(attribute("exec")) => "unknown token in exec",
        "propval" => match attribute("type") {
            "boolean" if !matches!(attribute("value"), "true" | "false") => "no boolean",
            "count" if attribute("value").parse::<u64>().is_err() => "no count",
            "integer" if attribute("value").parse::<i64>().is_err() => "no integer",
            "fmri" if !attribute("value").starts_with("svc:/") => "no fmri",
            _ => return,
        },
        _ => return,
    };
    found.push(at(node, problem));
}

fn tokens_are_known(exec: &str) -> bool {
    let mut rest = exec;
    while let Some((_, after)) = rest.split_once('%') {
        rest = match after.chars().next() {
            Some('m' | 'f' | 's' | 'i' | 'r' | '%') => &after[1..],
            Some('{') => match after.split_once('}') {
                Some((name, after)) if name.contains('/') => after,
                _ => return false,
            },
            _ => return false,
        };
    }
    !exec.is_empty()
}

/// Dependencies, methods and groups are all property groups of their service.
fn names(node: Node<'_, '_>, found: &mut Vec<String>) {
    let groups = ["dependency", "dependent", "exec_method", "property_group"];
    unique(node, &groups, found);
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "property_group" => unique(child, &["propval", "property"], found),
            "instance" => names(child, found),
            _ => {}
        }
    }
}

fn unique(node: Node<'_, '_>, elements: &[&str], found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for child in node.children().filter(|child| elements.contains(&child.tag_name().name())) {
        let name = child.attribute("name").unwrap_or_default();
        if !is_name(name) {
            found.push(at(child, &format!("'{name}' is no name")));
        }
        if !seen.insert(name) {
            found.push(at(child, &format!("a second '{name}'")));
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,".contains(c))
}

fn at(node: Node<'_, '_>, what: &str) -> String {
    let line = node.document().text_pos_at(node.range().start).row;
    format!("line {line}: <{}>: {what}", node.tag_name().name())
}
