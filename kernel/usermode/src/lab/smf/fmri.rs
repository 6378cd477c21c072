// SPDX-License-Identifier: MIT OR Apache-2.0

//! Names of services as operators abbreviate them.

use super::error::SmfError;
use super::manifest::Service;

/// The one service that `pattern` names.
pub(super) fn find<'a>(services: &'a [Service], pattern: &str) -> Result<&'a Service, SmfError> {
    let found: Vec<&Service> = services.iter().filter(|service| names(pattern, service)).collect();
    match found[..] {
        [service] => Ok(service),
        [] => Err(SmfError::NoMatch(pattern.to_owned())),
        _ => Err(SmfError::Ambiguous {
            pattern: pattern.to_owned(),
            fmris: found.iter().map(|service| service.fmri.clone()).collect(),
        }),
    }
}

/// A name with `svc:/` is complete but for the instance; one without may lack parts of its
/// beginning.
fn names(pattern: &str, service: &Service) -> bool {
    let (name, complete) = match pattern.strip_prefix("svc:") {
        Some(rest) => (rest.trim_start_matches('/'), true),
        None => (pattern.trim_start_matches('/'), pattern.starts_with('/')),
    };
    let (name, instance) = match name.split_once(':') {
        Some((name, instance)) => (name, Some(instance)),
        None => (name, None),
    };
    let same = match service.name.strip_suffix(name) {
        Some("") => true,
        Some(front) => !complete && !name.is_empty() && front.ends_with('/'),
        None => false,
    };
    same && instance.is_none_or(|instance| instance == service.instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service {
        Service::named(name)
    }

    #[test]
    fn abbreviations() {
        let all = [service("network/ipsec/policy"), service("network/routing/policy")];
        for pattern in [
            "svc:/network/ipsec/policy:default",
            "svc:/network/ipsec/policy",
            "network/ipsec/policy:default",
            "/network/ipsec/policy",
            "ipsec/policy",
        ] {
            assert_eq!(find(&all, pattern).unwrap().name, "network/ipsec/policy", "{pattern}");
        }
        assert!(matches!(find(&all, "policy"), Err(SmfError::Ambiguous { .. })));
        for pattern in ["", "olicy", "svc:/policy", "/policy", "ipsec/policy:other", "ipsec", ":"] {
            assert!(matches!(find(&all, pattern), Err(SmfError::NoMatch(_))), "{pattern}");
        }
    }
}
