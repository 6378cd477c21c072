// SPDX-License-Identifier: MIT OR Apache-2.0

//! A compiler that comes with the source of its standard library.
//!
//! rustup has no standard library for illumos that could be had from a package registry, but
//! Debian has compiler and source as packages. The two have to be of the same version.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::Failure;

/// What to install on Debian 12. `.ci/setup` installs it.
const PACKAGES: &str = "rustc-web cargo-web rust-web-src rust-web-clippy binutils";

const BIN: &str = "/usr/bin";
const SOURCE: &str = "/usr/lib/rustlib/src/rust";
/// What has to be in [`BIN`]. The linker and assembler are those for our executables.
const TOOLS: &[&str] = &["rustc", "cargo", "cargo-clippy", "clippy-driver", "as", "ld"];

/// A compiler.
pub(super) struct Compiler {
    pub(super) version: String,
}

impl Compiler {
    /// The compiler of the system, if all of it is there.
    pub(super) fn find() -> Result<Self, Failure> {
        let missing = |what: &str| {
            Failure::Said(format!(
                "{what}; on Debian 12: apt-get install --no-install-recommends {PACKAGES}"
            ))
        };
        for tool in TOOLS {
            if !Path::new(BIN).join(tool).exists() {
                return Err(missing(&format!("{BIN}/{tool} is missing")));
            }
        }
        let output = Command::new(rustc())
            .arg("-vV")
            .output()
            .map_err(|error| missing(&format!("cannot run {BIN}/rustc: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let release = field("release: ").unwrap_or_default();
        let source = Path::new(SOURCE);
        if !source.join("library/std").is_dir() {
            return Err(missing(&format!("there is no standard library in {SOURCE}")));
        }
        let of = source.canonicalize().unwrap_or_default();
        let of = of.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if of != format!("rustc-{release}") {
            return Err(missing(&format!("the compiler is {release}, the library {of}")));
        }
        Ok(Self { version: text.lines().next().unwrap_or_default().to_owned() })
    }

    /// Its cargo, without what another tool chain has left in the environment.
    pub(super) fn cargo(&self) -> Command {
        let mut cargo = Command::new(Path::new(BIN).join("cargo"));
        for variable in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTUP_TOOLCHAIN",
            "RUSTUP_HOME",
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "LD_LIBRARY_PATH",
        ] {
            cargo.env_remove(variable);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = [PathBuf::from(BIN)].into_iter().chain(std::env::split_paths(&path));
        cargo
            // Its clippy has to come before that of another tool chain.
            .env("PATH", std::env::join_paths(first).unwrap_or(path))
            .env("RUSTC", rustc())
            .env("RUSTDOC", Path::new(BIN).join("rustdoc"))
            // -Zbuild-std passes unstable flags, also to our packages. That they need no
            // unstable feature is what the ordinary build shows.
            .env("RUSTC_BOOTSTRAP", "1");
        cargo
    }
}

fn rustc() -> PathBuf {
    Path::new(BIN).join("rustc")
}
