// SPDX-License-Identifier: MIT OR Apache-2.0

//! Back end: a lab, the user-mode kernel and the root of a system in one directory.

mod links;
mod socket;

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::links::{LinkSystem, OpenLinksError};
use super::{MessageSocket, OpenError, clock};
use crate::policy::AlgDb;

/// The file of a lab directory that says what time it is.
pub const LAB_CLOCK: &str = "clock";

/// Names, numbers and key sizes of algorithms.
const ALGORITHMS: &str = "/etc/inet/ipsecalgs";

/// There is no kernel with IPsec interfaces here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKernel {
    /// This is neither illumos nor a lab.
    #[error(
        "this system has no IPsec interface; outside illumos the environment variable \
         IPSEC_LAB must name the directory of a running lab (see ipsec-lab)"
    )]
    NotNamed,
    /// What the environment names is no lab.
    #[error("{} is no lab directory (IPSEC_LAB)", .0.display())]
    NotThere(PathBuf),
}

/// A lab, or a machine without kernel.
#[derive(Clone, Debug)]
pub(super) struct Place {
    lab: Option<PathBuf>,
}

impl Place {
    /// The lab that the environment names.
    pub(super) fn current() -> Self {
        let lab = std::env::var_os("IPSEC_LAB").filter(|dir| !dir.is_empty());
        Self { lab: lab.map(PathBuf::from) }
    }

    pub(super) fn lab(directory: PathBuf) -> Self {
        Self { lab: Some(directory) }
    }

    pub(super) fn check(&self) -> Result<(), NoKernel> {
        match &self.lab {
            Some(lab) if lab.join("root").is_dir() => Ok(()),
            Some(lab) => Err(NoKernel::NotThere(lab.clone())),
            None => Err(NoKernel::NotNamed),
        }
    }

    /// The files of a lab belong to whoever runs it.
    pub(super) fn owner(&self) -> u32 {
        match self.lab {
            Some(_) => nix::unistd::geteuid().as_raw(),
            None => 0,
        }
    }

    pub(super) fn path(&self, system_path: &str) -> PathBuf {
        match &self.lab {
            Some(lab) => under(&lab.join("root"), Path::new(system_path)),
            None => PathBuf::from(system_path),
        }
    }

    pub(super) fn read(&self, system_path: &str) -> io::Result<Vec<u8>> {
        match std::fs::read(self.path(system_path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.lab.is_some() => {
                std::fs::read(system_path)
            }
            result => result,
        }
    }

    pub(super) fn operand(&self, path: &OsStr) -> PathBuf {
        let path = Path::new(path);
        match &self.lab {
            Some(lab) if path.is_absolute() => {
                let inside = under(&lab.join("root"), path);
                if inside.exists() { inside } else { path.to_owned() }
            }
            _ => path.to_owned(),
        }
    }

    pub(super) fn target(&self, path: &OsStr) -> PathBuf {
        let path = Path::new(path);
        match &self.lab {
            Some(lab) if path.is_absolute() => {
                let inside = under(&lab.join("root"), path);
                let has_place = inside.exists() || inside.parent().is_some_and(Path::exists);
                if has_place { inside } else { path.to_owned() }
            }
            _ => path.to_owned(),
        }
    }

    pub(super) fn link_target(&self, text: &Path) -> Option<PathBuf> {
        (self.lab.is_some() && text.is_absolute()).then(|| self.operand(text.as_os_str()))
    }

    /// The table in its file; without one there are no names, only numbers.
    pub(super) fn algorithms(&self) -> (AlgDb, Vec<String>) {
        match self.read(ALGORITHMS) {
            Ok(text) => {
                let (algorithms, complaints) = AlgDb::parse(&text);
                let named = |complaint| format!("{ALGORITHMS}: {complaint}");
                (algorithms, complaints.into_iter().map(named).collect())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.lab {
                Some(_) => (AlgDb::default(), Vec::new()),
                // A machine that is no IPsec system can still check policy for one.
                None => (AlgDb::installed(), Vec::new()),
            },
            Err(error) => (AlgDb::default(), vec![format!("cannot read {ALGORITHMS}: {error}")]),
        }
    }

    pub(super) fn may_configure_ip(&self) -> bool {
        true
    }

    pub(super) fn open_policy(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        socket::open(self.directory()?, "PF_POLICY", "pf_policy")
    }

    pub(super) fn open_key(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        socket::open(self.directory()?, "PF_KEY", "pf_key")
    }

    pub(super) fn open_links(&self) -> Result<Box<dyn LinkSystem>, OpenLinksError> {
        links::open(self.directory()?)
    }

    fn directory(&self) -> Result<&Path, NoKernel> {
        self.lab.as_deref().ok_or(NoKernel::NotNamed)
    }

    pub(super) fn now(&self) -> u64 {
        let said = self.lab.as_ref().and_then(|lab| {
            let text = std::fs::read_to_string(lab.join(LAB_CLOCK)).ok()?;
            text.trim().parse().ok()
        });
        said.unwrap_or_else(clock::now)
    }
}

/// `path` as seen with `root` as root directory; `..` does not leave it.
fn under(root: &Path, path: &Path) -> PathBuf {
    let mut inside = root.to_owned();
    let mut depth = 0;
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                inside.push(name);
                depth += 1;
            }
            Component::ParentDir if depth > 0 => {
                inside.pop();
                depth -= 1;
            }
            _ => {}
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::super::System;
    use super::*;

    #[test]
    fn system_paths_stay_under_the_root_of_the_lab() {
        let system = System::lab("/lab");
        assert_eq!(system.path("/etc/inet/hosts"), Path::new("/lab/root/etc/inet/hosts"));
        assert_eq!(system.path("/../../etc/x"), Path::new("/lab/root/etc/x"));
        assert_eq!(system.path("/a/../../b"), Path::new("/lab/root/b"));
    }

    #[test]
    fn operands_prefer_the_root_of_the_lab_and_fall_back_to_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::lab(dir.path());
        std::fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        std::fs::write(dir.path().join("root/etc/x.conf"), "").unwrap();
        assert_eq!(system.operand(OsStr::new("/etc/x.conf")), dir.path().join("root/etc/x.conf"));
        assert_eq!(system.operand(OsStr::new("/etc/passwd")), Path::new("/etc/passwd"));
        // What is written replaces nothing of the machine if there is a place in the lab.
        assert_eq!(system.target(OsStr::new("/etc/passwd")), dir.path().join("root/etc/passwd"));
        assert_eq!(system.target(OsStr::new("/no/y.conf")), Path::new("/no/y.conf"));
        assert_eq!(system.target(OsStr::new("etc/x.conf")), Path::new("etc/x.conf"));
        assert_eq!(system.operand(OsStr::new("etc/x.conf")), Path::new("etc/x.conf"));
    }
}
