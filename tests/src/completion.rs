// SPDX-License-Identifier: MIT OR Apache-2.0

//! Completion of command lines: the shells that are asked, and what they have to offer.

mod bash;
mod zsh;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub use bash::{BREAKS, Bash};
pub use zsh::{THEIR_ANSWER, Zsh};

use crate::lab::Lab;
use crate::pages::{flags, letters, listed, page, section, set, synopses, taken_by_dladm};
use crate::{program, write_script};

/// The file for bash.
pub const BASH: &str = "docs/completion/bash/ipsec-rs";
/// The file for zsh.
pub const ZSH: &str = "docs/completion/zsh/_ipsec-rs";

/// The words of a text.
#[must_use]
pub fn words(text: &str) -> BTreeSet<String> {
    set(text.split_whitespace().map(str::to_owned))
}

/// A file, and a directory, in the directory in which lines are completed.
pub const FILE: &str = "a-file";
/// See [`FILE`].
pub const DIRECTORY: &str = "a-dir";

/// Where lines are completed: `dladm` is in `PATH`, and there is a lab, or none.
pub(crate) struct Place {
    lab: Option<PathBuf>,
    bin: tempfile::TempDir,
    cwd: tempfile::TempDir,
}

impl Place {
    fn new(lab: Option<&Lab>) -> Self {
        let dir = || tempfile::tempdir().expect("a temporary directory");
        let (bin, cwd) = (dir(), dir());
        let dladm = program("dladm").unwrap_or_else(|error| panic!("{error}"));
        std::os::unix::fs::symlink(dladm, bin.path().join("dladm")).expect("a link");
        fs::write(cwd.path().join(FILE), "").expect("a file");
        fs::create_dir(cwd.path().join(DIRECTORY)).expect("a directory");
        Self { lab: lab.map(Lab::path), bin, cwd }
    }

    /// Puts a script in the place of `dladm`.
    fn fake_dladm(&self, script: &str) {
        let dladm = self.bin.path().join("dladm");
        fs::remove_file(&dladm).expect("a link");
        write_script(&dladm, script);
    }

    /// What a script in the place of `dladm` has written beside itself.
    fn log(&self) -> String {
        fs::read_to_string(self.bin.path().join("dladm.log")).expect("a log")
    }

    /// A shell of this name.
    fn shell(&self, name: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(name);
        command
            .current_dir(self.cwd.path())
            .env("PATH", format!("{}:{path}", self.bin.path().display()))
            .env("LC_ALL", "C")
            .env_remove("IPSEC_LAB");
        if let Some(lab) = &self.lab {
            command.env("IPSEC_LAB", lab);
        }
        command
    }

    /// Nothing has been made where lines are completed.
    fn assert_untouched(&self, what: &str) {
        let entries = fs::read_dir(self.cwd.path()).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = set(names.map(|name| name.to_string_lossy().into_owned()));
        assert_eq!(names, words(&format!("{FILE} {DIRECTORY}")), "{what}");
    }
}

/// The options that commands and subcommands take.
#[must_use]
pub fn taken(lab: &Lab) -> BTreeMap<String, BTreeSet<String>> {
    let described = |name| listed(section(&page(name), "DESCRIPTION"));
    let mut all = BTreeMap::from([
        // That these are what the commands take is tested with the manual pages.
        ("ipsecconf".to_owned(), described("ipsecconf.8")),
        ("ipseckey".to_owned(), described("ipseckey.8")),
        ("tcpkey".to_owned(), described("ipseckey.8")),
        ("ipsec-lab".to_owned(), words("-h --help")),
    ]);
    for (subcommand, lines) in synopses(&page("ipsec-lab.1"), "ipsec-lab") {
        let options = flags(lines.iter().map(String::as_str));
        all.insert(format!("ipsec-lab {subcommand}"), options);
    }
    let longs = described("dladm-iptun.8").into_iter().filter(|option| option.starts_with("--"));
    let options = letters().map(|letter| format!("-{letter}"));
    // Of two spellings one is offered.
    let options = options.chain(longs).filter(|option| option != "--parseable");
    let options: Vec<String> = options.collect();
    for subcommand in synopses(&page("dladm-iptun.8"), "dladm").keys() {
        let mut taken = match subcommand.as_str() {
            "help" => BTreeSet::new(),
            subcommand => taken_by_dladm(lab, subcommand, options.iter().cloned()),
        };
        if subcommand == "modify-iptun" {
            // Recognised, and always refused: a tunnel cannot change its type.
            assert!(taken.remove("--tunnel-type"));
        }
        all.insert(format!("dladm {subcommand}"), taken);
    }
    all
}

