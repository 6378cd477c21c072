// SPDX-License-Identifier: MIT OR Apache-2.0

//! The project's own manifests and methods, as a package would install them.

/// A file of the services: path below the root of a lab, permissions, text.
pub(in crate::lab) struct Installed {
    pub(in crate::lab) path: &'static str,
    pub(in crate::lab) mode: u32,
    pub(in crate::lab) text: &'static str,
}

macro_rules! smf {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../smf/", $path))
    };
}

/// All of them.
pub(in crate::lab) const INSTALLED: &[Installed] = &[
    Installed {
        path: "lib/svc/manifest/network/ipsec/policy.xml",
        mode: 0o444,
        text: smf!("manifest/policy.xml"),
    },
    Installed {
        path: "lib/svc/manifest/network/ipsec/manual-key.xml",
        mode: 0o444,
        text: smf!("manifest/manual-key.xml"),
    },
    Installed {
        path: "lib/svc/method/ipsec-policy",
        mode: 0o555,
        text: smf!("method/ipsec-policy"),
    },
    Installed {
        path: "lib/svc/method/ipsec-manual-key",
        mode: 0o555,
        text: smf!("method/ipsec-manual-key"),
    },
];

/// Where manifests are, below the root.
pub(super) const MANIFESTS: &str = "lib/svc/manifest/network/ipsec";
