// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lists of this repository, and the example in their README.

mod common;

use std::path::Path;

use common::Gate;
use gate_edit::list;

const README: &str = include_str!("../../illumos/edits/README.md");

const KETTLE: &str = "\
#include <sys/types.h>
#include <sys/kettle_impl.h>

int
kettle_boil(kettle_t *kp, int temp)
{
	if (temp >= KETTLE_MAX)
		return (EINVAL);
	return (kettle_heat(kp, temp));
}
";

const KETTLE_EDITED: &str = "\
#include <sys/types.h>
#include <sys/kettle_impl.h>
#include <sys/ours.h>

int
kettle_boil(kettle_t *kp, int temp)
{
	if (temp >= ours_limit(kp))
		return (EINVAL);
	if (ours_lid_is_open(kp))
		return (EBUSY);
	return (kettle_heat(kp, temp));
}
";

const HEADER: &str = "typedef struct kettle {\n\tint\tk_temp;\n} kettle_t;\n";
const TEAPOT: &str =
    "void\nteapot_pour(tp)\n\tteapot_t *tp;\n{\n\tteapot_tilt(tp,\n\t    90);\n\tdone();\n}\n";

#[test]
fn the_example_works() {
    let list = README.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let gate = Gate::new(list.expect("an example"));
    gate.put("gate/usr/src/uts/common/io/kettle.c", KETTLE);
    gate.put("gate/usr/src/uts/common/sys/kettle_impl.h", HEADER);
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.ends_with("    teapots are from April 2024\n"), "{}", said.err);
    assert_eq!(gate.text("gate/usr/src/uts/common/io/kettle.c"), KETTLE_EDITED);
    let header = HEADER.replace("}", "\tstruct ours\t*k_ours;\n}");
    assert_eq!(gate.text("gate/usr/src/uts/common/sys/kettle_impl.h"), header);
    assert_eq!(gate.run(&["--revert"]).code, Some(0));

    gate.put("gate/usr/src/uts/common/io/teapot.c", TEAPOT);
    assert_eq!(gate.run(&[]).code, Some(0));
    let teapot = TEAPOT.replace("90);\n", "90);\n\tours_count(tp);\n");
    assert_eq!(gate.text("gate/usr/src/uts/common/io/teapot.c"), teapot);
}

#[test]
fn the_lists_of_this_repository_can_be_read() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../illumos/edits");
    if let Err(problems) = list::read(&directory) {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"));
    }
}
