// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask ci`: every step of the gate. All steps run, also after one that fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::demo::LAB_PACKAGES;
use crate::run::{Failure, Outcome, build, built, cargo, root, run as run_to_end};
use crate::test::test;
use crate::tools::{CARGO_DENY, MANDOC, SHELLCHECK, Tool, XMLLINT};

/// What a step of the gate comes to.
enum Plan {
    Run(process::Command),
    /// There is nothing to check, or the gate can do without.
    Skip(&'static str),
    Fail(String),
}

/// How a step went.
enum Verdict {
    Passed(Duration),
    Failed(Duration),
    Skipped(&'static str),
}

/// Name of a step, and what it needs to know before it can be run.
type Step = (&'static str, fn() -> Plan);

const STEPS: &[Step] = &[
    ("format", || Plan::Run(cargo(["fmt", "--all", "--check"]))),
    ("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
        Plan::Run(cargo(args))
    }),
    ("documentation", || {
        let mut doc = cargo(["doc", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        Plan::Run(doc)
    }),
    ("manual pages", manual_pages),
    ("service manifests", || {
        let manifests = files_below("smf", |name| name.ends_with(".xml"));
        check_files(&XMLLINT, &["--noout", "--nonet"], manifests)
    }),
    ("scripts for illumos", || {
        let mut scripts = files_below("smf/method", |_| true);
        scripts.extend(files_below("smf/selfcheck", |_| true));
        // The shell of illumos is ksh93; they use nothing that sh does not have.
        check_files(&SHELLCHECK, &["--shell", "sh"], scripts)
    }),
    ("shell completion", || {
        let files = files_below("docs/completion/bash", |_| true);
        check_files(&SHELLCHECK, &["--shell", "bash"], files)
    }),
    ("packages", || task("dist")),
    ("illumos", || task("illumos")),
    ("fuzz targets", || {
        let manifest = root().join("fuzz/Cargo.toml");
        if !manifest.exists() {
            return Plan::Skip("there are none");
        }
        let mut check = cargo(["check", "--quiet", "--manifest-path"]);
        check.arg(manifest);
        Plan::Run(check)
    }),
    ("demonstration", || demonstration(&[])),
    ("demonstration on an unmodified kernel", || demonstration(&["--unmodified"])),
    ("dependencies", || {
        if !CARGO_DENY.exists() {
            return Plan::Skip("cargo-deny is not installed");
        }
        // Advisories have to be fetched; the gate works without a network.
        let mut deny = cargo(["deny", "--log-level", "error", "check", "--hide-inclusion-graph"]);
        deny.args(["bans", "licenses", "sources"]);
        Plan::Run(deny)
    }),
];

/// mandoc of Debian does not know the section of protocols of illumos, 4P, and takes its name
/// for a mistake. It is shown copies of such pages that are in section 4.
fn manual_pages() -> Plan {
    let in_section = |name: &str| {
        let section = name.rsplit('.').next().unwrap_or_default();
        section.starts_with(|c: char| c.is_ascii_digit()) && section.len() <= 2
    };
    let copies = root().join("target/man");
    let copy = |page: &PathBuf| -> io::Result<PathBuf> {
        let copy = copies.join(page.file_name().unwrap_or_default());
        let text = fs::read_to_string(page)?;
        let lines = text.lines().map(|line| match line.strip_suffix(" 4P") {
            Some(title) if line.starts_with(".Dt ") => format!("{title} 4\n"),
            _ => format!("{line}\n"),
        });
        fs::create_dir_all(&copies)?;
        fs::write(&copy, lines.collect::<String>())?;
        Ok(copy)
    };
    let (protocols, mut pages): (Vec<_>, Vec<_>) = files_below("docs/man", in_section)
        .into_iter()
        .partition(|page| page.extension().is_some_and(|section| section == "4p"));
    for page in &protocols {
        match copy(page) {
            Ok(copy) => pages.push(copy),
            Err(error) => return Plan::Fail(format!("{}: {error}", page.display())),
        }
    }
    check_files(&MANDOC, &["-T", "lint", "-W", "warning"], pages)
}

fn demonstration(args: &[&str]) -> Plan {
    match build(LAB_PACKAGES).and_then(|()| built("ipsec-lab")) {
        Ok(lab) => {
            let mut demo = process::Command::new(lab);
            demo.arg("demo").args(args);
            Plan::Run(demo)
        }
        Err(_) => Plan::Fail("the commands are not built".to_owned()),
    }
}

/// A task of this program.
fn task(name: &str) -> Plan {
    match built("xtask") {
        Ok(xtask) => {
            let mut task = process::Command::new(xtask);
            task.arg(name);
            Plan::Run(task)
        }
        Err(_) => Plan::Fail("this program is not found".to_owned()),
    }
}

pub(crate) fn command() -> Command {
    Command::new("ci").arg(Arg::new("skip-test").long("skip-test").action(ArgAction::SetTrue))
}

pub(crate) fn run(args: &ArgMatches) -> Outcome {
    let mut verdicts = Vec::new();
    if !args.get_flag("skip-test") {
        verdicts.push(("test", timed("test", || test(&[]))));
    }
    for &(name, plan) in STEPS {
        let verdict = match plan() {
            Plan::Run(mut command) => timed(name, || run_to_end(&mut command)),
            Plan::Skip(why) => Verdict::Skipped(why),
            Plan::Fail(why) => timed(name, || Err(Failure::Said(why))),
        };
        verdicts.push((name, verdict));
    }

    println!("\nxtask ci:");
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Passed(time) => println!("  passed   {name} ({:.1} s)", time.as_secs_f32()),
            Verdict::Failed(time) => println!("  FAILED   {name} ({:.1} s)", time.as_secs_f32()),
            Verdict::Skipped(why) => println!("  skipped  {name}: {why}"),
        }
    }
    match verdicts.iter().filter(|(_, v)| matches!(v, Verdict::Failed(_))).count() {
        0 => Ok(()),
        failed => Err(Failure::Said(format!("{failed} of {} steps failed", verdicts.len()))),
    }
}

fn timed(name: &str, step: impl FnOnce() -> Outcome) -> Verdict {
    println!("\nxtask ci: {name}");
    let start = Instant::now();
    match step() {
        Ok(()) => Verdict::Passed(start.elapsed()),
        Err(failure) => {
            if let Failure::Said(message) = failure {
                eprintln!("xtask: {message}");
            }
            Verdict::Failed(start.elapsed())
        }
    }
}

/// One run of a checker over all the files. It is needed as soon as there is one.
fn check_files(tool: &Tool, args: &[&str], files: Vec<PathBuf>) -> Plan {
    if files.is_empty() {
        return Plan::Skip("there are none");
    }
    if !tool.exists() {
        return Plan::Fail(tool.missing());
    }
    let mut command = process::Command::new(tool.name);
    command.args(args).args(files).current_dir(root());
    Plan::Run(command)
}

/// Files below a directory of the repository whose name is accepted, sorted.
fn files_below(dir: &str, accept: fn(&str) -> bool) -> Vec<PathBuf> {
    fn walk(dir: &Path, accept: fn(&str) -> bool, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(dir) else {
            return;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                walk(&path, accept, found);
            } else if path.file_name().and_then(|name| name.to_str()).is_some_and(accept) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(dir), accept, &mut found);
    found.sort();
    found
}
