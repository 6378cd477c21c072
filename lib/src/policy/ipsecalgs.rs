// SPDX-License-Identifier: MIT OR Apache-2.0

//! The algorithm table `/etc/inet/ipsecalgs`.
//!
//! ```text
//! PROTO|number|name|sync or async
//! ALG|class|id|name,name...|mechanism|keys|blocks|IV,ICV,salt|flags
//! ```
//!
//! Keys are sizes in bits, `128,192` or `default/low-high,step`; the last two
//! fields may be missing. Source: `spec/ipsecconf.md` section 7.1.

use crate::model::{
    AlgFlags, AlgProto, AlgUse, Algorithm, KernelAlg, KeySizes, default_algorithms,
};

/// The algorithms of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlgDb {
    algorithms: Vec<Algorithm>,
}

impl AlgDb {
    /// Reads a table. Lines that cannot be used are left out; the second value says
    /// which and why.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Self, Vec<String>) {
        let mut db = Self::default();
        let mut complaints = Vec::new();
        for (at, line) in text.split(|&b| b == b'\n').enumerate() {
            let line = line.split(|&b| b == b'#').next().unwrap_or_default();
            let line = line.trim_ascii();
            let read = match std::str::from_utf8(line) {
                Ok(line) => read_line(line),
                Err(_) => Err("not UTF-8 text".to_owned()),
            };
            match read {
                Ok(None) => {}
                Ok(Some(alg)) if db.by_id(alg.proto, alg.id).is_some() => {
                    let class = alg.proto.number();
                    complaints.push(format!(
                        "line {}: algorithm {} of class {class} is defined before",
                        at + 1,
                        alg.id
                    ));
                }
                Ok(Some(alg)) => db.algorithms.push(alg),
                Err(why) => complaints.push(format!("line {}: {why}", at + 1)),
            }
        }
        (db, complaints)
    }

    /// A table of these algorithms.
    #[must_use]
    pub fn of(algorithms: Vec<Algorithm>) -> Self {
        Self { algorithms }
    }

    /// The table of a freshly installed system.
    #[must_use]
    pub fn installed() -> Self {
        Self::of(default_algorithms())
    }

    /// The data lines of the file for this table. Both protocol classes process packets
    /// synchronously.
    #[must_use]
    pub fn to_text(&self) -> String {
        let list =
            |numbers: &[u16]| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let or_zero = |text: String| if text.is_empty() { "0".to_owned() } else { text };
        let mut out = String::from("PROTO|2|PROTO_IPSEC_AH|sync\nPROTO|3|PROTO_IPSEC_ESP|sync\n");
        for alg in &self.algorithms {
            let keys = match &alg.keys {
                KeySizes::None => String::new(),
                KeySizes::List(sizes) => list(sizes),
                KeySizes::Range { default, low, high, increment } => {
                    format!("{default}/{low}-{high},{increment}")
                }
            };
            let fields = [
                "ALG".to_owned(),
                alg.proto.number().to_string(),
                alg.id.to_string(),
                alg.names.join(","),
                alg.mechanism.clone(),
                or_zero(keys),
                or_zero(list(&alg.blocks)),
            ];
            out.push_str(&fields.join("|"));
            if !alg.params.is_empty() || !alg.flags.is_empty() {
                out.push_str(&format!("|{}|{}", list(&alg.params), alg.flags.bits()));
            }
            out.push('\n');
        }
        out
    }

    /// The algorithm with this name, whatever the letter case.
    #[must_use]
    pub fn by_name(&self, proto: AlgProto, name: &[u8]) -> Option<&Algorithm> {
        self.algorithms.iter().find(|alg| {
            alg.proto == proto
                && alg.names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
        })
    }

    /// The algorithm with this number.
    #[must_use]
    pub fn by_id(&self, proto: AlgProto, id: u8) -> Option<&Algorithm> {
        self.algorithms.iter().find(|alg| alg.proto == proto && alg.id == id)
    }

    /// The first name of an algorithm, the one that listings show.
    #[must_use]
    pub fn name(&self, proto: AlgProto, id: u8) -> Option<&str> {
        self.by_id(proto, id)?.names.first().map(String::as_str)
    }

    /// All algorithms in the order of the table.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// What a kernel loaded with this table answers to ALGLIST, in the same order:
    /// authentication before ciphers, the largest minimum key first, then by number.
    /// Number 0 stands for any algorithm and is not listed.
    #[must_use]
    pub fn kernel_algs(&self) -> Vec<KernelAlg> {
        let mut list = Vec::new();
        for (proto, uses) in [
            (AlgProto::Ah, &[AlgUse::Ah, AlgUse::EspAuth][..]),
            (AlgProto::Esp, &[AlgUse::EspEncr][..]),
        ] {
            let mut algs: Vec<_> =
                self.algorithms.iter().filter(|alg| alg.proto == proto && alg.id != 0).collect();
            algs.sort_by_key(|alg| (std::cmp::Reverse(alg.keys.bounds().0), alg.id));
            for alg in algs {
                list.extend(uses.iter().map(|&usage| kernel_alg(usage, alg)));
            }
        }
        list
    }
}

