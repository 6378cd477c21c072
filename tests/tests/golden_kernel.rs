// SPDX-License-Identifier: MIT OR Apache-2.0

//! The recorded `PF_POLICY` conversations, each as a test for each kind of kernel.

use system_tests::golden::kernel;

fn main() {
    kernel::test_both_kinds(&kernel::imported(), kernel::run);
}
