// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `PF_KEY` conversations, each as a test for each kind of kernel.

use system_tests::golden::{kernel, key_kernel};

fn main() {
    kernel::test_both_kinds(&key_kernel::imported(), key_kernel::run);
}
