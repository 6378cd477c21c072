// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why a call about links fails, in the words that illumos has for it.

use crate::wire::errno::Errno;

macro_rules! statuses {
    ($($name:ident = $number:literal $text:literal;)*) => {
        /// A failure. Numbers and texts are those of `dladm_status_t`; scripts know them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum LinkStatus {
            $(#[doc = concat!($text, ".")] #[error($text)] $name,)*
        }

        impl LinkStatus {
            /// Every status that is used here.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number.
            #[must_use]
            pub fn number(self) -> u32 {
                match self { $(Self::$name => $number,)* }
            }
        }
    };
}

statuses! {
    BadArgument = 1 "invalid argument";
    Failed = 2 "operation failed";
    TooSmall = 3 "buffer size too small";
    NotSupported = 4 "operation not supported";
    NotFound = 5 "object not found";
    BadValue = 6 "invalid value";
    NoMemory = 7 "insufficient memory";
    Exists = 8 "object already exists";
    LinkInvalid = 9 "invalid link";
    ReadOnly = 10 "read-only property";
    BadValueCount = 11 "invalid number of values";
    Denied = 13 "permission denied";
    IoError = 14 "I/O error";
    TemporaryOnly = 15 "change cannot be persistent";
    Busy = 24 "link busy";
    NoNotification = 26 "link notification is not supported";
    TryAgain = 27 "try again later";
    TunnelType = 28 "invalid IP tunnel type";
    TunnelTypeRequired = 29 "IP tunnel type required";
    BadLocal = 30 "invalid local IP tunnel address";
    BadRemote = 31 "invalid remote IP tunnel address";
    AddressInUse = 32 "address already in use";
    AddressNotAvailable = 87 "can't assign requested address";
}

impl From<Errno> for LinkStatus {
    /// Source: `spec/dladm-iptun.md` section 1.3.
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EINVAL => Self::BadArgument,
            Errno::EEXIST => Self::Exists,
            Errno::ENOENT => Self::NotFound,
            Errno::ENOSPC => Self::TooSmall,
            Errno::ENOMEM => Self::NoMemory,
            Errno::ENOTSUP => Self::NotSupported,
            Errno::ENETDOWN => Self::NoNotification,
            Errno::EPERM | Errno::EACCES => Self::Denied,
            Errno::EIO => Self::IoError,
            Errno::EBUSY => Self::Busy,
            Errno::EAGAIN => Self::TryAgain,
            Errno::EADDRINUSE => Self::AddressInUse,
            Errno::EADDRNOTAVAIL => Self::AddressNotAvailable,
            _ => Self::Failed,
        }
    }
}