/// A lab with four tunnels, of which one is stored and down.
#[must_use]
pub fn lab_with_tunnels() -> Lab {
    let lab = Lab::new();
    for (at, name) in ["sec0", "site.a1", "b_2", "down0"].iter().enumerate() {
        let ends = format!("local=10.1.1.1,remote=192.0.2.{}", at + 1);
        let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "-a", &ends, name]).exits(0);
    }
    let _ = lab.dladm(&["down-iptun", "down0"]).exits(0);
    lab
}

/// Stands for names of files in the tables.
pub const FILES: &str = "<files>";
/// Stands for names of directories in the tables.
pub const DIRECTORIES: &str = "<directories>";

/// Lines with tunnels of [`lab_with_tunnels`], and which of them are offered.
pub const TUNNELS: &[(&str, &str)] = &[
    ("dladm show-iptun ", "sec0 site.a1 b_2"),
    ("dladm show-iptun s", "sec0 site.a1"),
    ("dladm show-iptun -P ", "sec0 site.a1 b_2 down0"),
    ("dladm show-linkprop -cP -o value -p mtu ", "sec0 site.a1 b_2 down0"),
    ("dladm delete-iptun ", "sec0 site.a1 b_2 down0"),
    ("dladm modify-iptun -a remote=192.0.2.9 ", "sec0 site.a1 b_2"),
    ("dladm set-linkprop -p mtu=1400 ", "sec0 site.a1 b_2"),
    ("dladm show-link ", "sec0 site.a1 b_2"),
    ("dladm show-link --persistent ", "sec0 site.a1 b_2 down0"),
    ("dladm rename-link ", "sec0 site.a1 b_2 down0"),
    ("dladm down-iptun ", "sec0 site.a1 b_2"),
    ("dladm up-iptun ", "down0"),
    ("dladm up-iptun d", "down0"),
    ("ipsecconf -i ", "sec0 site.a1 b_2"),
    ("ipsecconf -lni ", "sec0 site.a1 b_2"),
    ("ipsecconf -d se", "sec0"),
    ("ipsec-lab verdict --out --tunnel ", "sec0 site.a1 b_2"),
    // New names, and what takes no more.
    ("dladm create-iptun ", ""),
    ("dladm rename-link sec0 ", ""),
    ("dladm show-iptun sec0 ", ""),
    ("dladm up-iptun s", ""),
    ("dladm up-iptun down0 ", ""),
];

