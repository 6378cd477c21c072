// SPDX-License-Identifier: MIT OR Apache-2.0

//! Cases: as recorded (one file each) and as imported (one line each).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use illumos_ipsec::wire::policy::MsgType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::golden::{case_files, imported, read_case};

/// Stands for a paragraph of the original's prose.
pub(super) const PROSE: &str = "<prose>";

/// A series of commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Name.
    pub id: String,
    /// What kind of fault of the original the case shows, if it shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// Files that differ from the usual system before the first command; none: absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub system_files: BTreeMap<String, Option<Text>>,
    /// The commands.
    pub steps: Vec<Step>,
}

/// One command and what the original did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Arguments without the program name.
    pub args: Vec<String>,
    /// The service whose method it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Text>,
    /// Files put into the current directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Text>,
    /// A fault made on purpose.
    #[serde(default, skip_serializing_if = "Fault::is_none")]
    pub fault: Fault,
    /// Exit status; none if the original died.
    pub exit: Option<i32>,
    /// Standard output, its prose replaced.
    pub stdout: Text,
    /// Did it write to standard error?
    pub stderr: bool,
    /// Requests that change the kernel.
    pub sent: Vec<Sent>,
    /// What the view shows afterwards.
    pub view: Text,
}

/// A request that changes the kernel; its sequence number and process id are zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The bytes in hex.
    pub hex: String,
    /// Error number of the answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errno: u8,
}

impl Sent {
    /// The type of the request.
    pub(super) fn kind(&self) -> MsgType {
        MsgType(self.bytes().get(1).copied().unwrap_or_default())
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        unhex(&self.hex).unwrap_or_default()
    }

    /// Is it a DELETERULE with effect?
    pub(super) fn removes_a_rule(&self) -> bool {
        let index = self.bytes().get(32..40).map(|index| index.iter().any(|&b| b != 0));
        self.kind() == MsgType::DELETERULE && index == Some(true)
    }
}

impl Step {
    /// Is it `-r`? The original copies the policy to the standby side and empties that
    /// again; of its requests only the removals have an effect.
    pub(super) fn is_removal(&self) -> bool {
        self.args.iter().any(|arg| arg.starts_with("-r"))
    }
}

fn is_zero(errno: &u8) -> bool {
    *errno == 0
}

/// Faults made on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The n-th request of a type is answered with an error: type, n, errno, diagnostic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<(u8, usize, u8, u16)>,
    /// `PF_POLICY` cannot be opened for lack of privilege.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_socket: bool,
    /// The lock file cannot be created for lack of privilege.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_lock: bool,
    /// The name of this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The kernel keeps its default algorithms whatever the file says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default_algorithms: bool,
}

