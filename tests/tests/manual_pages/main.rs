// SPDX-License-Identifier: MIT OR Apache-2.0

//! The manual pages against what they describe: examples are run and show what the page
//! shows, options are those that the commands take, numbers are those of the protocol,
//! and the C client of pf_policy(4P) is compiled and used. The guides for operators are run
//! in the same way.

mod client;
mod examples;
mod guides;
mod numbers;
mod options;

use system_tests::pages::{page, section};

/// The literal blocks among the examples of a page, as a reader sees them.
fn examples(name: &str) -> Vec<String> {
    let page = page(name);
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in section(&page, "EXAMPLES") {
        match &mut open {
            None if line.starts_with(".Bd -literal") => open = Some(String::new()),
            None => {}
            Some(_) if line == ".Ed" => blocks.extend(open.take()),
            Some(block) => {
                let line = line.strip_prefix("\\&").unwrap_or(line);
                block.push_str(&line.replace("\\(aq", "'").replace("\\e", "\\"));
                block.push('\n');
            }
        }
    }
    assert!(open.is_none(), "{name}: a block without an end");
    blocks
}
