// SPDX-License-Identifier: MIT OR Apache-2.0

//! Structures and numbers of the illumos AMD64 ABI that cross the border to C.
//!
//! What travels inside messages and ioctls is written byte by byte in [`crate::wire`] and
//! needs no structure. Here is the rest: arguments of library calls.
//!
//! Each size and offset is checked when this is compiled, for whatever target, against
//! numbers from measurements (`iptun_layout.json`, `pf_key_layout.json`) or from the
//! declarations in `sys/door.h`, `netdb.h` and `sys/kstat.h`. On illumos they are checked
//! against `libc` as well.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint};
use std::mem::{offset_of, size_of};

/// Checks size, alignment and offsets of a structure.
macro_rules! layout {
    ($name:ty, $size:literal, align $align:literal, { $($field:ident at $offset:literal,)* }) => {
        const _: () = {
            assert!(size_of::<$name>() == $size);
            assert!(align_of::<$name>() == $align);
            $(assert!(offset_of!($name, $field) == $offset);)*
        };
    };
}

/// Address family and protocol family of `PF_KEY` sockets.
pub(super) const PF_KEY: c_int = 27;
/// Address family and protocol family of `PF_POLICY` sockets.
pub(super) const PF_POLICY: c_int = 29;
/// The protocol of `PF_KEY` sockets, `PF_KEY_V2`.
pub(super) const PF_KEY_V2: c_int = 2;
/// The protocol of `PF_POLICY` sockets, `PF_POLICY_V1`.
pub(super) const PF_POLICY_V1: c_int = 1;
/// The type of both.
pub(super) const SOCK_RAW: c_int = 4;
/// Flag of a socket's type: it is not passed on to other programs.
pub(super) const SOCK_CLOEXEC: c_int = 0x8_0000;

/// Flag of `open`: read only.
pub(super) const O_RDONLY: c_int = 0;
/// Flag of `open`: read and write.
pub(super) const O_RDWR: c_int = 2;
/// Flag of `open`: the descriptor is not passed on to other programs.
pub(super) const O_CLOEXEC: c_int = 0x80_0000;

/// Address family of IPv4.
pub(super) const AF_INET: c_int = 2;
/// Address family of IPv6.
pub(super) const AF_INET6: c_int = 26;

/// Flag of `getipnodebyname`: IPv4 addresses in IPv6 form.
pub(super) const AI_V4MAPPED: c_int = 1;
/// Flag of `getipnodebyname`: IPv4 addresses also where there are IPv6 addresses.
pub(super) const AI_ALL: c_int = 2;
/// Flag of `getipnodebyname`: only families of which this host has an address.
pub(super) const AI_ADDRCONFIG: c_int = 4;

/// The device behind which the link drivers are.
pub(super) const DLD_CONTROL_DEV: &CStr = c"/dev/dld";

/// An attribute of [`DoorDesc`]: it is a descriptor of this process.
pub(super) const DOOR_DESCRIPTOR: c_uint = 0x1_0000;

/// The argument block of a door call (`door_arg_t`). In: request and room for the answer;
/// out: where the answer is.
#[repr(C)]
#[derive(Debug)]
pub(super) struct DoorArg {
    pub(super) data_ptr: *mut u8,
    pub(super) data_size: usize,
    pub(super) desc_ptr: *mut DoorDesc,
    pub(super) desc_num: c_uint,
    pub(super) rbuf: *mut u8,
    pub(super) rsize: usize,
}

layout!(DoorArg, 48, align 8, {
    data_ptr at 0, data_size at 8, desc_ptr at 16, desc_num at 24, rbuf at 32, rsize at 40,
});

/// A descriptor that travels with a door call (`door_desc_t`); the header packs it.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Debug)]
pub(super) struct DoorDesc {
    pub(super) attributes: c_uint,
    pub(super) descriptor: c_int,
    pub(super) id: u64,
    pub(super) reserved: [c_int; 2],
}

layout!(DoorDesc, 24, align 4, { attributes at 0, descriptor at 4, id at 8, reserved at 16, });

/// A host (`struct hostent`).
#[repr(C)]
#[derive(Debug)]
pub(super) struct HostEnt {
    pub(super) h_name: *mut c_char,
    pub(super) h_aliases: *mut *mut c_char,
    pub(super) h_addrtype: c_int,
    pub(super) h_length: c_int,
    pub(super) h_addr_list: *mut *mut c_char,
}

layout!(HostEnt, 32, align 8, {
    h_name at 0, h_aliases at 8, h_addrtype at 16, h_length at 20, h_addr_list at 24,
});

/// A network (`struct netent`).
#[repr(C)]
#[derive(Debug)]
pub(super) struct NetEnt {
    pub(super) n_name: *mut c_char,
    pub(super) n_aliases: *mut *mut c_char,
    pub(super) n_addrtype: c_int,
    /// In host order; a short number (`10.1`) is not shifted to the left.
    pub(super) n_net: u32,
}

layout!(NetEnt, 24, align 8, { n_name at 0, n_aliases at 8, n_addrtype at 16, n_net at 20, });

/// A service (`struct servent`).
#[repr(C)]
#[derive(Debug)]
pub(super) struct ServEnt {
    pub(super) s_name: *mut c_char,
    pub(super) s_aliases: *mut *mut c_char,
    /// The port in network order.
    pub(super) s_port: c_int,
    pub(super) s_proto: *mut c_char,
}