/// Lines that need no kernel, and what is offered.
pub const VALUES: &[(&str, &str)] = &[
    ("dladm create-iptun -T ", "ipv4 ipv6 6to4"),
    ("dladm create-iptun -tT ", "ipv4 ipv6 6to4"),
    ("dladm create-iptun --tunnel-type ip", "ipv4 ipv6"),
    ("dladm create-iptun --tunnel-type=6", "--tunnel-type=6to4"),
    ("dladm create-iptun -S -a ", "local= remote="),
    ("dladm create-iptun -a local=10.1.1.1,", "local=10.1.1.1,remote="),
    ("dladm create-iptun -a local=fe80::1,r", "local=fe80::1,remote="),
    ("dladm create-iptun -a local=", ""),
    ("dladm create-iptun --policy-file ", FILES),
    ("dladm create-iptun --policy-file=", FILES),
    ("dladm create-iptun --policy ", ""),
    ("dladm create-iptun -R ", DIRECTORIES),
    ("dladm show-iptun -p -o l", "link local"),
    ("dladm show-iptun -po link,s", "link,secure"),
    ("dladm show-iptun -o link,flags,l", "link,flags,local"),
    ("dladm show-iptun --output=link,f", "--output=link,flags"),
    ("dladm show-link -o b", "bridge"),
    ("dladm show-link -s -o i", "ipackets ierrors"),
    ("dladm show-linkprop -o pe", "perm"),
    ("dladm show-linkprop -p mtu,h", "mtu,hoplimit"),
    ("dladm reset-linkprop -p ", "hoplimit encaplimit mtu"),
    ("dladm set-linkprop -p m", "mtu="),
    ("dladm help ", ""),
    ("ipsecconf -a ", FILES),
    ("ipsecconf -Fqa ", FILES),
    ("ipsecconf -N ", ""),
    ("ipsecconf --p", "--plan"),
    ("ipsecconf operand -", ""),
    ("ipsecconf ", ""),
    ("ipseckey -nf ", FILES),
    ("ipseckey -np dump ", "all ah esp tcpsig"),
    ("ipseckey get -", ""),
    ("ipseckey get esp spi ", ""),
    ("ipseckey get esp spi 0x10 ds", "dst dst6 dstaddr dstaddr6 dstidtype dstidtype_hex"),
    ("ipseckey get esp state ", "mature dying dead"),
    ("ipseckey get esp encap ", "udp"),
    ("ipseckey get esp srcidtype d", "domain domainname der_dn der_gn"),
    ("ipseckey get esp srcidtype fqdn ", ""),
    ("ipseckey get esp dst 2001:db8::1 spi", "spi"),
    ("ipseckey get esp outbound pair", "pair-spi"),
    ("ipseckey save esp ", FILES),
    ("ipseckey flush esp ", ""),
    ("ipseckey monitor ", ""),
    ("tcpkey ", "delete get flush dump save help quit exit"),
    ("tcpkey dump ", "tcpsig"),
    ("ipsec-lab verdict --fragment ", "first later"),
    ("ipsec-lab verdict --proto=i", "--proto=icmp --proto=ipv6-icmp"),
    ("ipsec-lab inject --in ", FILES),
    ("ipsec-lab serve ", DIRECTORIES),
    ("ipsec-lab nothing -", ""),
    // Without a kernel there are no tunnels, and nothing is said about it.
    ("dladm show-iptun ", ""),
    ("dladm up-iptun ", ""),
    ("ipsecconf -i ", ""),
    ("ipsecconf -d ", ""),
    ("ipsec-lab verdict --tunnel ", ""),
];

/// Words that a shell could do something with, if it did more than to compare them.
pub const ODD: &[&str] = &[
    "$(touch${IFS}made)",
    "`touch made`",
    "'two words",
    "\"two words",
    "two\\ words",
    "*",
    "?",
    "[",
    "]",
    "\\",
    "--",
    "-",
    "--=",
    "-=",
    "--policy=$(touch made)",
    "~root",
    "a;touch made",
    "=",
    ":",
    "::",
    "a=b=c",
    "\u{e4}\u{20ac}",
    "%s%n",
    "-n",
    "-e",
    "!!",
    "{a,b}",
    "<(touch made)",
    "",
];

/// Where [`ODD`] words may stand.
pub const BEFORE_ODD: &[&str] = &[
    "dladm",
    "dladm show-iptun",
    "dladm create-iptun -a",
    "dladm create-iptun",
    "dladm show-link -o",
    "ipsecconf",
    "ipsecconf -i",
    "ipsecconf -d",
    "ipseckey",
    "ipseckey get",
    "ipseckey get esp",
    "tcpkey",
    "ipsec-lab",
    "ipsec-lab verdict --tunnel",
    "ipsec-lab inject",
];

/// What is no name of a link among what a `dladm` says, which is noted beside it.
pub const DLADM_WITH_ODD_NAMES: &str = "\
echo \"$*\" >>\"$0.log\"
echo noise >&2
printf '%s\\n' good0 'bad name0' '$(touch made)' '-x0' '*' '' tun1
";
