// SPDX-License-Identifier: MIT OR Apache-2.0

//! How a packet was protected: `ah:ALG`, `esp:CIPHER` or `esp:CIPHER+ALG`, with key
//! lengths behind a slash; or `ah-spi:SPI`, `esp-spi:SPI`, and the association says it.

use illumos_ipsec::model::AlgProto;
use illumos_ipsec::policy::AlgDb;
use serde_json::{Value, json};

/// One protocol and its algorithms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Protection {
    fields: Vec<(&'static str, Value)>,
}

impl Protection {
    /// The fields of a question that say it.
    pub(super) fn fields(&self) -> impl Iterator<Item = (String, Value)> {
        self.fields.iter().map(|(name, value)| ((*name).into(), value.clone()))
    }
}

pub(super) fn parse(text: &str) -> Result<Protection, String> {
    let (protocol, algorithms) =
        text.split_once(':').ok_or("expected ah:ALG, esp:CIPHER, esp:CIPHER+ALG or esp-spi:SPI")?;
    let fields = match (protocol, algorithms.split_once('+')) {
        ("ah", None) => vec![("ah", used(AlgProto::Ah, algorithms)?)],
        ("esp", None) => vec![("esp", used(AlgProto::Esp, algorithms)?)],
        ("esp", Some((cipher, auth))) => {
            vec![("esp", used(AlgProto::Esp, cipher)?), ("esp_auth", used(AlgProto::Ah, auth)?)]
        }
        ("ah-spi", None) => vec![("ah_spi", spi(algorithms)?)],
        ("esp-spi", None) => vec![("esp_spi", spi(algorithms)?)],
        ("ah", Some(_)) => return Err("AH has one algorithm".to_owned()),
        _ => return Err(format!("'{protocol}' is none of ah, esp, ah-spi and esp-spi")),
    };
    Ok(Protection { fields })
}

/// `NAME` or `NAME/BITS`; a name of the installed algorithms, or a number.
fn used(protocol: AlgProto, text: &str) -> Result<Value, String> {
    let (name, bits) = match text.split_once('/') {
        None => (text, None),
        Some((name, bits)) => {
            (name, Some(bits.parse::<u16>().map_err(|_| format!("'{bits}' is no key length"))?))
        }
    };
    let installed = AlgDb::installed();
    let known = installed.by_name(protocol, name.as_bytes()).map(|algorithm| algorithm.id);
    let id = known.or_else(|| name.parse::<u8>().ok());
    let id = id.ok_or_else(|| format!("'{name}' is no algorithm of ipsecalgs and no number"))?;
    Ok(json!({ "id": id, "bits": bits }))
}

/// An SPI, decimal or with 0x.
fn spi(text: &str) -> Result<Value, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Into::into).map_err(|_| format!("'{text}' is no SPI"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let fields = |text: &str| parse(text).map(|parsed| parsed.fields);
        assert_eq!(fields("ah:2").unwrap(), [("ah", json!({ "id": 2, "bits": null }))]);
        let esp = fields("esp:aes/256+hmac-sha256").unwrap();
        assert_eq!(esp[0].1["bits"], 256);
        assert_eq!(esp.len(), 2);
        for wrong in ["", "ah", "ah:", "ah:a+b", "esp:nix", "esp:aes/x", "tcp:1", "esp:aes+"] {
            assert!(fields(wrong).is_err(), "{wrong}");
        }
    }
}
