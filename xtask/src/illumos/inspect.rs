// SPDX-License-Identifier: MIT OR Apache-2.0

//! What has to be true of an executable.

use std::path::Path;

use super::elf::{Executable, Wanted};
use super::stubs::List;
use crate::run::Failure;

pub(super) const COMMANDS: &[&str] = &["dladm", "ipsecconf", "ipseckey"];

/// The libraries that a command needs: all three have the whole back end.
const NEEDED: &[&str] = &[
    "libc.so.1",
    "libgcc_s.so.1",
    "libkstat.so.1",
    "libnsl.so.1",
    "libsocket.so.1",
    "libumem.so.1",
];

const INTERPRETER: &str = "/usr/lib/amd64/ld.so.1";
/// System V. illumos sets another value only for objects that use extensions of its linker,
/// and neither its kernel nor its run-time linker looks.
const OS_ABI: u8 = 0;

/// Words of what exists in labs only.
const LAB: &[&str] = &["IPSEC_LAB", "ipsec-lab", "user-mode kernel"];

/// What is wrong with a command; also one line about it.
pub(super) fn command(path: &Path, list: &List) -> Result<(String, Vec<String>), Failure> {
    let executable = Executable::read(path)?;
    let mut problems = common(&executable, list);
    if executable.needed != NEEDED {
        problems.push(format!("needs {:?}, expected {NEEDED:?}", executable.needed));
    }
    for word in LAB {
        if contains(&executable.bytes, word.as_bytes()) {
            problems.push(format!("contains '{word}', a word of the lab"));
        }
    }
    let newest = newest(&executable.wanted).unwrap_or_default();
    let summary = format!(
        "{} symbols of {}; newest version of libc asked for: {newest}",
        executable.wanted.len(),
        executable.needed.join(" ")
    );
    Ok((summary, problems))
}

/// What is wrong with an executable of tests.
pub(super) fn test(path: &Path, list: &List) -> Result<Vec<String>, Failure> {
    Ok(common(&Executable::read(path)?, list))
}

fn common(executable: &Executable, list: &List) -> Vec<String> {
    let mut problems = Vec::new();
    if !executable.is_amd64_program {
        problems.push("is no 64-bit AMD64 program".to_owned());
    }
    if executable.os_abi != OS_ABI {
        problems.push(format!("OS/ABI is {}, expected {OS_ABI}", executable.os_abi));
    }
    if executable.interpreter != INTERPRETER {
        let found = &executable.interpreter;
        problems.push(format!("interpreter is '{found}', expected {INTERPRETER}"));
    }
    for library in &executable.needed {
        if !list.ships(library) {
            problems.push(format!("needs {library}, which illumos does not ship"));
        }
    }
    for Wanted { name, version, file, weak } in &executable.wanted {
        let provider = list.provider(name, version.as_deref());
        let agrees =
            provider.is_some() && file.as_deref().is_none_or(|file| provider == Some(file));
        // Without the symbol, whoever refers to it weakly does without.
        if !agrees && !weak {
            let version = version.as_deref().unwrap_or("no version");
            let file = file.as_deref().unwrap_or("any library");
            problems.push(format!("wants {name} ({version}) of {file}, which has none"));
        }
    }
    problems
}

/// The newest set of libc: how old a system can be.
fn newest(wanted: &[Wanted]) -> Option<&str> {
    let number = |version: &&str| -> Vec<u32> {
        let numbers = version.trim_start_matches("ILLUMOS_");
        numbers.split('.').filter_map(|part| part.parse().ok()).collect()
    };
    wanted
        .iter()
        .filter(|wanted| wanted.file.as_deref() == Some("libc.so.1"))
        .filter_map(|wanted| wanted.version.as_deref())
        .filter(|version| version.starts_with("ILLUMOS_"))
        .max_by_key(number)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
