// SPDX-License-Identifier: MIT OR Apache-2.0

//! `PF_KEY` conversations recorded from the illumos kernel, replayed on the core of the
//! user-mode kernel.
//!
//! Every message to every socket is compared. What one write brings to one socket has a
//! fixed order; between sockets there is none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use illumos_ipsec::wire::key::{Diagnostic, Ext, ExtType, HEADER_LEN, Header, Message, MsgType};
use ipsec_usermode::{Config, ConnId, IpsecState, Kernel, KernelKind};

use super::kernel::{Case, read_dir, setup};
use super::{Outcome, Report};

const IMPORTED: &str = include_str!("../../golden/pf_key_kernel.jsonl");

/// When the recorded clock stood still.
const NOW: u64 = 1_700_000_000;
/// Addresses of the recorded host.
const ADDRESSES: [&str; 3] = ["192.0.2.1", "10.1.1.1", "2001:db8::1"];

const SHORTENED: &str = "by how much a soft limit of time is shortened is chance";
const NAMESPACES: &str = "the extension of namespaces is known";

/// What becomes of a recorded request that the recorded kernel refused for its namespace:
/// error number and diagnostic of its last answer, nothing if there is none.
type Known = (MsgType, u8, Option<(u8, Diagnostic)>);

/// Requests of `ns-ext-256-refused` and `ns-probe-promisc`. Most of them have nothing but
/// the namespace, so that something else is missing.
const KNOWN: &[Known] = &[
    (MsgType::FLUSH, 3, Some((0, Diagnostic::NONE))),
    (MsgType::FLUSH, 0, Some((0, Diagnostic::NONE))),
    (MsgType::FLUSH, 4, Some((0, Diagnostic::NONE))),
    (MsgType::DUMP, 3, Some((0, Diagnostic::NONE))),
    (MsgType::DUMP, 0, Some((0, Diagnostic::NONE))),
    (MsgType::DELETE, 3, Some((22, Diagnostic::MISSING_SA))),
    (MsgType::X_DELPAIR, 3, Some((22, Diagnostic::MISSING_SA))),
    (MsgType::GET, 3, Some((22, Diagnostic::MISSING_DST))),
    (MsgType::UPDATE, 3, Some((22, Diagnostic::MISSING_DST))),
    (MsgType::GETSPI, 3, Some((22, Diagnostic::MISSING_SRC))),
    (MsgType::REGISTER, 3, Some((0, Diagnostic::NONE))),
    (MsgType::ACQUIRE, 3, None),
    (MsgType::X_PROMISC, 0, Some((0, Diagnostic::NONE))),
    (MsgType::X_INVERSE_ACQUIRE, 0, Some((22, Diagnostic::MISSING_SRC))),
    (MsgType::ADD, 3, Some((0, Diagnostic::NONE))),
    (MsgType::ADD, 4, Some((22, Diagnostic::MISSING_SA))),
];

/// The cases that belong to this repository.
///
/// # Panics
///
/// If the imported file is damaged.
#[must_use]
pub fn imported() -> Vec<Case> {
    super::imported(IMPORTED).expect("every line is a case")
}

/// Replays all cases of a directory: one JSON file each, as recorded.
pub fn run_dir(dir: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    for case in read_dir(dir)? {
        let outcome = run(&case, KernelKind::Modified);
        report.add(case.id, outcome);
    }
    Ok(report)
}

type Messages = BTreeMap<String, Vec<Vec<u8>>>;

/// Replays one case and judges it.
#[must_use]
pub fn run(case: &Case, kind: KernelKind) -> Outcome {
    let mut kernel = Kernel::new(Config { kind, ipsec: IpsecState::LoadedNoAlgs });
    for address in ADDRESSES {
        kernel.set_address(address.parse().expect("an address"), true);
    }
    kernel.set_time(NOW);
    let policy = kernel.open_policy();
    kernel.request(policy, &setup());
    let sockets: BTreeMap<&str, ConnId> =
        case.sockets.iter().map(|name| (name.as_str(), kernel.open_key())).collect();
    let mut decision = None;
    let mut tagged = 0;
    for (at, step) in case.steps.iter().enumerate() {
        match (&step.socket, &step.send, step.control.as_deref()) {
            (Some(socket), Some(bytes), None) => kernel.request(sockets[socket.as_str()], &bytes.0),
            (None, None, Some("socket A: SO_USELOOPBACK = 0")) => {
                kernel.set_key_loopback(sockets["A"], false);
            }
            _ => return Outcome::Failed(format!("step {at} is not understood")),
        }
        let mut ours = Messages::new();
        for (name, conn) in &sockets {
            while let Some(message) = kernel.next_reply(*conn) {
                ours.entry((*name).to_owned()).or_default().push(message);
            }
        }
        let mut theirs = Messages::new();
        for received in &step.recv {
            theirs.entry(received.socket.clone()).or_default().push(received.data.0.clone());
        }
        if ours == theirs {
            continue;
        }
        if same_but_for_chance(&ours, &theirs) {
            decision = Some(SHORTENED);
            continue;
        }
        let request = step.send.as_ref().map_or(&[][..], |bytes| &bytes.0);
        if kind == KernelKind::Modified && knows(request, &ours, &theirs, &mut tagged) {
            decision = Some(NAMESPACES);
            continue;
        }
        return Outcome::Failed(difference(at, &ours, &theirs));
    }
    match decision {
        None => Outcome::Passed,
        Some(decision) => Outcome::Differs { decision: decision.into() },
    }
}

