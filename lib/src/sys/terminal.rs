// SPDX-License-Identifier: MIT OR Apache-2.0

//! The terminal behind standard output.

use libc::winsize;

nix::ioctl_read_bad!(get_window_size, libc::TIOCGWINSZ, winsize);

/// Rows of its window; `None` if it is no terminal or does not know.
#[must_use]
#[allow(unsafe_code, reason = "the size of a window is asked for with an ioctl")]
pub fn window_rows() -> Option<usize> {
    let mut size = winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one `winsize` to where `size` is.
    let outcome = unsafe { get_window_size(libc::STDOUT_FILENO, &raw mut size) };
    outcome.ok().map(|_| usize::from(size.ws_row)).filter(|rows| *rows > 0)
}
