// SPDX-License-Identifier: MIT OR Apache-2.0

//! Messages as text.
//!
//! One line for each thing, with a prefix that says what it is about. Programs read these
//! lines, so they are those of the original, blank for blank.

mod address;
mod lifetime;
mod offer;

use std::fmt::Write as _;
use std::io::Write;

use illumos_ipsec::model::{AlgProto, SaFlags, SaState, SaType};
use illumos_ipsec::policy::AlgDb;
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::key::{
    Ext, ExtType, Header, IdentityExt, KeyExt, KmProto, LabelExt, Message, MsgType, SaExt,
};
use illumos_ipsec::wire::namespace::NamespaceExt;

pub(crate) use address::{plain, text};
use lifetime::Lifetimes;

/// How messages are shown.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) names: &'a SystemNames<'a>,
    /// Seconds since 1970.
    pub(crate) now: u64,
    pub(crate) algs: &'a AlgDb,
    pub(crate) numeric: bool,
    pub(crate) verbose: bool,
    pub(crate) paranoid: bool,
}

/// What illumos says to an error number.
pub(crate) fn strerror(errno: Errno) -> String {
    let text = match errno {
        Errno::EPERM => "Not owner",
        Errno::ENOENT => "No such file or directory",
        Errno::ESRCH => "No such process",
        Errno::EINTR => "Interrupted system call",
        Errno::EIO => "I/O error",
        Errno::ENXIO => "No such device or address",
        Errno::EBADF => "Bad file number",
        Errno::EAGAIN => "Resource temporarily unavailable",
        Errno::ENOMEM => "Not enough space",
        Errno::EACCES => "Permission denied",
        Errno::EFAULT => "Bad address",
        Errno::EBUSY => "Device busy",
        Errno::EEXIST => "File exists",
        Errno::ENODEV => "No such device",
        Errno::EINVAL => "Invalid argument",
        Errno::ENOSPC => "No space left on device",
        Errno::ENOTSUP => "Operation not supported",
        Errno::EMSGSIZE => "Message too long",
        Errno::EPROTOTYPE => "Protocol wrong type for socket",
        Errno::EPROTONOSUPPORT => "Protocol not supported",
        Errno::EOPNOTSUPP => "Operation not supported on transport endpoint",
        Errno::ENOBUFS => "No buffer space available",
        Errno::ETIMEDOUT => "Connection timed out",
        Errno(other) => return format!("Error {other}"),
    };
    text.to_owned()
}

/// The name that listings show for a message type.
fn type_name(kind: MsgType) -> String {
    let name = match kind {
        MsgType::RESERVED => "RESERVED (warning: set to 0)",
        MsgType::GETSPI => "GETSPI",
        MsgType::UPDATE => "UPDATE",
        MsgType::X_UPDATEPAIR => "UPDATE PAIR",
        MsgType::ADD => "ADD",
        MsgType::DELETE => "DELETE",
        MsgType::X_DELPAIR => "DELETE PAIR",
        MsgType::GET => "GET",
        MsgType::ACQUIRE => "ACQUIRE",
        MsgType::REGISTER => "REGISTER",
        MsgType::EXPIRE => "EXPIRE",
        MsgType::FLUSH => "FLUSH",
        MsgType::DUMP => "DUMP",
        MsgType::X_PROMISC => "X_PROMISC",
        MsgType::X_INVERSE_ACQUIRE => "X_INVERSE_ACQUIRE",
        MsgType(other) => return format!("Unknown ({other})"),
    };
    name.to_owned()
}

/// Words for flags, in the order in which they are shown.
const FLAGS: &[(SaFlags, &str)] = &[
    (SaFlags::PFS, "PFS"),
    (SaFlags::NOREPLAY, "NOREPLAY"),
    (SaFlags::USED, "X_USED"),
    (SaFlags::PAIRED, "X_PAIRED"),
    (SaFlags::OUTBOUND, "X_OUTBOUND"),
    (SaFlags::INBOUND, "X_INBOUND"),
    (SaFlags::UNIQUE, "X_UNIQUE"),
    (SaFlags::AALG1, "X_AALG1"),
    (SaFlags::AALG2, "X_AALG2"),
    (SaFlags::EALG1, "X_EALG1"),
    (SaFlags::EALG2, "X_EALG2"),
    (SaFlags::NATT_LOC, "X_NATT_LOC"),
    (SaFlags::NATT_REM, "X_NATT_REM"),
    (SaFlags::TUNNEL, "X_TUNNEL"),
    (SaFlags::NATTED, "X_NATTED"),
    (SaFlags::TCPSIG, "X_TCPSIG"),
];

