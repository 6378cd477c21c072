// SPDX-License-Identifier: MIT OR Apache-2.0

//! Calls that fail on purpose, and the files of the link registry.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::lab::{Answer, Call};
use illumos_ipsec::wire::{dld, iptun};
use ipsec_usermode::lab::{Action, Interposer};
use ipsec_usermode::links::{LinkFile, LinkStore};

use super::case::InjectedError;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// An ioctl, of one link or of any.
    Ioctl(u32, Option<u32>),
    /// Opening the door of the link daemon.
    Door,
    /// Opening `/dev/dld`.
    Device,
    /// Writing a file in the link daemon.
    Write,
}

/// A call that fails.
#[derive(Clone, Debug)]
struct Fault {
    what: What,
    errno: Errno,
    /// How many times; none: always.
    left: Option<u32>,
}

/// Calls that fail, as the tap in the server and the registry share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Arc<Mutex<Vec<Fault>>>);

const IOCTLS: &[(&str, u32)] = &[
    ("IPTUN_CREATE", iptun::CREATE),
    ("IPTUN_DELETE", iptun::DELETE),
    ("IPTUN_MODIFY", iptun::MODIFY),
    ("IPTUN_INFO", iptun::INFO),
    ("DLDIOC_ATTR", dld::ATTR),
    ("DLDIOC_RENAME", dld::RENAME),
    ("DLDIOC_SETMACPROP", dld::SETMACPROP),
    ("DLDIOC_GETMACPROP", dld::GETMACPROP),
];

impl Faults {
    pub(super) fn new(injected: &[InjectedError]) -> io::Result<Self> {
        let faults = injected.iter().map(fault).collect::<Option<Vec<_>>>();
        let unknown = || io::Error::other(format!("unknown calls or errors: {injected:?}"));
        Ok(Self(Arc::new(Mutex::new(faults.ok_or_else(unknown)?))))
    }

    /// Is `/dev/dld` closed to the command?
    pub(super) fn device_is_closed(&self) -> bool {
        self.lock().iter().any(|fault| fault.what == What::Device)
    }

    /// The error of a call that happens now, if it is to fail.
    fn of(&self, fits: impl Fn(What) -> bool) -> Option<Errno> {
        let mut faults = self.lock();
        let fault = faults.iter_mut().find(|fault| fits(fault.what) && fault.left != Some(0))?;
        fault.left = fault.left.map(|left| left - 1);
        Some(fault.errno)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().expect("nothing panics with the lock held")
    }
}

fn fault(injected: &InjectedError) -> Option<Fault> {
    let what = match injected.call.split_once(':') {
        Some(("open", "door")) => What::Door,
        Some(("open", "/dev/dld")) => What::Device,
        Some(("open", "w")) => What::Write,
        Some((name, link)) => What::Ioctl(ioctl(name)?, Some(link.parse().ok()?)),
        None => What::Ioctl(ioctl(&injected.call)?, None),
    };
    let errno = (0..=u8::MAX).map(Errno).find(|e| e.name() == Some(&injected.errno))?;
    Some(Fault { what, errno, left: injected.times })
}

fn ioctl(name: &str) -> Option<u32> {
    IOCTLS.iter().find(|(known, _)| *known == name).map(|(_, command)| *command)
}

impl Interposer for Faults {
    fn request(&mut self, _connection: u64, bytes: &[u8]) -> Action {
        let errno = match Call::decode(bytes) {
            Some(Call::Door(_)) => self.of(|what| what == What::Door),
            Some(Call::Ioctl { command, argument }) => {
                let link = argument.get(..4).and_then(|id| id.try_into().ok());
                let link = link.map(u32::from_le_bytes);
                self.of(|what| match what {
                    What::Ioctl(fails, of) => fails == command && (of.is_none() || of == link),
                    _ => false,
                })
            }
            _ => None,
        };
        match errno {
            None => Action::Pass,
            Some(errno) => Action::Reply(Answer { errno, bytes: Vec::new() }.encode()),
        }
    }
}

/// The two files of the registry, in memory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    texts: Arc<Mutex<[Vec<u8>; 2]>>,
    faults: Faults,
}

impl Files {
    pub(super) fn new(persistent: &str, active: &str, faults: Faults) -> Self {
        let texts = [persistent.as_bytes().to_vec(), active.as_bytes().to_vec()];
        Self { texts: Arc::new(Mutex::new(texts)), faults }
    }

    pub(super) fn text(&self, file: LinkFile) -> Vec<u8> {
        self.lock()[slot(file)].clone()
    }

    fn lock(&self) -> MutexGuard<'_, [Vec<u8>; 2]> {
        self.texts.lock().expect("nothing panics with the lock held")
    }
}

fn slot(file: LinkFile) -> usize {
    match file {
        LinkFile::Persistent => 0,
        LinkFile::Active => 1,
    }
}

impl LinkStore for Files {
    fn read(&mut self, file: LinkFile) -> Result<Vec<u8>, Errno> {
        Ok(self.text(file))
    }

    fn write(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        if let Some(errno) = self.faults.of(|what| what == What::Write) {
            return Err(errno);
        }
        self.lock()[slot(file)] = text.to_vec();
        Ok(())
    }
}
