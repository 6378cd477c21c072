// SPDX-License-Identifier: MIT OR Apache-2.0

//! `docs/compatibility.md` against what it names: the tests are there, its tables have the
//! options of the manual pages, and recorded cases show what their rows say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use system_tests::in_repository;
use system_tests::pages::{flags, listed, page, read, section, synopses};

const TOOLS: [&str; 3] = ["ipsecconf", "ipseckey", "dladm"];

fn document() -> String {
    read("docs/compatibility.md")
}

/// The recorded cases of a test, by name.
fn cases(test: &str) -> BTreeMap<String, Value> {
    let file = match test {
        "golden_kernel" => "pf_policy_kernel",
        "golden_key_kernel" => "pf_key_kernel",
        tool => tool.strip_prefix("golden_").expect("a test of recorded cases"),
    };
    let case = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("a case");
        (value["id"].as_str().expect("a name").to_owned(), value)
    };
    read(&format!("tests/golden/{file}.jsonl")).lines().map(case).collect()
}

/// The names of recorded cases that differ by decision.
fn differing(tool: &str) -> BTreeSet<String> {
    let text = read(&format!("tests/golden/{tool}-differs.tsv"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split('\t').next()?.to_owned())).collect()
}

/// What stands between backquotes, line ends as blanks.
fn code(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A name of a test in the page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Test {
    /// The test that replays cases, and the case.
    Recorded(String, String),
    /// The file without `.rs`, and the function.
    Function(String, String),
}

impl Test {
    fn parse(text: &str) -> Option<Self> {
        if let Some((test, case)) = text.split_once(' ').filter(|_| text.starts_with("golden_")) {
            return Some(Self::Recorded(test.to_owned(), case.to_owned()));
        }
        let (file, function) = text.split_once("::").filter(|_| !text.contains(' '))?;
        if file.is_empty() || function.is_empty() {
            return None;
        }
        Some(Self::Function(file.to_owned(), function.to_owned()))
    }
}

/// A case without the kernel that it was replayed on.
fn without_kernel(case: &str) -> &str {
    ["@modified", "@unmodified"].iter().find_map(|end| case.strip_suffix(end)).unwrap_or(case)
}

/// The file of a function: below `tests/tests`, or of the repository.
fn source(file: &str) -> Option<String> {
    let name = format!("{file}.rs");
    let places = [format!("tests/tests/{name}"), name];
    places.into_iter().find(|path| in_repository(path).is_file())
}

#[test]
fn every_test_that_is_named_exists() {
    let text = document();
    let mut recorded: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut missing = Vec::new();
    let mut found = 0;
    for name in code(&text) {
        let there = match Test::parse(&name) {
            Some(Test::Recorded(test, case)) => {
                let cases = recorded.entry(test.clone()).or_insert_with(|| cases(&test));
                cases.contains_key(without_kernel(&case))
            }
            Some(Test::Function(file, function)) => {
                source(&file).is_some_and(|path| read(&path).contains(&format!("fn {function}(")))
            }
            // Another way to name a test would not be looked at, so there is none.
            None => {
                let a_case = name.len() > 4
                    && name.as_bytes()[..3].iter().all(u8::is_ascii_digit)
                    && name.as_bytes()[3] == b'-';
                let a_function = name.contains(".rs: ") || name.starts_with("kernel:");
                let a_file = name.ends_with(".rs") && name.contains('/');
                if !(a_case || a_function || a_file) {
                    continue;
                }
                a_file && in_repository(&name).is_file()
            }
        };
        found += 1;
        if !there {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "no such test: {missing:#?}");
    assert!(found > 400, "only {found}");
}

/// A table: the words of its head, and its rows.
struct Table {
    /// The title of the part of the page.
    part: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_matches('|');
    inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut part = String::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut part);
        }
        match (line.starts_with('|'), open) {
            (true, false) => {
                tables.push(Table { part: part.clone(), head: cells(line), rows: Vec::new() });
            }
            (true, true) if line.starts_with("|---") => {}
            (true, true) => tables.last_mut().expect("a table").rows.push(cells(line)),
            (false, _) => {}
        }
        open = line.starts_with('|');
    }
    tables
}

/// The tables that go option by option, with the tool that they are about.
fn verdicts(text: &str) -> Vec<(&'static str, Table)> {
    let mut found = Vec::new();
    for table in tables(text) {
        if table.head[1..] != ["verdict", "tests"] {
            continue;
        }
        let part = table.part.clone();
        let tool = TOOLS.into_iter().find(|tool| part.starts_with(tool));
        found.push((tool.unwrap_or_else(|| panic!("{part}: what is it about?")), table));
    }
    found
}