/// Is a request with a namespace answered by a kernel that knows it as it should be, where
/// the recorded one has refused it? `tagged` counts what has been added by such requests,
/// which dumps without a namespace show, too.
fn knows(request: &[u8], ours: &Messages, theirs: &Messages, tagged: &mut usize) -> bool {
    let Ok(message) = Message::decode(request) else {
        return false;
    };
    let Header { kind, satype, .. } = message.header;
    let own = |messages: &Messages| messages.get("A").cloned().unwrap_or_default();
    let (ours, theirs) = (own(ours), own(theirs));
    if message.get(ExtType::NAMESPACE).is_none() {
        let records = |messages: &[Vec<u8>]| {
            messages.iter().filter(|bytes| bytes.len() > HEADER_LEN).cloned().collect::<Vec<_>>()
        };
        return kind == MsgType::DUMP
            && records(&theirs).iter().all(|record| ours.contains(record))
            && records(&ours).len() == records(&theirs).len() + *tagged
            && ours.last() == theirs.last();
    }
    let refused = |bytes: &Vec<u8>| {
        let header = Header::read(bytes);
        (header.errno.0, header.diagnostic) == (22, Diagnostic::UNKNOWN_EXT)
    };
    let Some((_, _, wanted)) = KNOWN.iter().find(|known| (known.0, known.1) == (kind, satype.0))
    else {
        return false;
    };
    let found = ours.last().map(|bytes| {
        let header = Header::read(bytes);
        (header.errno.0, header.diagnostic)
    });
    *tagged += usize::from(kind == MsgType::ADD && found == Some((0, Diagnostic::NONE)));
    theirs.len() == 1 && refused(&theirs[0]) && found == *wanted
}

/// Do the messages differ only in soft limits of time that are both 8 to 23 seconds shorter
/// than something?
fn same_but_for_chance(ours: &Messages, theirs: &Messages) -> bool {
    let lists = |messages: &Messages| messages.values().flatten().cloned().collect::<Vec<_>>();
    let (ours_all, theirs_all) = (lists(ours), lists(theirs));
    ours.keys().eq(theirs.keys())
        && ours_all.len() == theirs_all.len()
        && ours_all.iter().zip(&theirs_all).all(|(ours, theirs)| {
            let (Ok(mut ours), Ok(mut theirs)) = (Message::decode(ours), Message::decode(theirs))
            else {
                return false;
            };
            let (a, b) = (take_soft(&mut ours), take_soft(&mut theirs));
            ours == theirs && a.abs_diff(b) <= 15
        })
}

/// The soft limit of time of a message, which loses it.
fn take_soft(message: &mut Message) -> u64 {
    for ext in &mut message.exts {
        if let Ext::Lifetime(ExtType::LIFETIME_SOFT, lifetime) = ext {
            return std::mem::take(&mut lifetime.addtime);
        }
    }
    0
}

fn difference(at: usize, ours: &Messages, theirs: &Messages) -> String {
    let mut text = format!("step {at}\n");
    for (what, messages) in [("recorded", theirs), ("ours", ours)] {
        for (socket, messages) in messages {
            for message in messages {
                let shown = illumos_ipsec::wire::key::describe(message, Default::default());
                let hex = message.iter().fold(String::new(), |mut out, byte| {
                    let _ = write!(out, "{byte:02x}");
                    out
                });
                let _ = writeln!(text, "  {what:<8} {socket} {shown}\n             {hex}");
            }
        }
    }
    text
}
