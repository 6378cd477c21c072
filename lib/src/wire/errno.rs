// SPDX-License-Identifier: MIT OR Apache-2.0

//! illumos error numbers.
//!
//! They travel inside messages, so they are illumos numbers on every machine.
//! Source: `spec/pf_policy.md` section 1 and illumos `sys/errno.h`.

use std::fmt;

/// An illumos `errno` value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub u8);

macro_rules! errnos {
    ($($name:ident = $number:literal $text:literal;)*) => {
        impl Errno {
            $(#[doc = concat!(stringify!($name), ": ", $text, ".")] pub const $name: Self = Self($number);)*

            /// The symbolic name, where it is known here.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(stringify!($name)),)* _ => None }
            }

            /// A short description, where it is known here.
            #[must_use]
            pub fn text(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

errnos! {
    EPERM = 1 "operation not permitted";
    ENOENT = 2 "no such object";
    ESRCH = 3 "nothing matches";
    EINTR = 4 "interrupted";
    EIO = 5 "input or output error";
    ENXIO = 6 "no such device or address";
    EBADF = 9 "bad descriptor";
    EAGAIN = 11 "changed meanwhile or temporarily unavailable";
    ENOMEM = 12 "not enough memory";
    EACCES = 13 "access denied";
    EFAULT = 14 "bad address";
    EBUSY = 16 "busy";
    EEXIST = 17 "already exists";
    ENODEV = 19 "no such device";
    EINVAL = 22 "invalid argument";
    ENOSPC = 28 "no space left";
    EROFS = 30 "read-only file system";
    ENOTSUP = 48 "not supported";
    ENOTEMPTY = 93 "not empty";
    EMSGSIZE = 97 "message size is wrong";
    EPROTOTYPE = 98 "protocol wrong for the type";
    EPROTONOSUPPORT = 120 "protocol not supported";
    EOPNOTSUPP = 122 "operation not supported";
    EAFNOSUPPORT = 124 "address family not supported";
    EADDRINUSE = 125 "address already in use";
    EADDRNOTAVAIL = 126 "address not available";
    ENETDOWN = 127 "network is down";
    ENOBUFS = 132 "no buffer space";
    ETIMEDOUT = 145 "timed out";
    ECONNREFUSED = 146 "connection refused";
    EALREADY = 149 "already in progress";
}

impl Errno {
    /// Success.
    pub const OK: Self = Self(0);
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text(), self.name()) {
            (Some(text), Some(name)) => write!(f, "{text} ({name})"),
            _ => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}