/// The options of the first cell of a row, each with its subcommand, if there is one.
fn options(cell: &str) -> BTreeSet<(String, String)> {
    let mut subcommand = String::new();
    let mut found = BTreeSet::new();
    for name in code(cell) {
        for (index, word) in name.split(' ').enumerate() {
            if word.len() > 1 && word.starts_with('-') {
                found.insert((subcommand.clone(), word.to_owned()));
            } else if index == 0 && found.is_empty() {
                word.clone_into(&mut subcommand);
            }
        }
    }
    found
}

/// The options in the tables of options, by tool.
fn option_tables(text: &str) -> BTreeMap<&'static str, BTreeSet<(String, String)>> {
    let mut found: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
    for (tool, table) in verdicts(text) {
        if table.head[0] == "option" {
            let of_table = table.rows.iter().flat_map(|row| options(&row[0]));
            found.entry(tool).or_default().extend(of_table);
        }
    }
    found
}

fn page_of(tool: &str) -> String {
    let name = if tool == "dladm" { "dladm-iptun" } else { tool };
    page(&format!("{name}.8"))
}

#[test]
fn the_tables_have_the_options_of_the_pages() {
    let tables = option_tables(&document());
    assert_eq!(tables.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(TOOLS));
    for (tool, options) in &tables {
        let ours: BTreeSet<String> = options.iter().map(|(_, option)| option.clone()).collect();
        let described = listed(section(&page_of(tool), "DESCRIPTION"));
        assert!(described.len() >= 7, "{tool}: {described:?}");
        let missing: Vec<_> = described.difference(&ours).collect();
        let too_many: Vec<_> = ours.difference(&described).collect();
        assert!(missing.is_empty(), "{tool}: in the page, but in no table: {missing:?}");
        assert!(too_many.is_empty(), "{tool}: in a table, but not in the page: {too_many:?}");
    }
}

/// Subcommands of `dladm`: their letters are those of the synopsis. Long forms are mostly
/// left out there.
#[test]
fn each_subcommand_has_the_options_of_its_synopsis() {
    let mut described = BTreeSet::new();
    for (subcommand, lines) in synopses(&page_of("dladm"), "dladm") {
        let flags = flags(lines.iter().map(String::as_str));
        described.extend(flags.into_iter().map(|flag| (subcommand.clone(), flag)));
    }
    assert!(described.len() > 25, "{described:?}");
    let ours = &option_tables(&document())["dladm"];
    let missing: Vec<_> = described.difference(ours).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let a_letter = |(_, option): &&(String, String)| !option.starts_with("--");
    let too_many: Vec<_> = ours.difference(&described).filter(a_letter).collect();
    assert!(too_many.is_empty(), "not in the synopsis: {too_many:?}");
}

/// The first words of the items of lists in a page: `Cm src , saddr Ar address`.
fn keywords<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let items = lines.filter_map(|line| line.strip_prefix(".It Cm "));
    let words = items.flat_map(|item| item.split(" , ")).filter_map(|part| {
        let word = part.trim_start_matches("Cm ").split(' ').next()?;
        Some(word.trim_start_matches("\\&").to_owned())
    });
    words.collect()
}