/// Where lines go. Writing to memory does not fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        let _ = writeln!($out, $($text)*);
    }};
}
use line;

impl Look<'_> {
    /// Writes a message; gives what is to be said on standard error.
    pub(crate) fn message(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Vec<String> {
        let header = Header::read(bytes);
        self.header(out, &header, bytes.len());
        let mut complaints = Vec::new();
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                complaints.push(format!("WARNING: {error}"));
                return complaints;
            }
        };
        let mut lifetimes = Lifetimes::default();
        for ext in &message.exts {
            match ext {
                Ext::Lifetime(kind, lifetime) => lifetimes.set(*kind, *lifetime),
                Ext::Other { kind, body } => {
                    self.odd(out, *kind, body.expose(), &mut lifetimes, &mut complaints);
                }
                ext => self.extension(out, ext),
            }
        }
        lifetimes.show(self, out);
        complaints
    }

    fn header(&self, out: &mut Vec<u8>, header: &Header, len: usize) {
        line!(
            out,
            "Base message (version {}) type {}, SA type {}.",
            header.version,
            type_name(header.kind),
            header.satype.shown()
        );
        if header.errno != Errno::OK {
            line!(out, "Error {} from PF_KEY.", strerror(header.errno));
            let diagnostic = header.diagnostic;
            line!(out, "  Diagnostic code {}:  {diagnostic}.", diagnostic.0);
        }
        line!(out, "Message length {len} bytes, seq={}, pid={}.", header.seq, header.pid);
    }

    fn extension(&self, out: &mut Vec<u8>, ext: &Ext) {
        match ext {
            Ext::Sa(sa) => self.association(out, sa),
            Ext::Address(kind, address) => self.address(out, *kind, address),
            Ext::Key(ExtType::X_STR_AUTH, key) => self.string(out, key),
            Ext::Key(kind, key) => self.key(out, *kind, key),
            Ext::Identity(kind, identity) => identity_lines(out, *kind, identity),
            Ext::Label(kind, label) => self.label(out, *kind, label),
            Ext::Proposal(proposal) => self.proposal(out, proposal),
            Ext::ExtendedProposal(proposal) => self.extended_proposal(out, proposal),
            Ext::Supported { kind, algs, .. } => self.supported(out, *kind, algs),
            Ext::SpiRange { min, max, .. } => {
                line!(out, "SPR: SPI Range, min={min:#x}, max={max:#x}");
            }
            Ext::KmCookie { proto, cookie } => self.cookie(out, *proto, *cookie),
            Ext::Pair(spi) => line!(out, "OTH: Paired with spi={spi:#x}"),
            Ext::Namespace(NamespaceExt::Name(name)) => line!(out, "OTH: Namespace {name}"),
            Ext::Namespace(NamespaceExt::Any) => line!(out, "OTH: Any namespace"),
            Ext::ReplayValue { value32: 0, value64: 0 } => {
                line!(out, "RPL: Replay Value <Value not found.>0");
            }
            Ext::ReplayValue { value32: 0, value64 } => {
                line!(out, "RPL: Replay Value {value64}");
            }
            Ext::ReplayValue { value32, .. } => line!(out, "RPL: Replay Value {value32}"),
            ext => {
                let mut bytes = Vec::new();
                ext.encode(&mut bytes);
                unknown(out, ext.kind(), &bytes);
            }
        }
    }

    /// An extension that is not as long as it should be, or is not known.
    fn odd(
        &self,
        out: &mut Vec<u8>,
        kind: ExtType,
        body: &[u8],
        lifetimes: &mut Lifetimes,
        complaints: &mut Vec<String>,
    ) {
        let len = body.len() + 4;
        // What there is of it, as if it had the right length.
        let cut = |len: usize| {
            let mut bytes = ((len / 8) as u16).to_ne_bytes().to_vec();
            bytes.extend_from_slice(&kind.0.to_ne_bytes());
            bytes.extend_from_slice(body);
            bytes.resize(len, 0);
            let mut message = Header::request(MsgType::RESERVED, SaType::UNSPEC);
            message.len = ((len + 16) / 8) as u16;
            let bytes = [message.bytes().as_slice(), &bytes].concat();
            Message::decode(&bytes).ok().and_then(|mut message| message.exts.pop())
        };
        match kind {
            ExtType::SA => {
                complaints.push(format!("WARNING: SA info extension length ({len}) is bad."));
                if let Some(Ext::Sa(sa)) = cut(16) {
                    self.association(out, &sa);
                }
            }
            ExtType::LIFETIME_CURRENT
            | ExtType::LIFETIME_HARD
            | ExtType::LIFETIME_SOFT
            | ExtType::X_LIFETIME_IDLE => {
                let name = match kind {
                    ExtType::LIFETIME_CURRENT => "CURRENT",
                    ExtType::LIFETIME_HARD => "HARD",
                    ExtType::LIFETIME_SOFT => "SOFT",
                    _ => "IDLE",
                };
                complaints
                    .push(format!("WARNING: {name} lifetime extension length ({len}) is bad."));
                if let Some(Ext::Lifetime(_, lifetime)) = cut(32) {
                    lifetimes.set(kind, lifetime);
                }
            }
            _ => {
                let mut bytes = ((len / 8) as u16).to_ne_bytes().to_vec();
                bytes.extend_from_slice(&kind.0.to_ne_bytes());
                bytes.extend_from_slice(body);
                unknown(out, kind, &bytes);
            }
        }
    }

    fn association(&self, out: &mut Vec<u8>, sa: &SaExt) {
        let state = sa.state.shown();
        if sa.flags.contains(SaFlags::TCPSIG) {
            line!(out, "SA: SADB_ASSOC state={state}");
        } else {
            line!(
                out,
                "SA: SADB_ASSOC spi={:#x}, replay window size={}, state={state}",
                sa.spi,
                sa.replay
            );
        }
        if sa.auth != 0 {
            let name = match sa.flags.contains(SaFlags::TCPSIG) {
                true => tcpsig_alg(sa.auth),
                false => self.alg(AlgProto::Ah, sa.auth),
            };
            line!(out, "SA: Authentication algorithm = {name}");
        }
        if sa.encr != 0 {
            line!(out, "SA: Encryption algorithm = {}", self.alg(AlgProto::Esp, sa.encr));
        }
        let mut words = String::new();
        for (_, word) in FLAGS.iter().filter(|(flag, _)| sa.flags.contains(*flag)) {
            let _ = write!(words, "{word} ");
        }
        line!(out, "SA: flags={:#x} < {words}>", sa.flags.bits());
    }

    /// The name of an algorithm as listings show it.
    fn alg(&self, proto: AlgProto, id: u8) -> String {
        match (id, self.algs.name(proto, id)) {
            (0, _) => "<none>".to_owned(),
            (_, Some(name)) => name.to_owned(),
            (_, None) => format!("<unknown {id}>"),
        }
    }

    fn octets(&self, out: &mut Vec<u8>, octets: &[u8]) {
        for octet in octets {
            let _ = match self.paranoid {
                true => write!(out, "XX"),
                false => write!(out, "{octet:02x}"),
            };
        }
    }

    fn key(&self, out: &mut Vec<u8>, kind: ExtType, key: &KeyExt) {
        let (prefix, name) = match kind {
            ExtType::KEY_AUTH => ("AKY", "Authentication"),
            _ => ("EKY", "Encryption"),
        };
        line!(out, "{prefix}: {name} key.");
        let _ = write!(out, "{prefix}: ");
        let bytes = key.bytes.expose();
        let len = usize::from(key.bits).div_ceil(8).min(bytes.len());
        let end = (len + usize::from(key.reserved) / 8).min(bytes.len());
        self.octets(out, &bytes[..len]);
        if key.reserved == 0 {
            line!(out, "/{}", key.bits);
        } else {
            out.push(b'[');
            self.octets(out, &bytes[len..end]);
            line!(out, "]/{}+{}", key.bits, key.reserved);
        }
    }

    fn string(&self, out: &mut Vec<u8>, key: &KeyExt) {
        line!(out, "AST: Authentication string.");
        let _ = write!(out, "AST: \"");
        if self.paranoid {
            self.octets(out, key.octets());
        } else {
            printable(out, key.octets());
        }
        line!(out, "\"");
    }

    fn label(&self, out: &mut Vec<u8>, kind: ExtType, label: &LabelExt) {
        let (prefix, what) = match kind {
            ExtType::SENSITIVITY => ("SNS", "Plaintext"),
            _ => ("OSN", "Ciphertext"),
        };
        line!(
            out,
            "{prefix}: {what} Sensitivity DPD {}, sens level={}, integ level={}, flags={:x}",
            label.dpd,
            label.sens.0,
            label.integ.0,
            label.flags
        );
        let words = usize::from(label.sens.1).min(label.bitmap.len());
        let (sens, integ) = label.bitmap.split_at(words);
        let hex = sens.iter().fold(String::new(), |mut hex, word| {
            for octet in word.to_ne_bytes() {
                let _ = write!(hex, "{octet:02x}");
            }
            hex
        });
        let trimmed = hex.trim_end_matches('0');
        let length = trimmed.len().next_multiple_of(2);
        let text = format!("0x{:04x}-{length:02x}-{}", label.sens.0, &hex[..length]);
        line!(out, "{prefix}:  {what} Sensitivity Label: {text}");
        if self.numeric {
            for (at, word) in sens.iter().enumerate() {
                line!(out, "{prefix}:  {what} Sensitivity BM extended word {at} {word:#x}");
            }
        }
        for (at, word) in integ.iter().enumerate() {
            line!(out, "{prefix}:  Integrity BM extended word {at} {word:#x}");
        }
    }

    fn cookie(&self, out: &mut Vec<u8>, proto: KmProto, cookie: u64) {
        let name = match proto {
            KmProto::MANUAL => "Manual SA with cookie:",
            KmProto::KINK => "KINK:",
            KmProto::IKEV2 => "IKEV2:",
            KmProto::IKE => {
                let cookie = cookie as u32;
                let label = self.ike_label(cookie);
                let label = label.unwrap_or_else(|| "<Label not found.>".to_owned());
                line!(out, "KMC:  Protocol 1, cookie=\"{label}\" ({cookie})");
                return;
            }
            _ => "<unknown KM protocol>",
        };
        line!(out, "KMC:  Protocol {}, cookie=\"{name}\" ({cookie:#x}/{cookie})", proto.0);
    }

    /// The label of a cookie of IKE: a line `number<TAB>label` of a file.
    fn ike_label(&self, cookie: u32) -> Option<String> {
        let text = self.names.system().read("/var/run/ipsec_kmc_map").ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().find_map(|line| {
            let (number, label) = line.split_once('\t')?;
            (number.parse() == Ok(cookie)).then(|| label.to_owned())
        })
    }
}

