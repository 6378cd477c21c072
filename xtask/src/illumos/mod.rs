// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask illumos`: the commands as illumos would get them, on a machine that is none.
//!
//! ```text
//! check    type-check, also the tests: layouts are asserted while this is compiled
//! clippy   lint
//! link     link commands and tests against libraries that have names only
//! inspect  look at what came out
//! ```
//!
//! Nothing that comes out is ever run or shipped: the libraries are stubs, and so is the
//! start of a process.

mod compiler;
mod elf;
mod inspect;
mod stubs;

use std::path::{Path, PathBuf};
use std::process;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};

use self::compiler::Compiler;
use crate::run::{Failure, Outcome, root, run as run_to_end};

const TARGET: &str = "x86_64-unknown-illumos";
/// What illumos gets, the library and the commands, and what builds packages there. Lab and
/// its tests stay here.
const PACKAGES: &[&str] = &["illumos-ipsec", "dladm-rs", "ipsecconf-rs", "ipseckey-rs", "xtask"];
const STEPS: &[&str] = &["check", "clippy", "link", "inspect"];

/// Lints that fail the step. All others are shown only: the compiler is not the pinned
/// one, and a newer one has new lints.
const DENIED: &[&str] = &[
    "unused",
    "unreachable_pub",
    "missing_docs",
    "unsafe_op_in_unsafe_fn",
    "clippy::correctness",
    "clippy::suspicious",
    "clippy::undocumented_unsafe_blocks",
];

pub(crate) fn command() -> Command {
    let step = Arg::new("step").num_args(0..).value_parser(PossibleValuesParser::new(STEPS));
    Command::new("illumos").arg(step)
}

pub(crate) fn run(args: &ArgMatches) -> Outcome {
    let asked: Vec<_> = args.get_many::<String>("step").into_iter().flatten().collect();
    let build = Build::new()?;
    for step in STEPS {
        if !asked.is_empty() && !asked.iter().any(|asked| asked == step) {
            continue;
        }
        println!("illumos: {step}");
        match *step {
            "check" => run_to_end(&mut build.cargo("check", &["--all-targets"]))?,
            "clippy" => {
                let mut clippy = build.cargo("clippy", &["--all-targets", "--"]);
                clippy.args(DENIED.iter().flat_map(|lint| ["--deny", lint]));
                run_to_end(&mut clippy)?;
            }
            "link" => build.link()?,
            _ => build.inspect()?,
        }
    }
    Ok(())
}

/// A build for illumos, in a directory of its own: two compilers in one would rebuild
/// each other's work.
struct Build {
    compiler: Compiler,
    out: PathBuf,
}

impl Build {
    fn new() -> Result<Self, Failure> {
        let compiler = Compiler::find()?;
        println!("illumos: {}", compiler.version);
        let out = std::env::var_os("ILLUMOS_TARGET_DIR").map(PathBuf::from);
        let out = out.unwrap_or_else(|| root().join("target/illumos"));
        Ok(Self { compiler, out })
    }

    fn stubs(&self) -> PathBuf {
        self.out.join("stubs")
    }

    /// Cargo for our packages. What differs between two steps would build the standard
    /// library again.
    fn cargo(&self, what: &str, args: &[&str]) -> process::Command {
        let mut cargo = self.compiler.cargo();
        cargo.args([what, "--locked", "--target", TARGET, "-Zbuild-std=std,panic_abort,test"]);
        cargo.args(PACKAGES.iter().flat_map(|package| ["--package", package])).args(args);
        cargo
            .current_dir(root())
            .env("CARGO_TARGET_DIR", &self.out)
            .env(
                "CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_LINKER",
                root().join("xtask/illumos/illumos-ld"),
            )
            .env("ILLUMOS_STUBS", self.stubs())
            // Test harnesses unwind, and there is one standard library for all steps.
            .env("CARGO_PROFILE_DEV_PANIC", "unwind");
        cargo
    }

    fn link(&self) -> Outcome {
        let list = stubs::List::read()?;
        list.make(&self.stubs())?;
        run_to_end(&mut self.cargo("build", &["--bins"]))?;
        run_to_end(&mut self.cargo("test", &["--no-run", "--quiet"]))
    }

    fn inspect(&self) -> Outcome {
        let list = stubs::List::read()?;
        let dir = self.out.join(TARGET).join("debug");
        let mut problems = Vec::new();
        for name in inspect::COMMANDS {
            let (summary, found) = inspect::command(&dir.join(name), &list)?;
            println!("illumos: {name}: {summary}");
            problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
        }
        let tests = self.tests()?;
        for path in &tests {
            let found = inspect::test(path, &list)?;
            let name = path.file_name().unwrap_or_default().display().to_string();
            problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
        }
        println!("illumos: {} executables of tests", tests.len());
        if tests.is_empty() {
            problems.push("no test was linked".to_owned());
        }
        if problems.is_empty() { Ok(()) } else { Err(Failure::Said(problems.join("\nxtask: "))) }
    }

    /// The executables of our tests, as cargo names them.
    fn tests(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut list = self.cargo("test", &["--no-run", "--message-format=json"]);
        let output =
            list.output().map_err(|error| cannot("run", Path::new(list.get_program()), &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Said(format!("the tests cannot be linked:\n{}", said.trim_end())));
        }
        // One message a line; those of executables have a path.
        let path = |line: &str| {
            let (_, rest) = line.split_once("\"executable\":\"")?;
            rest.split('"').next().map(PathBuf::from)
        };
        let mut found: Vec<_> =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(path).collect();
        found.retain(|path| path.parent().is_some_and(|dir| dir.ends_with("deps")));
        Ok(found)
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::Said(format!("cannot {what} {}: {error}", path.display()))
}
