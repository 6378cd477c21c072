// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab inject`: the packets of a capture file go their way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::options::{Question, dir, question, with_way};
use super::pcap::Capture;
use crate::lab::LabError;
use crate::lab::control::Control;

/// Bytes of packets in one question at most, unless it is one packet.
const BATCH: usize = 32 * 1024;
/// Packets in one question at most.
const MOST: usize = 512;

pub(in crate::lab) fn command() -> Command {
    let file = || value_parser!(PathBuf);
    with_way(Command::new("inject"))
        .arg(Arg::new("write").short('w').long("write").value_parser(file()))
        .arg(Arg::new("FILE").required(true).value_parser(file()))
}

pub(in crate::lab) fn run(args: &ArgMatches) -> Result<ExitCode, LabError> {
    let file: &PathBuf = args.get_one("FILE").expect("a required operand");
    let bytes = fs::read(file).map_err(|source| LabError::io("cannot read", file, source))?;
    let capture = Capture::read(file.clone(), bytes)?;
    let control = Control::connect(dir(args).map(PathBuf::as_path))?;
    let outcomes = send(&control, &question("inject", args)?, &capture)?;
    if let Some(path) = args.get_one::<PathBuf>("write") {
        let passed = |at: usize| matches!(outcomes[at].0.as_str(), "protect" | "pass");
        write(path, &capture.with_only(passed))?;
    }
    let mut counts: BTreeMap<&(String, String), u64> = BTreeMap::new();
    outcomes.iter().for_each(|outcome| *counts.entry(outcome).or_default() += 1);
    let shown = if args.get_flag("json") { for_programs(&counts) } else { for_people(&counts) };
    let _ = io::stdout().write_all(shown.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// Outcome and reason of each packet.
fn send(
    control: &Control,
    question: &Question,
    capture: &Capture,
) -> Result<Vec<(String, String)>, LabError> {
    let mut outcomes = Vec::with_capacity(capture.packets().len());
    let mut batch: Vec<Value> = Vec::new();
    let mut size = 0;
    let mut packets = capture.packets().peekable();
    while let Some(packet) = packets.next() {
        size += packet.len();
        batch.push(hex(packet).into());
        let next = packets.peek().map(|packet| packet.len());
        let full = batch.len() == MOST || next.is_none_or(|next| size + next > BATCH);
        if full {
            let mut question = question.clone();
            question.insert("packets".into(), std::mem::take(&mut batch).into());
            size = 0;
            let answer = control.ask(&Value::Object(question))?;
            outcomes.extend(answer.as_array().into_iter().flatten().map(|outcome| {
                let word = |at: usize| outcome[at].as_str().unwrap_or_default().to_owned();
                (word(0), word(1))
            }));
        }
    }
    Ok(outcomes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    fs::write(path, bytes).map_err(|source| LabError::io("cannot write", path, source))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn for_people(counts: &BTreeMap<&(String, String), u64>) -> String {
    let mut text = String::new();
    for ((outcome, reason), count) in counts {
        let _ = writeln!(text, "{count:>10}  {outcome:<8} {reason}");
    }
    let _ = writeln!(text, "{:>10}  in all", counts.values().sum::<u64>());
    text
}

fn for_programs(counts: &BTreeMap<&(String, String), u64>) -> String {
    let rows: Vec<Value> = counts
        .iter()
        .map(|((outcome, reason), count)| {
            json!({ "outcome": outcome, "reason": reason, "packets": count })
        })
        .collect();
    format!("{}\n", Value::from(rows))
}
