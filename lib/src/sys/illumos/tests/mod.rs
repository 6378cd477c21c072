// SPDX-License-Identifier: MIT OR Apache-2.0

//! The back end with other calls behind its traits.
//!
//! | module | what is behind the traits |
//! |---|---|
//! | `script` | a script: each call and each byte is looked at |
//! | `kernel` | the user-mode kernel: clients and back end together |
//! | `services` | name services and statistics from tables |

mod door;
#[cfg(not(target_os = "illumos"))]
mod end_to_end;
#[cfg(not(target_os = "illumos"))]
mod kernel;
mod layout;
mod links;
mod names;
mod script;
mod services;
mod socket;
mod statistics;
