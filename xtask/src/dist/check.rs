// SPDX-License-Identifier: MIT OR Apache-2.0

//! Do the package manifests and the proto area fit together?

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, parse};
use super::proto::{Entry, Proto};

/// A manifest: its name for messages, and its text.
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) text: String,
}

/// Kinds of actions, and attributes that they must have.
const KINDS: &[(&str, &[&str])] = &[
    ("set", &["name", "value"]),
    ("dir", &["path", "mode", "owner", "group"]),
    ("file", &["path", "mode", "owner", "group"]),
    ("link", &["path", "target"]),
    ("hardlink", &["path", "target"]),
    ("depend", &["type", "fmri"]),
    ("license", &["license"]),
];

/// Attributes that an action may have besides.
const OPTIONAL: &[&str] =
    &["restart_fmri", "preserve", "mediator", "mediator-implementation", "mediator-priority"];

/// Everything that is wrong, as `MANIFEST:LINE: WHAT`. `payload` knows the files of the
/// repository.
pub(super) fn check(
    manifests: &[Manifest],
    proto: &Proto,
    payload: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut all: Vec<(&str, Action)> = Vec::new();
    for Manifest { name, text } in manifests {
        let (actions, wrong) = parse(text);
        problems.extend(wrong.into_iter().map(|(line, what)| format!("{name}:{line}: {what}")));
        if !actions.iter().any(|a| a.kind == "set" && a.get("name") == Some("pkg.fmri")) {
            problems.push(format!("{name}:1: no action sets pkg.fmri"));
        }
        all.extend(actions.into_iter().map(|action| (&**name, action)));
    }
    // Paths that exist after an installation.
    let mut delivered = BTreeMap::new();
    for (name, action) in &all {
        let here = format!("{name}:{}", action.line);
        problems.extend(form(action).into_iter().map(|what| format!("{here}: {what}")));
        if let Some(path) = action.get("path")
            && let Some(first) = delivered.insert(path, here.clone())
        {
            problems.push(format!("{here}: {path} is delivered already by {first}"));
        }
    }
    let paths: BTreeSet<&str> = delivered.keys().copied().collect();
    for (name, action) in &all {
        if let Some(what) = fits(action, proto, &paths, &payload) {
            problems.push(format!("{name}:{}: {what}", action.line));
        }
    }
    let packaged = |path: &str| {
        all.iter().any(|(_, action)| {
            matches!(&*action.kind, "file" | "hardlink") && action.get("path") == Some(path)
        })
    };
    for (path, entry) in proto {
        if matches!(entry, Entry::File { .. }) && !packaged(path) {
            problems.push(format!("{path} is in no manifest"));
        }
    }
    problems
}

/// What is wrong with an action by itself.
fn form(action: &Action) -> Vec<String> {
    let mut problems = Vec::new();
    let Some((_, required)) = KINDS.iter().find(|(kind, _)| *kind == action.kind) else {
        let known: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return vec![format!("action '{}' is unknown; expected {}", action.kind, known.join(", "))];
    };
    for name in *required {
        if action.get(name).is_none() {
            problems.push(format!("{} has no {name}", action.kind));
        }
    }
    for (name, value) in &action.attributes {
        match &**name {
            "path" if !is_path(value) => {
                problems
                    .push(format!("path is '{value}'; expected one without / at the ends or .."));
            }
            "mode" if mode(value).is_none() => {
                problems.push(format!("mode is '{value}'; expected four octal digits"));
            }
            "restart_fmri" if !value.starts_with("svc:/") => {
                problems.push(format!("restart_fmri is '{value}'; expected svc:/..."));
            }
            "fmri" if !value.starts_with("pkg:/") => {
                problems.push(format!("fmri is '{value}'; expected pkg:/..."));
            }
            name if required.contains(&name) || OPTIONAL.contains(&name) => {}
            name => problems.push(format!("attribute '{name}' of {} is unknown", action.kind)),
        }
    }
    let mediated = (action.get("mediator"), action.get("mediator-implementation"));
    if mediated.0.is_some() != mediated.1.is_some() {
        problems.push("expected both mediator and mediator-implementation, or neither".to_owned());
    }
    if mediated.0.is_some() && !matches!(&*action.kind, "link" | "hardlink") {
        problems.push(format!("a {} cannot be mediated; expected a link", action.kind));
    }
    if action.payload.is_some() != (action.kind == "license") {
        problems.push("expected a file name after license, and only there".to_owned());
    }
    problems
}