fn kernel_alg(usage: AlgUse, alg: &Algorithm) -> KernelAlg {
    let (min, max) = alg.keys.bounds();
    let increment = match alg.keys {
        KeySizes::Range { increment, .. } => increment,
        _ => 0,
    };
    let default = alg.keys.default_size();
    KernelAlg { usage, id: alg.id, min, max, default, increment }
}

/// One line without comment and outer white space.
fn read_line(line: &str) -> Result<Option<Algorithm>, String> {
    let mut fields = line.split('|').map(str::trim);
    match fields.next() {
        Some("" | "PROTO") | None => return Ok(None),
        Some("ALG") => {}
        Some(other) => return Err(format!("unknown kind of line {other:?}")),
    }
    let mut field = |what: &str| fields.next().ok_or_else(|| format!("no {what}"));
    let class = field("class")?;
    let proto = class
        .parse()
        .ok()
        .and_then(AlgProto::from_number)
        .ok_or_else(|| format!("class {class:?} is neither 2 nor 3"))?;
    let id = number(field("number")?)?;
    let id = u8::try_from(id).map_err(|_| format!("number {id} is above 255"))?;
    let names: Vec<_> = field("names")?
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return Err("no names".into());
    }
    let mechanism = field("mechanism")?.to_owned();
    let keys = key_sizes(field("key sizes")?)?;
    let mut blocks = number_list(field("block sizes")?)?;
    blocks.retain(|&size| size != 0);
    let params = number_list(field("parameters").unwrap_or_default())?;
    let flags = match field("flags") {
        Ok(flags) if !flags.is_empty() => {
            AlgFlags::from_bits_retain(flags.parse().map_err(|_| not_a_number(flags))?)
        }
        _ => AlgFlags::empty(),
    };
    Ok(Some(Algorithm { proto, id, names, mechanism, keys, blocks, params, flags }))
}

fn key_sizes(text: &str) -> Result<KeySizes, String> {
    let (default, range) = match text.split_once('/') {
        Some((default, range)) => (Some(number(default)?), range),
        None => (None, text),
    };
    let Some((low, rest)) = range.split_once('-') else {
        let sizes = number_list(range)?;
        return Ok(match sizes.iter().all(|&size| size == 0) {
            true => KeySizes::None,
            false => KeySizes::List(sizes),
        });
    };
    let (high, increment) = match rest.split_once(',') {
        Some((high, increment)) => (high, number(increment)?),
        None => (rest, 0),
    };
    let (low, high) = (number(low)?, number(high)?);
    let default = default.unwrap_or(low);
    if low > high || !(low..=high).contains(&default) {
        return Err(format!("key sizes {text:?} are no range with a default in it"));
    }
    Ok(KeySizes::Range { default, low, high, increment })
}

fn number_list(text: &str) -> Result<Vec<u16>, String> {
    text.split(',').filter(|item| !item.is_empty()).map(number).collect()
}

fn number(text: &str) -> Result<u16, String> {
    text.trim().parse().map_err(|_| not_a_number(text))
}

