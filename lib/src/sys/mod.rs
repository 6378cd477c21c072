// SPDX-License-Identifier: MIT OR Apache-2.0

//! Access to the system: kernel interfaces, name services, protected files.
