// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading a service manifest.
//!
//! Only what a lab needs is looked at; whether a manifest is as SMF wants it is for a test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node, ParsingOptions};

use super::LabError;
use super::error::SmfError;
use super::installed::MANIFESTS;
use super::property::Property;

/// A service with its one instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    /// `svc:/network/ipsec/policy:default`
    pub(super) fmri: String,
    /// `network/ipsec/policy`
    pub(super) name: String,
    pub(super) instance: &'static str,
    /// Before an operator has said anything else.
    pub(super) enabled: bool,
    pub(super) methods: Vec<Method>,
    /// By `GROUP/NAME`.
    pub(super) properties: BTreeMap<String, Property>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) common_name: String,
    /// Title and section.
    pub(super) manual_pages: Vec<(String, String)>,
    pub(super) manifest: PathBuf,
}

/// How to start, refresh or stop.
#[derive(Clone, Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) exec: String,
    /// None if it is 0 or -1, which is for ever.
    pub(super) timeout_seconds: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Dependency {
    pub(super) grouping: String,
    pub(super) restart_on: String,
    pub(super) fmris: Vec<String>,
}

impl Service {
    pub(super) fn named(name: &str) -> Self {
        let fmri = format!("svc:/{name}:default");
        Self { fmri, name: name.to_owned(), instance: "default", ..Self::default() }
    }

    pub(super) fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

/// All manifests below the root of a lab, in the order of their services' names.
pub(super) fn read_all(root: &Path) -> Result<Vec<Service>, SmfError> {
    let dir = root.join(MANIFESTS);
    let failed = |source| LabError::io("cannot read", &dir, source);
    let mut services = Vec::new();
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "xml") {
            let text = fs::read_to_string(&path)
                .map_err(|source| LabError::io("cannot read", &path, source))?;
            let found =
                read(&text).map_err(|reason| SmfError::Manifest { path: path.clone(), reason })?;
            services.extend(found.into_iter().map(|s| Service { manifest: path.clone(), ..s }));
        }
    }
    services.sort_by(|a, b| a.fmri.cmp(&b.fmri));
    match services.windows(2).find(|pair| pair[0].fmri == pair[1].fmri) {
        None => Ok(services),
        Some(pair) => Err(SmfError::Manifest {
            path: pair[1].manifest.clone(),
            reason: format!("{} is in {} already", pair[1].fmri, pair[0].manifest.display()),
        }),
    }
}

fn read(text: &str) -> Result<Vec<Service>, String> {
    // A manifest names its document type, which is not read.
    let options =
        ParsingOptions { allow_dtd: true, nodes_limit: 10_000, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let bundle = document.root_element();
    if bundle.tag_name().name() != "service_bundle" || bundle.attribute("type") != Some("manifest")
    {
        return Err("it is no manifest; expected <service_bundle type='manifest'>".to_owned());
    }
    elements(bundle, "service").map(service).collect()
}

fn service(node: Node<'_, '_>) -> Result<Service, String> {
    let mut service = Service::named(required(node, "name")?);
    let instance = elements(node, "create_default_instance").next();
    let instance = instance.ok_or("expected <create_default_instance>; a lab has no other kind")?;
    service.enabled = required(instance, "enabled")? == "true";
    for method in elements(node, "exec_method") {
        service.methods.push(Method {
            name: required(method, "name")?.to_owned(),
            exec: required(method, "exec")?.to_owned(),
            timeout_seconds: seconds(required(method, "timeout_seconds")?)?,
        });
    }
    for group in elements(node, "property_group") {
        let name = required(group, "name")?;
        for propval in elements(group, "propval") {
            let property = Property::one(required(propval, "type")?, required(propval, "value")?);
            let path = format!("{name}/{}", required(propval, "name")?);
            service.properties.insert(path, property);
        }
        for property in elements(group, "property") {
            let values = property.descendants().filter(|node| node.has_tag_name("value_node"));
            let values = values.map(|value| required(value, "value").map(str::to_owned));
            let property_of = Property {
                kind: required(property, "type")?.to_owned(),
                values: values.collect::<Result<_, _>>()?,
            };
            let path = format!("{name}/{}", required(property, "name")?);
            service.properties.insert(path, property_of);
        }
    }
    for dependency in elements(node, "dependency") {
        let fmris = elements(dependency, "service_fmri").map(|fmri| required(fmri, "value"));
        service.dependencies.push(Dependency {
            grouping: required(dependency, "grouping")?.to_owned(),
            restart_on: required(dependency, "restart_on")?.to_owned(),
            fmris: fmris.map(|fmri| fmri.map(str::to_owned)).collect::<Result<_, _>>()?,
        });
    }
    let name = node.descendants().find(|node| node.has_tag_name("common_name"));
    let text = name.and_then(|name| elements(name, "loctext").next()).and_then(|text| text.text());
    service.common_name = text.unwrap_or_default().trim().to_owned();
    for page in node.descendants().filter(|node| node.has_tag_name("manpage")) {
        let title = required(page, "title")?.to_owned();
        service.manual_pages.push((title, required(page, "section")?.to_owned()));
    }
    Ok(service)
}

fn elements<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

fn required<'a>(node: Node<'a, '_>, attribute: &str) -> Result<&'a str, String> {
    node.attribute(attribute).ok_or_else(|| {
        let line = node.document().text_pos_at(node.range().start).row;
        format!("line {line}: <{}> has no attribute {attribute}", node.tag_name().name())
    })
}

fn seconds(text: &str) -> Result<Option<u64>, String> {
    match text.trim() {
        "0" | "-1" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| format!("timeout_seconds is '{text}'; expected a number of seconds")),
    }
}