fn not_a_number(text: &str) -> String {
    format!("{text:?} is no number from 0 to 65535")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"# algorithms\n\
        PROTO|2|PROTO_IPSEC_AH|sync\n\
        ALG|2|0|none,any|-|0|0\n\
        ALG|2|3|hmac-sha1,sha1|CKM_SHA_1_HMAC_GENERAL|160|12\n\
        ALG|2|7|hmac-sha512,sha512|CKM_SHA512_HMAC_GENERAL|512|32\n\
        ALG|3|12|aes-cbc,aes|CKM_AES_CBC|128/128-256,64|16\n\
        ALG|3|20|aes-gcm|CKM_AES_GCM|128/128-256,64|16|8,16,4|23\n";

    #[test]
    fn names_and_numbers() {
        let (db, complaints) = AlgDb::parse(TABLE);
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(db.by_name(AlgProto::Ah, b"SHA1").unwrap().id, 3);
        assert_eq!(db.by_name(AlgProto::Esp, b"sha1"), None);
        assert_eq!(db.name(AlgProto::Esp, 12), Some("aes-cbc"));
        assert_eq!(db.by_id(AlgProto::Ah, 0).unwrap().keys, KeySizes::None);
        let gcm = db.by_name(AlgProto::Esp, b"aes-gcm").unwrap();
        assert!(gcm.flags.contains(AlgFlags::COMBINED));
        assert_eq!((&gcm.blocks[..], &gcm.params[..]), (&[16][..], &[8, 16, 4][..]));
    }

    #[test]
    fn the_kernel_lists_large_keys_first() {
        let list = AlgDb::parse(TABLE).0.kernel_algs();
        let short: Vec<_> = list.iter().map(|alg| (alg.usage, alg.id, alg.min, alg.max)).collect();
        assert_eq!(
            short,
            [
                (AlgUse::Ah, 7, 512, 512),
                (AlgUse::EspAuth, 7, 512, 512),
                (AlgUse::Ah, 3, 160, 160),
                (AlgUse::EspAuth, 3, 160, 160),
                (AlgUse::EspEncr, 12, 128, 256),
                (AlgUse::EspEncr, 20, 128, 256),
            ]
        );
        assert_eq!((list[4].default, list[4].increment), (128, 64));
    }

    #[test]
    fn the_text_of_a_table_reads_back_as_the_table() {
        let text = AlgDb::installed().to_text();
        for line in [
            "ALG|2|0|none,any|-|0|0",
            "ALG|2|2|hmac-md5,md5|CKM_MD5_HMAC_GENERAL|128|12",
            "ALG|3|12|aes-cbc,aes|CKM_AES_CBC|128/128-256,64|16",
            "ALG|3|20|aes-gcm,aes-gcm16|CKM_AES_GCM|128/128-256,64|16|8,16,4|23",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        assert_eq!(AlgDb::parse(text.as_bytes()), (AlgDb::installed(), Vec::new()));
    }

    #[test]
    fn complaints_name_the_line() {
        for (line, complaint) in [
            ("ALG|4|1|x|-|0|0", "line 1: class \"4\" is neither 2 nor 3"),
            ("ALG|2|300|x|-|0|0", "line 1: number 300 is above 255"),
            ("ALG|2|1||-|0|0", "line 1: no names"),
            ("ALG|2|1|x", "line 1: no mechanism"),
            ("ALG|2|1|x|-|256-128,64|0", "line 1: key sizes \"256-128,64\" are no range"),
            ("ALG|2|1|x|-|many|0", "line 1: \"many\" is no number"),
            ("nonsense", "line 1: unknown kind of line \"nonsense\""),
            ("ALG|2|1|x|-|0|0\nALG|2|1|y|-|0|0", "line 2: algorithm 1 of class 2 is defined"),
        ] {
            let (_, complaints) = AlgDb::parse(line.as_bytes());
            assert_eq!(complaints.len(), 1, "{line}");
            assert!(complaints[0].starts_with(complaint), "{line}: {complaints:?}");
        }
    }
}
