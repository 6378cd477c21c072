// SPDX-License-Identifier: MIT OR Apache-2.0

//! Libraries that have names and versions, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::cannot;
use crate::run::{Failure, Outcome, root, run as run_to_end};

/// Where the list is.
const LIST: &str = "xtask/illumos/symbols.txt";

/// A symbol of a library.
struct Symbol {
    name: String,
    /// Bytes of an object; a function has none.
    object: Option<usize>,
}

/// A library.
struct Library {
    soname: String,
    /// Symbols by version; `-` is none.
    versions: BTreeMap<String, Vec<Symbol>>,
}

/// The libraries that may be linked, by the name that the linker has for them.
pub(super) struct List {
    libraries: BTreeMap<String, Library>,
}

impl List {
    pub(super) fn read() -> Result<Self, Failure> {
        let path = root().join(LIST);
        let text = fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))?;
        Self::parse(&text).map_err(|(line, why)| Failure::Said(format!("{LIST}:{line}: {why}")))
    }

    /// The list, or the number of a line and what is wrong with it.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut libraries = BTreeMap::<String, Library>::new();
        let mut seen = BTreeSet::new();
        for (at, line) in text.lines().enumerate() {
            let wrong = |why: String| (at + 1, why);
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["lib", name, soname] => {
                    let soname = (*soname).to_owned();
                    let library = Library { soname, versions: BTreeMap::new() };
                    if libraries.insert((*name).to_owned(), library).is_some() {
                        return Err(wrong(format!("lib {name} is there twice")));
                    }
                }
                [name, version, symbols @ ..] => {
                    let library = libraries
                        .get_mut(*name)
                        .ok_or_else(|| wrong(format!("there is no line 'lib {name}' before")))?;
                    let known = library.versions.entry((*version).to_owned()).or_default();
                    for symbol in symbols {
                        let (symbol, object) = match symbol.split_once('@') {
                            None => (*symbol, None),
                            Some((symbol, size)) => {
                                let size = size.parse().map_err(|_| {
                                    wrong(format!("'{size}' is no number of bytes"))
                                })?;
                                (symbol, Some(size))
                            }
                        };
                        if !seen.insert(((*name).to_owned(), symbol.to_owned())) {
                            return Err(wrong(format!("{symbol} is there twice")));
                        }
                        known.push(Symbol { name: symbol.to_owned(), object });
                    }
                }
                [word] => return Err(wrong(format!("'{word}' alone says nothing"))),
            }
        }
        Ok(Self { libraries })
    }

    /// Is it the name of a library file that illumos ships?
    pub(super) fn ships(&self, soname: &str) -> bool {
        self.libraries.values().any(|library| library.soname == soname)
    }

    /// The library file that has a symbol. Without a version any library will do.
    pub(super) fn provider(&self, symbol: &str, version: Option<&str>) -> Option<&str> {
        let has = |library: &&Library| {
            library.versions.iter().any(|(known, symbols)| {
                version.is_none_or(|version| version == known)
                    && symbols.iter().any(|known| known.name == symbol)
            })
        };
        self.libraries.values().find(has).map(|library| library.soname.as_str())
    }

    /// Makes the libraries, and the object file with the start of a process.
    pub(super) fn make(&self, dir: &Path) -> Outcome {
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|error| cannot("empty", dir, &error))?;
        }
        fs::create_dir_all(dir).map_err(|error| cannot("create", dir, &error))?;
        for (name, library) in &self.libraries {
            library.make(name, dir)?;
        }
        assemble(&root().join("xtask/illumos/start.s"), &dir.join("start.o"))
    }
}

impl Library {
    fn make(&self, name: &str, dir: &Path) -> Outcome {
        let source = dir.join(format!("{name}.s"));
        let object = dir.join(format!("{name}.o"));
        write(&source, &self.assembly())?;
        assemble(&source, &object)?;
        let mut ld = Command::new("ld");
        ld.args(["-shared", "-nostdlib", "-z", "noexecstack", "--hash-style=sysv", "-soname"]);
        ld.arg(&self.soname);
        if let Some(map) = self.version_map() {
            let path = dir.join(format!("{name}.map"));
            write(&path, &map)?;
            ld.arg(format!("--version-script={}", path.display()));
        }
        run_to_end(ld.arg("-o").arg(dir.join(format!("lib{name}.so"))).arg(&object))
    }

    fn assembly(&self) -> String {
        let mut out = String::new();
        for Symbol { name, object } in self.versions.values().flatten() {
            // Writing to a string does not fail.
            let _ = match object {
                Some(size) => writeln!(
                    out,
                    "\t.bss\n\t.globl {name}\n\t.type {name},@object\n\t.size {name},{size}\n\
                     {name}:\t.zero {size}"
                ),
                None => writeln!(
                    out,
                    "\t.text\n\t.globl {name}\n\t.type {name},@function\n{name}:\tret\n\
                     \t.size {name},.-{name}"
                ),
            };
        }
        out + "\t.section .note.GNU-stack,\"\",@progbits\n"
    }

    /// Which symbol has which version; none if no symbol has one.
    fn version_map(&self) -> Option<String> {
        let mut out = String::new();
        for (version, symbols) in self.versions.iter().filter(|(version, _)| *version != "-") {
            let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
            let _ = writeln!(out, "{version} {{ global: {}; }};", names.join("; "));
        }
        (!out.is_empty()).then_some(out)
    }
}

fn assemble(source: &Path, object: &Path) -> Outcome {
    run_to_end(Command::new("as").arg("-o").arg(object).arg(source))
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| cannot("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_knows_who_has_what() {
        let text = "# none\nlib c libc.so.1\nc SUNW_0.7 open environ@8\nc - old\nlib m libm.so.2\n";
        let list = List::parse(text).unwrap_or_else(|_| panic!("a good list"));
        assert_eq!(list.provider("open", Some("SUNW_0.7")), Some("libc.so.1"));
        assert_eq!(list.provider("open", Some("SUNW_0.8")), None);
        assert_eq!(list.provider("old", None), Some("libc.so.1"));
        assert_eq!(list.provider("close", None), None);
        assert!(list.ships("libm.so.2") && !list.ships("libm.so.6"));
        let map = list.libraries["c"].version_map().unwrap();
        assert_eq!(map, "SUNW_0.7 { global: open; environ; };\n");
        assert!(list.libraries["c"].assembly().contains("environ:\t.zero 8"));
        assert_eq!(list.libraries["m"].version_map(), None);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, line) in [
            ("c SUNW_0.7 open\n", 1),
            ("lib c libc.so.1\nc SUNW_0.7 open\nc - open\n", 3),
            ("lib c libc.so.1\nc SUNW_0.7 environ@x\n", 2),
            ("lib c libc.so.1\nc SUNW_0.7 open\nlib c libc.so.1\n", 3),
            ("\nlib\n", 2),
        ] {
            assert_eq!(List::parse(text).err().map(|(line, _)| line), Some(line), "{text}");
        }
    }
}