#[test]
fn the_tables_have_the_keywords_of_the_pages() {
    let parts = [
        ("ipsecconf", "POLICY LANGUAGE", 30),
        ("ipseckey", "COMMANDS", 10),
        ("ipseckey", "KEYWORDS", 50),
        ("dladm", "DESCRIPTION", 10),
    ];
    let text = document();
    for (tool, title, at_least) in parts {
        let page = keywords(section(&page_of(tool), title));
        assert!(page.len() >= at_least, "{tool}: {page:?}");
        let tables = verdicts(&text).into_iter().filter(|(about, _)| *about == tool);
        let rows = tables.flat_map(|(_, table)| table.rows).map(|row| code(&row[0]).collect());
        let ours: BTreeSet<String> = rows
            .flat_map(|names: Vec<String>| names)
            .flat_map(|name| name.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let missing: Vec<_> = page.difference(&ours).collect();
        assert!(missing.is_empty(), "{tool}: in the page, but in no table: {missing:?}");
    }
}

/// The commands of a case, without the name of the program.
fn commands(case: &Value) -> Vec<Vec<String>> {
    let words = |list: &Value, skip: usize| -> Vec<String> {
        let words = list.as_array().into_iter().flatten().skip(skip);
        words.filter_map(|word| Some(word.as_str()?.to_owned())).collect()
    };
    let Some(steps) = case["steps"].as_array() else { return vec![words(&case["argv"], 1)] };
    let step = |step: &Value| match step["argv"].is_array() {
        true => words(&step["argv"], 1),
        false => words(&step["args"], 0),
    };
    steps.iter().map(step).collect()
}

/// Did the original die?
fn died(case: &Value) -> bool {
    case["steps"].as_array().into_iter().flatten().any(|step| step["exit"].is_null())
}

/// Does a command use an option? Letters may stand in a group, with or without a value;
/// names may be shortened.
fn uses(command: &[String], (subcommand, option): &(String, String)) -> bool {
    if !subcommand.is_empty() && command.first() != Some(subcommand) {
        return false;
    }
    command.iter().any(|word| match (option.strip_prefix("--"), word.strip_prefix("--")) {
        (Some(option), Some(word)) => {
            let word = word.split('=').next().unwrap_or_default();
            !word.is_empty() && option.starts_with(word)
        }
        (None, None) => word.starts_with('-') && word[1..].contains(&option[1..]),
        _ => false,
    })
}

/// Titles as addresses in the page.
fn anchors(text: &str) -> BTreeSet<String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |title: &str| -> String {
        let lower = title.trim_start_matches('#').trim().to_lowercase();
        let kept = lower.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(|title| format!("#{}", anchor(title))).collect()
}

/// What is wrong with a verdict, if anything: `same`, `extension`, or
/// `decision ([D4](#decisions))`.
fn bad_verdict(text: &str, verdict: &str) -> Option<String> {
    if ["same", "extension"].contains(&verdict) {
        return None;
    }
    let link = verdict.strip_prefix("decision ([").and_then(|rest| rest.strip_suffix("))"));
    let Some((why, anchor)) = link.and_then(|link| link.split_once("](")) else {
        return Some("is none".to_owned());
    };
    let a_number = why.len() == 2 && why.starts_with('D');
    if a_number && !text.lines().any(|line| line.starts_with(&format!("| {why} |"))) {
        return Some(format!("there is no {why}"));
    }
    (!anchors(text).contains(anchor)).then(|| format!("leads to {anchor}, which is not there"))
}

#[test]
fn every_row_has_a_verdict_and_tests_that_bear_it_out() {
    let text = document();
    let mut problems = Vec::new();
    let tables = verdicts(&text);
    assert!(tables.len() >= 10, "only {}", tables.len());
    for (tool, table) in tables {
        let (recorded, differing) = (cases(&format!("golden_{tool}")), differing(tool));
        for row in &table.rows {
            let [what, verdict, tests] = row.as_slice() else { panic!("{tool}: {row:?}") };
            let mut object = |problem: &str| problems.push(format!("{tool}: {what}: {problem}"));
            if let Some(problem) = bad_verdict(&text, verdict) {
                object(&format!("{verdict:?} {problem}"));
            }
            let names: Vec<Test> = code(tests).filter_map(|name| Test::parse(&name)).collect();
            if names.is_empty() || names.len() != code(tests).count() {
                object("something in the last cell is no test, or nothing is there");
            }
            let options = options(what);
            let mut shown = false;
            for name in &names {
                let Test::Recorded(test, case) = name else {
                    shown = true;
                    continue;
                };
                if *test != format!("golden_{tool}") {
                    object(&format!("{test} is about something else"));
                    continue;
                }
                let differs = differing.contains(case);
                if verdict == "same" && differs {
                    object(&format!("{case} differs"));
                }
                let Some(value) = recorded.get(without_kernel(case)) else { continue };
                shown |= differs || died(value);
                let commands = commands(value);
                let used = |option| commands.iter().any(|command| uses(command, option));
                if table.head[0] == "option" && !options.iter().any(used) {
                    object(&format!("{case} does not use it"));
                }
            }
            // A case that comes out the same shows no difference.
            if verdict.starts_with("decision") && !shown {
                object("no test shows the difference");
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn what_the_threat_model_names_exists() {
    let text = read("docs/threat-model.md");
    let paths: Vec<_> = code(&text).filter(|name| name.contains("tests/")).collect();
    assert!(paths.len() >= 8, "{paths:?}");
    let gone: Vec<_> = paths.iter().filter(|path| !in_repository(path).exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn cases_that_are_listed_as_different_exist() {
    for tool in TOOLS {
        let cases = cases(&format!("golden_{tool}"));
        let differing = differing(tool);
        assert!(!differing.is_empty(), "{tool}");
        let missing: Vec<_> =
            differing.iter().filter(|case| !cases.contains_key(without_kernel(case))).collect();
        assert!(missing.is_empty(), "{tool}: {missing:?}");
    }
}

#[test]
fn the_numbers_of_cases_are_right() {
    let text = document().split_whitespace().collect::<Vec<_>>().join(" ");
    for tool in TOOLS {
        let (all, differ) = (cases(&format!("golden_{tool}")).len(), differing(tool).len());
        let same = all - differ;
        let all = format!("{all} cases were recorded from the original program");
        assert!(text.contains(&all), "{tool}: {all}");
        if tool != "dladm" {
            let same = format!("{same} of them come out the same. The other {differ} are");
            assert!(text.contains(&same), "{tool}: {same}");
        }
    }
}