layout!(ServEnt, 32, align 8, { s_name at 0, s_aliases at 8, s_port at 16, s_proto at 24, });

/// A protocol (`struct protoent`).
#[repr(C)]
#[derive(Debug)]
pub(super) struct ProtoEnt {
    pub(super) p_name: *mut c_char,
    pub(super) p_aliases: *mut *mut c_char,
    pub(super) p_proto: c_int,
}

layout!(ProtoEnt, 24, align 8, { p_name at 0, p_aliases at 8, p_proto at 16, });

/// An algorithm (`ipsecalgent_t`). Lists of numbers end with a zero.
#[repr(C)]
#[derive(Debug)]
pub(super) struct IpsecAlgEnt {
    pub(super) a_names: *mut *mut c_char,
    pub(super) a_proto_num: c_int,
    pub(super) a_alg_num: c_int,
    pub(super) a_mech_name: *mut c_char,
    pub(super) a_block_sizes: *mut c_int,
    /// With an increment: default, smallest, largest; without: each size.
    pub(super) a_key_sizes: *mut c_int,
    pub(super) a_key_increment: c_int,
    pub(super) a_mech_params: *mut c_int,
    pub(super) a_alg_flags: c_int,
}

layout!(IpsecAlgEnt, 64, align 8, {
    a_names at 0, a_proto_num at 8, a_alg_num at 12, a_mech_name at 16, a_block_sizes at 24,
    a_key_sizes at 32, a_key_increment at 40, a_mech_params at 48, a_alg_flags at 56,
});

/// `KSTAT_DATA_INT32` ... `KSTAT_DATA_UINT64`: types of a statistic.
pub(super) const KSTAT_DATA_INT32: c_uchar = 1;
pub(super) const KSTAT_DATA_UINT32: c_uchar = 2;
pub(super) const KSTAT_DATA_INT64: c_uchar = 3;
pub(super) const KSTAT_DATA_UINT64: c_uchar = 4;

/// A named statistic (`kstat_named_t`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct KstatNamed {
    pub(super) name: [c_char; 31],
    pub(super) data_type: c_uchar,
    /// A union. A number is at its beginning; its size depends on the type.
    pub(super) value: [u64; 2],
}

layout!(KstatNamed, 48, align 8, { name at 0, data_type at 31, value at 32, });

/// A handle of the kernel statistics (`kstat_ctl_t`); only libkstat looks inside.
#[repr(C)]
#[derive(Debug)]
pub(super) struct KstatCtl {
    _opaque: [u8; 0],
}

/// The statistics of one thing (`kstat_t`); only libkstat looks inside.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Kstat {
    _opaque: [u8; 0],
}

/// The same numbers as a second source has them, and structures of its own that are used
/// by others in this process (locks, terminals).
#[cfg(target_os = "illumos")]
mod libc_agrees {
    use super::*;
    use crate::wire::errno::Errno;

    const _: () = {
        assert!(libc::PF_KEY == PF_KEY);
        assert!(libc::PF_POLICY == PF_POLICY);
        assert!(libc::SOCK_RAW == SOCK_RAW);
        assert!(libc::SOCK_CLOEXEC == SOCK_CLOEXEC);
        assert!(libc::O_RDONLY == O_RDONLY);
        assert!(libc::O_RDWR == O_RDWR);
        assert!(libc::O_CLOEXEC == O_CLOEXEC);
        assert!(libc::AF_INET == AF_INET);
        assert!(libc::AF_INET6 == AF_INET6);
        assert!(size_of::<libc::hostent>() == size_of::<HostEnt>());
        assert!(size_of::<libc::servent>() == size_of::<ServEnt>());
        assert!(size_of::<libc::protoent>() == size_of::<ProtoEnt>());
        // Argument of an ioctl, passed as it is: the window of a terminal.
        assert!(libc::TIOCGWINSZ == 0x5468);
        assert!(size_of::<libc::winsize>() == 8);
        assert!(size_of::<libc::pollfd>() == 8);
        // A request number is a signed 32-bit number.
        assert!(size_of::<c_int>() == 4 && size_of::<usize>() == 8);
    };

    layout!(libc::sockaddr_in, 16, align 4, {
        sin_family at 0, sin_port at 2, sin_addr at 4, sin_zero at 8,
    });
    layout!(libc::sockaddr_in6, 32, align 4, {
        sin6_family at 0, sin6_port at 2, sin6_flowinfo at 4, sin6_addr at 8,
        sin6_scope_id at 24, __sin6_src_id at 28,
    });
    const _: () = assert!(size_of::<libc::sockaddr_storage>() == 256);
    layout!(libc::flock, 64, align 8, {
        l_type at 0, l_whence at 2, l_start at 8, l_len at 16, l_sysid at 24, l_pid at 28,
        l_pad at 32,
    });

    macro_rules! errnos {
        ($($name:ident)*) => {
            $(const _: () = assert!(libc::$name == Errno::$name.0 as c_int);)*
        };
    }
    errnos!(
        EPERM ENOENT ESRCH EINTR EIO ENXIO EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV
        EINVAL ENOSPC EROFS ENOTSUP ENOTEMPTY EMSGSIZE EPROTOTYPE EPROTONOSUPPORT EOPNOTSUPP
        EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENOBUFS ETIMEDOUT ECONNREFUSED EALREADY
    );
}