/// What is wrong with an action when one looks at the files.
fn fits(
    action: &Action,
    proto: &Proto,
    paths: &BTreeSet<&str>,
    payload: impl Fn(&str) -> bool,
) -> Option<String> {
    if let Some(file) = &action.payload {
        return (!payload(file)).then(|| format!("{file} is not in the repository"));
    }
    let path = action.get("path")?;
    let target = || resolved(path, action.get("target")?);
    match &*action.kind {
        "file" => match proto.get(path) {
            Some(Entry::File { mode: found, .. }) => {
                let expected = action.get("mode").and_then(mode)?;
                (*found != expected).then(|| {
                    format!(
                        "{path} has mode {found:04o} in the proto area; expected {expected:04o}"
                    )
                })
            }
            Some(Entry::Directory) => Some(format!("{path} is a directory in the proto area")),
            None => Some(format!("{path} is not in the proto area")),
        },
        "hardlink" => {
            let of = target().and_then(|target| proto.get(&target));
            match (proto.get(path), of) {
                (Some(Entry::File { inode: a, .. }), Some(Entry::File { inode: b, .. }))
                    if a == b =>
                {
                    None
                }
                _ => Some(format!("{path} and its target are not one file in the proto area")),
            }
        }
        "link" => {
            let exists = target().is_some_and(|target| paths.contains(&*target));
            (!exists).then(|| format!("the target of {path} is in no manifest"))
        }
        _ => None,
    }
}

/// Where a link at `path` leads to.
fn resolved(path: &str, target: &str) -> Option<String> {
    if let Some(absolute) = target.strip_prefix('/') {
        return Some(absolute.to_owned());
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn is_path(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Permissions as a number.
pub(super) fn mode(text: &str) -> Option<u32> {
    (text.len() == 4).then(|| u32::from_str_radix(text, 8).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "set name=pkg.fmri value=pkg:/a@1\n\
        dir path=usr mode=0755 owner=root group=bin\n\
        file path=usr/a mode=0555 owner=root group=bin restart_fmri=svc:/x:default\n\
        hardlink path=usr/b target=a\n\
        link path=c target=usr/b mediator=c mediator-implementation=a\n\
        depend type=require fmri=pkg:/b\n\
        license LICENSE license=MIT\n";

    fn problems(text: &str, proto: &Proto) -> Vec<String> {
        let manifest = Manifest { name: "a.p5m".to_owned(), text: text.to_owned() };
        check(&[manifest], proto, |file| file == "LICENSE")
    }

    fn proto() -> Proto {
        let file = Entry::File { mode: 0o555, inode: 1 };
        [("usr", Entry::Directory), ("usr/a", file), ("usr/b", file)]
            .map(|(path, entry)| (path.to_owned(), entry))
            .into()
    }

    #[test]
    fn broken_manifests() {
        assert_eq!(problems(GOOD, &proto()), [""; 0]);
        for (from, to, problem) in [
            ("name=pkg.fmri", "name=pkg.frmi", "a.p5m:1: no action sets pkg.fmri"),
            ("dir path", "directory path", "a.p5m:2: action 'directory' is unknown"),
            (" owner=root", "", "a.p5m:2: dir has no owner"),
            ("owner=root", "owner", "a.p5m:2: 'owner'; expected NAME=VALUE"),
            ("owner=root", "ower=root", "a.p5m:2: attribute 'ower' of dir is unknown"),
            ("mode=0755", "mode=755", "a.p5m:2: mode is '755'; expected four octal"),
            ("path=usr ", "path=/usr ", "a.p5m:2: path is '/usr'"),
            ("path=usr/a", "path=usr/../a", "a.p5m:3: path is 'usr/../a'"),
            ("path=usr/a", "path=usr/z", "a.p5m:3: usr/z is not in the proto area"),
            ("path=usr/a", "path=usr/z", "usr/a is in no manifest"),
            (
                "mode=0555",
                "mode=0444",
                "a.p5m:3: usr/a has mode 0555 in the proto area; expected 0444",
            ),
            ("restart_fmri=svc:/x", "restart_fmri=x", "a.p5m:3: restart_fmri is"),
            ("file path", "file x path", "a.p5m:3: expected a file name after license"),
            ("group=bin restart", "group=bin mediator=a restart", "a.p5m:3: expected both"),
            ("target=a", "target=z", "a.p5m:4: usr/b and its target are not one file"),
            ("path=c", "path=usr/b", "a.p5m:5: usr/b is delivered already by a.p5m:4"),
            ("target=usr/b", "target=usr/z", "a.p5m:5: the target of c is in no manifest"),
            ("target=usr/b", "target=../../usr/b", "a.p5m:5: the target of c is in no manifest"),
            (" mediator-implementation=a", "", "a.p5m:5: expected both mediator and"),
            ("fmri=pkg:/b", "fmri=b", "a.p5m:6: fmri is 'b'"),
            ("LICENSE", "COPYING", "a.p5m:7: COPYING is not in the repository"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = problems(&GOOD.replacen(from, to, 1), &proto());
            assert!(found.iter().any(|found| found.starts_with(problem)), "{to}: {found:?}");
        }
    }

    #[test]
    fn two_names_of_one_file_have_to_be_that() {
        let mut proto = proto();
        proto.insert("usr/b".to_owned(), Entry::File { mode: 0o555, inode: 2 });
        assert_eq!(problems(GOOD, &proto).len(), 1);
    }

    #[test]
    fn a_path_in_two_manifests() {
        let manifest = |name: &str| Manifest { name: name.to_owned(), text: GOOD.to_owned() };
        let found = check(&[manifest("a.p5m"), manifest("b.p5m")], &proto(), |_| true);
        assert!(found.contains(&"b.p5m:3: usr/a is delivered already by a.p5m:3".to_owned()));
    }
}
