// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replays a directory of recorded cases: `golden TOOL --cases DIR`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ipsec_usermode::KernelKind;
use system_tests::golden::{self, Report};

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            print!("{report}");
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("golden: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<Report, String> {
    let usage = "usage: golden dladm|ipsecconf|ipseckey|pf_key_kernel|pf_policy_kernel --cases DIR [--import FILE]";
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (tool, dir, import) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [tool, "--cases", dir] => (tool, PathBuf::from(dir), None),
        [tool, "--cases", dir, "--import", file] => (tool, PathBuf::from(dir), Some(file)),
        _ => return Err(usage.to_owned()),
    };
    let failed = |error: std::io::Error| format!("{}: {error}", dir.display());
    match tool {
        "dladm" => {
            let cases = golden::dladm::load_directory(&dir).map_err(failed)?;
            if let Some(file) = import {
                write_lines(Path::new(file), &cases)?;
            }
            let program = system_tests::program("dladm")?;
            let mut report = Report::default();
            for kernel in [KernelKind::Unmodified, KernelKind::Modified] {
                for case in &cases {
                    let outcome = golden::dladm::run(case, &program, kernel);
                    report.add(golden::dladm::name(&case.id, kernel), outcome);
                }
            }
            Ok(report)
        }
        "ipsecconf" => {
            let cases = golden::ipsecconf::load_directory(&dir).map_err(failed)?;
            if let Some(file) = import {
                write_lines(Path::new(file), &cases)?;
            }
            let program = system_tests::program("ipsecconf")?;
            let mut report = Report::default();
            for kernel in [KernelKind::Modified, KernelKind::Unmodified] {
                for case in &cases {
                    let outcome = golden::ipsecconf::run(case, &program, kernel);
                    report.add(golden::ipsecconf::name(&case.id, kernel), outcome);
                }
            }
            Ok(report)
        }
        "pf_policy_kernel" if import.is_none() => {
            golden::kernel::run_dir(&dir, KernelKind::Modified).map_err(failed)
        }
        "ipseckey" if import.is_none() => {
            let program = system_tests::program("ipseckey")?;
            let mut report = Report::default();
            for case in golden::ipseckey::load_directory(&dir).map_err(failed)? {
                report.add(&case.id, golden::ipseckey::run(&case, &program));
            }
            Ok(report)
        }
        "pf_key_kernel" if import.is_none() => golden::key_kernel::run_dir(&dir).map_err(failed),
        _ => Err(format!("unknown tool {tool}; {usage}")),
    }
}

fn write_lines(file: &Path, cases: &[impl serde::Serialize]) -> Result<(), String> {
    let mut lines = String::new();
    for case in cases {
        lines += &serde_json::to_string(case).map_err(|error| error.to_string())?;
        lines.push('\n');
    }
    std::fs::write(file, lines).map_err(|error| format!("{}: {error}", file.display()))
}
