// SPDX-License-Identifier: MIT OR Apache-2.0

//! Runs the fuzz targets over the inputs that are kept with them: seeds, and what
//! once made one of them fail.

use std::fs;

use system_tests::fuzz_targets::TARGETS;
use system_tests::in_repository;

#[test]
fn kept_inputs_pass() {
    let corpus = in_repository("fuzz/corpus");
    for (name, target) in TARGETS {
        let dir = corpus.join(name);
        let entries = fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(paths.len() >= 20, "{} has {} inputs", dir.display(), paths.len());
        for path in paths {
            // Shown only if the target fails.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}