impl Fault {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Bytes: a JSON string where they are UTF-8, else `{"hex": "..."}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => BTreeMap::from([("hex", hex(&self.0))]).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        text(&value).ok_or_else(|| serde::de::Error::custom("expected text or {\"hex\": ...}"))
    }
}

/// Reads imported cases, one a line.
pub fn load_imported(lines: &str) -> Result<Vec<Case>, String> {
    imported(lines)
}

/// Reads a directory of recorded cases, in the order of their names.
pub fn load_directory(directory: &Path) -> io::Result<Vec<Case>> {
    let read = |path: PathBuf| {
        let bad = || format!("{}: it is not in the format of a case", path.display());
        let case = recorded(&read_case(&path)?);
        case.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, bad()))
    };
    case_files(directory)?.into_iter().map(read).collect()
}

fn recorded(value: &Value) -> Option<Case> {
    let bug = value["upstream_bug"].as_bool()?.then(|| {
        let kind = value["bug_kind"].as_str().unwrap_or("unknown");
        format!("{kind}: {}", value["bug_reason"].as_str().unwrap_or_default())
    });
    let system_files = value.get("system_files").and_then(Value::as_object);
    let system_files = system_files
        .into_iter()
        .flatten()
        .map(|(path, content)| (path.clone(), text(content)))
        .collect();
    let steps = value["steps"].as_array()?.iter().map(step).collect::<Option<_>>()?;
    Some(Case { id: value["id"].as_str()?.to_owned(), bug, system_files, steps })
}

fn step(value: &Value) -> Option<Step> {
    let argv = value["argv"].as_array()?;
    let args: Vec<String> =
        argv.iter().skip(1).map(|arg| arg.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    let files = value.get("files").and_then(Value::as_object);
    let files = files
        .into_iter()
        .flatten()
        .map(|(name, content)| Some((name.clone(), text(content)?)))
        .collect::<Option<_>>()?;
    let expect = &value["expect"];
    let stdout = text(&expect["stdout"])?;
    let shows_data = shows_data(&args);
    Some(Step {
        service: value["env"]["SMF_FMRI"].as_str().map(str::to_owned),
        stdin: value.get("stdin").and_then(text),
        files,
        fault: fault(&value["inject"]),
        exit: expect["exit"]["code"].as_i64().map(|code| code as i32),
        stdout: if shows_data { stdout } else { without_prose(&stdout) },
        stderr: text(&value["stderr_informational"]).is_some_and(|text| !text.0.is_empty()),
        sent: sent(expect["messages"].as_array()?)?,
        view: Text(shown(&text(&value["cache_file_after"]).unwrap_or_default().0)),
        args,
    })
}

/// Does a command print data on standard output, not prose?
pub(super) fn shows_data(args: &[String]) -> bool {
    let lists = |arg: &String| {
        arg.starts_with('-')
            && arg.chars().skip(1).all(|c| "lLnq".contains(c))
            && arg.contains(['l', 'L'])
    };
    args.is_empty() || args.iter().any(lists)
}

fn fault(value: &Value) -> Fault {
    let reply = value.get("reply_error").and_then(|reply| {
        let number = |name: &str| reply[name].as_u64();
        Some((
            number("message_type")? as u8,
            number("nth_of_this_type_in_command")? as usize,
            number("errno")? as u8,
            number("diagnostic")? as u16,
        ))
    });
    Fault {
        reply,
        no_socket: value.get("socket_open_errno").is_some(),
        no_lock: value.get("lock_file_open_errno").is_some(),
        hostname: value["hostname"].as_str().map(str::to_owned),
        default_algorithms: value.get("kernel_algorithms").is_some(),
    }
}

/// The requests that change the kernel, each with the error number of its answer.
fn sent(messages: &[Value]) -> Option<Vec<Sent>> {
    let mut sent: Vec<Sent> = Vec::new();
    let mut waiting = false;
    for message in messages {
        let Some(hex) = message["hex"].as_str() else { continue };
        let bytes = unhex(hex)?;
        if message["dir"].as_str()? == "sent" {
            waiting = changes_kernel(&bytes);
            if waiting {
                sent.push(Sent { hex: masked(&bytes), errno: 0 });
            }
        } else if std::mem::take(&mut waiting) {
            sent.last_mut()?.errno = *bytes.get(2)?;
        }
    }
    Some(sent)
}

/// Does a request change anything?
pub(super) fn changes_kernel(request: &[u8]) -> bool {
    !matches!(
        MsgType(request.get(1).copied().unwrap_or_default()),
        MsgType::ALGLIST | MsgType::DUMP | MsgType::DUMPALGS | MsgType::LOOKUP
    )
}

/// A message in hex, without sequence number and process id.
pub(super) fn masked(message: &[u8]) -> String {
    let mut message = message.to_vec();
    if let Some(fields) = message.get_mut(8..16) {
        fields.fill(0);
    }
    hex(&message)
}

/// What the command without options shows of a view file.
pub(super) fn shown(file: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for line in file.split_inclusive(|&b| b == b'\n').filter(|line| !line.starts_with(b";")) {
        shown.extend_from_slice(line);
    }
    shown
}

/// Replaces prose in the standard output of a command that shows no data: each run of
/// lines that is not the kernel's diagnostic.
pub(super) fn without_prose(stdout: &Text) -> Text {
    let mut out: Vec<u8> = Vec::new();
    let mut in_prose = false;
    for line in stdout.0.split_inclusive(|&b| b == b'\n') {
        let is_data = line == b"\n" || line.starts_with(b"\t(spdsock diagnostic: ");
        if is_data {
            out.extend_from_slice(line);
        } else if !in_prose {
            out.extend_from_slice(PROSE.as_bytes());
            out.push(b'\n');
        }
        in_prose = !is_data;
    }
    Text(out)
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::String(text) => Some(Text(text.as_bytes().to_vec())),
        Value::Object(_) => match (value["hex"].as_str(), value["base64"].as_str()) {
            (Some(hex), _) => unhex(hex).map(Text),
            (_, Some(base64)) => unbase64(base64).map(Text),
            _ => None,
        },
        _ => None,
    }
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hex.
pub(super) fn unhex(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for byte in chunk {
            bits = bits << 6 | ALPHABET.iter().position(|c| c == byte)? as u32;
        }
        bits <<= 6 * (4 - chunk.len());
        out.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}
