// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system a command works on: where its files are and how its kernel is reached.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::links::{LinkClient, OpenLinksError};
use super::{MessageSocket, OpenError};

/// The file of a lab directory that says what time it is.
pub const LAB_CLOCK: &str = "clock";

/// The system a command works on.
#[derive(Clone, Debug)]
pub struct System {
    /// The lab's directory; none on illumos.
    lab: Option<PathBuf>,
}

/// There is no kernel with IPsec interfaces here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLab {
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

impl System {
    /// The system this process runs on.
    #[must_use]
    pub fn current() -> Self {
        #[cfg(not(target_os = "illumos"))]
        let lab = super::usermode::directory();
        #[cfg(target_os = "illumos")]
        let lab = None;
        Self { lab }
    }

    /// The lab in a directory.
    #[cfg(not(target_os = "illumos"))]
    #[must_use]
    pub fn lab(directory: impl Into<PathBuf>) -> Self {
        Self { lab: Some(directory.into()) }
    }

    /// Is this a lab, not a machine of its own?
    #[must_use]
    pub fn is_lab(&self) -> bool {
        self.lab.is_some()
    }

    /// Is there a system to work on: illumos, or the directory of a lab?
    pub fn check(&self) -> Result<(), NoLab> {
        match &self.lab {
            Some(lab) if lab.join("root").is_dir() => Ok(()),
            Some(lab) => Err(NoLab::NotThere(lab.clone())),
            None if self.has_kernel() => Ok(()),
            None => Err(NoLab::NotNamed),
        }
    }

    /// Can there be a kernel with IPsec interfaces? Outside illumos only in a lab.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        cfg!(target_os = "illumos") || self.is_lab()
    }

    /// Where a file that the commands keep is: `/var/run/...` of this system.
    #[must_use]
    pub fn path(&self, system_path: &str) -> PathBuf {
        match &self.lab {
            Some(lab) => under(&lab.join("root"), Path::new(system_path)),
            None => PathBuf::from(system_path),
        }
    }

    /// Reads a file of the system. A lab uses the machine's file where it has none.
    pub fn read(&self, system_path: &str) -> io::Result<Vec<u8>> {
        match std::fs::read(self.path(system_path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_lab() => {
                std::fs::read(system_path)
            }
            result => result,
        }
    }

    /// Where a file named on the command line is. In a lab an absolute path is
    /// looked up under its root first.
    #[must_use]
    pub fn operand(&self, path: &OsStr) -> PathBuf {
        let path = Path::new(path);
        match &self.lab {
            Some(lab) if path.is_absolute() => {
                let inside = under(&lab.join("root"), path);
                if inside.exists() { inside } else { path.to_owned() }
            }
            _ => path.to_owned(),
        }
    }

    /// Opens a `PF_POLICY` connection.
    pub fn open_policy(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        self.open("PF_POLICY", "pf_policy")
    }

    /// Opens a `PF_KEY` connection. What it has received is wiped.
    pub fn open_key(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        self.open("PF_KEY", "pf_key")
    }

    fn open(
        &self,
        interface: &'static str,
        socket: &str,
    ) -> Result<Box<dyn MessageSocket>, OpenError> {
        #[cfg(not(target_os = "illumos"))]
        match &self.lab {
            Some(lab) => super::usermode::open(lab, interface, socket),
            None => Err(NoLab::NotNamed.into()),
        }
        #[cfg(target_os = "illumos")]
        {
            let _ = (interface, socket);
            Err(NoLab::NotNamed.into())
        }
    }

    /// Seconds since 1970. In a lab, the time that a file of its directory says, if there
    /// is one.
    #[must_use]
    pub fn now(&self) -> u64 {
        let said = self.lab.as_ref().and_then(|lab| {
            let text = std::fs::read_to_string(lab.join(LAB_CLOCK)).ok()?;
            text.trim().parse().ok()
        });
        said.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        })
    }

    /// Opens `/dev/dld`.
    pub fn open_links(&self) -> Result<LinkClient, OpenLinksError> {
        #[cfg(not(target_os = "illumos"))]
        match &self.lab {
            Some(lab) => super::links::open(lab).map(LinkClient::new),
            None => Err(NoLab::NotNamed.into()),
        }
        #[cfg(target_os = "illumos")]
        Err(NoLab::NotNamed.into())
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

#[cfg(all(test, not(target_os = "illumos")))]
mod tests {
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
        assert_eq!(system.operand(OsStr::new("/etc/y.conf")), Path::new("/etc/y.conf"));
        assert_eq!(system.operand(OsStr::new("etc/x.conf")), Path::new("etc/x.conf"));
    }
}