fn tcpsig_alg(id: u8) -> String {
    if id == 1 { "md5".to_owned() } else { format!("<unknown {id}>") }
}

/// ASCII with what cannot be printed as `\xHEX`.
fn printable(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            0x20..=0x7e => out.push(*byte),
            other => {
                let _ = write!(out, "\\x{other:x}");
            }
        }
    }
}

/// Text as it is, but for control characters, which act on a terminal or begin a line, as
/// `\xHEX`.
fn uncontrolled(out: &mut Vec<u8>, text: &[u8]) {
    for piece in text.utf8_chunks() {
        for letter in piece.valid().chars() {
            let mut octets = [0; 4];
            let octets = letter.encode_utf8(&mut octets).as_bytes();
            if letter.is_control() {
                printable(out, octets);
            } else {
                out.extend_from_slice(octets);
            }
        }
        printable(out, piece.invalid());
    }
}

/// The name that listings show for an identity type.
fn identity_name(kind: u16) -> String {
    let name = match kind {
        1 => "prefix",
        2 => "FQDN",
        3 => "user-FQDN (mbox)",
        4 => "ASN.1 DER Distinguished Name",
        5 => "ASN.1 DER Generic Name",
        6 => "Generic key id",
        7 => "Address range",
        other => return format!("<unknown {other}>"),
    };
    name.to_owned()
}

fn identity_lines(out: &mut Vec<u8>, kind: ExtType, identity: &IdentityExt) {
    let (prefix, end) = match kind {
        ExtType::IDENTITY_SRC => ("SID", "Source"),
        _ => ("DID", "Destination"),
    };
    let name = identity_name(identity.kind);
    line!(out, "{prefix}: {end} identity, uid={}, type {name}", identity.id);
    let _ = write!(out, "{prefix}: ");
    match identity.kind {
        // They are not text, and nothing here reads their form.
        4 | 5 => out.extend_from_slice(b"<cannot interpret>"),
        // The name can come from the other end of a key exchange. It is one line, and says
        // nothing to a terminal.
        _ => uncontrolled(out, identity.text()),
    }
    out.push(b'\n');
}

fn unknown(out: &mut Vec<u8>, kind: ExtType, bytes: &[u8]) {
    line!(out, "UNK: Unknown ext. {}, len {}.", kind.0, bytes.len());
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        line!(out, "UNK: {:#x}", u64::from_ne_bytes(*word));
    }
}

/// Is it a state in which the association can be loaded again as it is?
pub(crate) fn is_mature(state: SaState) -> bool {
    state == SaState::MATURE
}
