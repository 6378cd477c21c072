// SPDX-License-Identifier: MIT OR Apache-2.0

//! Completion of command lines: what it offers is what the commands take, it asks for
//! nothing but the names of tunnels, and nothing that was typed is carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::lab::Lab;
use system_tests::pages::{
    flags, letters, listed, page, read, section, set, synopses, taken_by_dladm,
};
use system_tests::program;

const BASH: &str = "docs/completion/bash/ipsec-rs";
const ZSH: &str = "docs/completion/zsh/_ipsec-rs";

/// Asks for completions as bash does when it reads a line: `ASK BREAKS LINE WORD ...`
/// prints the answers, one a line, and what bash is told to do, after `compopt `.
const ASK: &str = r#"
set -u
source "$1" || exit
COMP_WORDBREAKS=$2 COMP_LINE=$3
shift 3
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_POINT=${#COMP_LINE}
compopt() { printf 'compopt %s\n' "$*"; }
[[ $(complete -p "$1") =~ -F\ ([^ ]+) ]] || exit
COMPREPLY=()
"${BASH_REMATCH[1]}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" || exit
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"#;

/// The characters at which bash breaks words, if nobody changes them.
const BREAKS: &str = " \t\n\"'><=;|&(:";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A directory with our commands, for `PATH`.
fn commands() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dladm = program("dladm").unwrap_or_else(|error| panic!("{error}"));
    std::os::unix::fs::symlink(dladm, dir.path().join("dladm")).expect("a link");
    dir
}

/// The words of a line, as bash breaks them: runs of `=` and `:` are words.
fn broken(line: &str, breaks: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in line.split(' ') {
        let kind = |c: char| "=:".contains(c) && breaks.contains(c);
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        // After one of these, a word begins.
        if word.is_empty() {
            words.push(String::new());
        }
    }
    words
}

/// A shell in which lines are completed.
struct Shell {
    lab: Option<PathBuf>,
    path: PathBuf,
    cwd: tempfile::TempDir,
    _commands: tempfile::TempDir,
}

impl Shell {
    fn new(lab: Option<&Lab>) -> Self {
        let commands = commands();
        Self {
            lab: lab.map(Lab::path),
            path: commands.path().to_owned(),
            cwd: tempfile::tempdir().expect("a temporary directory"),
            _commands: commands,
        }
    }

    /// The answers for a line of which the cursor is at the end.
    fn ask(&self, line: &str) -> BTreeSet<String> {
        self.ask_breaking(line, BREAKS)
    }

    fn ask_breaking(&self, line: &str, breaks: &str) -> BTreeSet<String> {
        self.ask_words(line, breaks, &broken(line, breaks))
    }

    fn ask_words(&self, line: &str, breaks: &str, words: &[String]) -> BTreeSet<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", ASK, "bash"])
            .arg(repository().join(BASH))
            .args([breaks, line])
            .args(words)
            .current_dir(self.cwd.path())
            .env("PATH", format!("{}:{path}", self.path.display()))
            .env("LC_ALL", "C")
            .env_remove("IPSEC_LAB");
        if let Some(lab) = &self.lab {
            bash.env("IPSEC_LAB", lab);
        }
        let output = bash.output().expect("bash runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{line:?}: {stderr}");
        assert_eq!(fs::read_dir(self.cwd.path()).expect("a directory").count(), 0, "{line:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let answers: Vec<String> = text.lines().map(str::to_owned).collect();
        let unique = set(answers.iter().cloned());
        assert_eq!(unique.len(), answers.len(), "{line:?}: {answers:?}");
        unique
    }

    /// The options that are offered for a command or subcommand.
    fn options(&self, command: &str) -> BTreeSet<String> {
        let all = self.ask(&format!("{command} -"));
        let long = self.ask(&format!("{command} --"));
        assert!(long.iter().all(|option| option.starts_with("--") && all.contains(option)));
        all
    }
}

fn words(text: &str) -> BTreeSet<String> {
    set(text.split_whitespace().map(str::to_owned))
}

/// The options that commands and subcommands take.
fn taken(lab: &Lab) -> BTreeMap<String, BTreeSet<String>> {
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

#[test]
fn bash_offers_the_options_that_commands_take() {
    let lab = Lab::new();
    let shell = Shell::new(Some(&lab));
    for (command, options) in taken(&lab) {
        assert_eq!(shell.options(&command), options, "{command}");
    }
}

#[test]
fn zsh_offers_the_options_that_commands_take() {
    let lab = Lab::new();
    let text = read(ZSH);
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(first, "#compdef ipsecconf ipseckey tcpkey dladm ipsec-lab");
    for (command, options) in taken(&lab) {
        assert_eq!(zsh_options(&text, &command), options, "{command}");
    }
}

/// The options in the specifications for a command in the zsh file.
fn zsh_options(text: &str, command: &str) -> BTreeSet<String> {
    let (function, label) = match command.split_once(' ') {
        Some(("dladm", subcommand)) => ("_ipsec_rs_dladm() {", format!("({subcommand})")),
        Some((_, subcommand)) => ("_ipsec_rs_lab() {", format!("({subcommand})")),
        None if command == "ipsec-lab" => {
            ("_ipsec_rs_lab() {", "if (( CURRENT == 2 )); then".into())
        }
        None if command == "ipsecconf" => ("\ncase $service in", "(ipsecconf)".into()),
        None => ("\ncase $service in", "(ipseckey|tcpkey)".into()),
    };
    let (_, rest) = text.split_once(function).expect("the function");
    let lines = rest.lines().skip_while(|line| line.trim() != label);
    let lines = lines.skip(1).map(str::trim).take_while(|line| ![";;", "return"].contains(line));
    let mut found = BTreeSet::new();
    for line in lines.filter(|line| !line.starts_with("_arguments")) {
        // Before the explanation, behind what it excludes.
        let Some((names, _)) = line.split_once('[') else { continue };
        let names = names.rsplit(')').next().unwrap_or_default();
        let names = names.split(|c: char| "'\"\\*{,}".contains(c));
        let names = names.map(|name| name.trim_end_matches(['=', '+']));
        found.extend(names.filter(|name| name.starts_with('-')).map(str::to_owned));
    }
    found
}

#[test]
fn subcommands_and_commands_are_those_of_the_pages() {
    let lab = Lab::new();
    let shell = Shell::new(None);
    for (name, command) in [("dladm-iptun.8", "dladm"), ("ipsec-lab.1", "ipsec-lab")] {
        let subcommands = set(synopses(&page(name), command).into_keys());
        assert_eq!(shell.ask(&format!("{command} ")), subcommands);
        let zsh = read(ZSH);
        for subcommand in subcommands {
            assert!(zsh.contains(&format!("    '{subcommand}:")), "{subcommand}");
        }
    }
    // Those that take keys are refused here and explained only.
    let page = page("ipseckey.8");
    let items = section(&page, "COMMANDS").filter_map(|line| line.strip_prefix(".It Cm "));
    let verbs = items.flat_map(|line| {
        line.split(' ').take_while(|word| !["Ar", "Op"].contains(word)).map(str::to_owned)
    });
    let verbs: BTreeSet<String> = verbs.filter(|word| word != "," && word != "\\&?").collect();
    let secret = words("add update update-pair");
    assert!(secret.is_subset(&verbs));
    for verb in &secret {
        let done = lab.ipseckey(&[verb, "esp", "spi", "1", "dst", "10.1.1.1"]).exits(1);
        assert!(!done.stderr.contains("Unknown"), "{done:?}");
    }
    assert_eq!(shell.ask("ipseckey "), &verbs - &secret);
    assert_eq!(shell.ask("ipseckey help "), &verbs | &words("attr"));
    assert_eq!(shell.ask("ipseckey -n help "), &verbs | &words("attr"));
    assert_eq!(shell.ask("tcpkey "), words("delete get flush dump save help quit exit"));
    assert_eq!(shell.ask("ipseckey -np dump "), words("all ah esp tcpsig"));
    assert_eq!(shell.ask("tcpkey dump "), words("tcpsig"));
}

#[test]
fn keywords_are_those_that_ipseckey_accepts() {
    let lab = Lab::new();
    let shell = Shell::new(None);
    let offered = shell.ask("ipseckey get esp ");
    let known = lab.ipseckey(&["help", "attr"]).exits(0).stdout;
    let page = page("ipseckey.8");
    let described: BTreeSet<&str> =
        section(&page, "KEYWORDS").flat_map(str::split_whitespace).collect();
    // Words that are kept and never accepted are not in the page, words for keys are not
    // offered.
    let known = known.split(|c: char| c.is_whitespace() || c == ',');
    let usable = known.filter(|word| described.contains(word.trim_end_matches('6')));
    let mut usable = set(usable.map(str::to_owned));
    usable.extend(words("srcidtype_hex dstidtype_hex"));
    let secret = words("authkey encrkey authstring");
    assert!(secret.is_subset(&usable));
    assert_eq!(offered, &usable - &secret);
    assert!(offered.len() > 60, "{offered:?}");

    let of_tcpkey = shell.ask("tcpkey get tcpsig ");
    assert!(of_tcpkey.len() == 11 && of_tcpkey.is_subset(&offered), "{of_tcpkey:?}");
    let zsh = read(ZSH);
    let zsh: Vec<BTreeSet<String>> = zsh
        .split("key_words=(")
        .skip(1)
        .map(|part| words(part.split(')').next().unwrap()))
        .collect();
    assert_eq!(zsh, [of_tcpkey, offered.clone()]);

    for (line, answers) in [
        ("ipseckey get esp spi ", ""),
        ("ipseckey get esp spi 0x10 ds", "dst dst6 dstaddr dstaddr6 dstidtype dstidtype_hex"),
        ("ipseckey get esp state ", "mature dying dead"),
        ("ipseckey get esp encap ", "udp"),
        ("ipseckey get esp srcidtype d", "domain domainname der_dn der_gn"),
        ("ipseckey get esp srcidtype fqdn ", ""),
        ("ipseckey get esp dst 2001:db8::1 spi", "spi"),
        ("ipseckey get esp outbound pair", "pair-spi"),
        ("ipseckey save esp ", "compopt_-o_default"),
        ("ipseckey flush esp ", ""),
        ("ipseckey monitor ", ""),
        ("ipseckey get -", ""),
        ("ipseckey -nf ", "compopt_-o_default"),
    ] {
        let found = shell.ask(line).iter().map(|answer| answer.replace(' ', "_")).collect();
        assert_eq!(words(answers), found, "{line:?}");
    }
}

/// A lab with three tunnels.
fn lab_with_tunnels() -> Lab {
    let lab = Lab::new();
    for (name, far) in [("sec0", "192.0.2.1"), ("site.a1", "192.0.2.2"), ("b_2", "192.0.2.3")] {
        let ends = format!("local=10.1.1.1,remote={far}");
        let _ = lab.dladm(&["create-iptun", "-T", "ipv4", "-a", &ends, name]).exits(0);
    }
    lab
}

#[test]
fn names_of_tunnels_come_from_the_kernel() {
    let lab = lab_with_tunnels();
    let shell = Shell::new(Some(&lab));
    let all = words("sec0 site.a1 b_2");
    for line in [
        "dladm show-iptun ",
        "dladm delete-iptun -t ",
        "dladm modify-iptun -a remote=192.0.2.9 ",
        "dladm set-linkprop -p mtu=1400 ",
        "dladm show-link -P ",
        "dladm rename-link ",
        "dladm down-iptun ",
        "ipsecconf -i ",
        "ipsecconf -lni ",
        "ipsec-lab verdict --out --tunnel ",
        "ipsec-lab verdict --out --tunnel=",
    ] {
        assert_eq!(shell.ask(line), all, "{line:?}");
    }
    assert_eq!(shell.ask("dladm show-iptun s"), words("sec0 site.a1"));
    let rule = shell.ask("ipsecconf -d se");
    assert_eq!(rule, set(["sec0,".to_owned(), "compopt -o nospace".to_owned()]));
    for line in ["dladm create-iptun ", "dladm rename-link sec0 ", "dladm show-iptun sec0 "] {
        assert_eq!(shell.ask(line), BTreeSet::new(), "{line:?}");
    }
}

/// What needs no kernel.
const VALUES: &[(&str, &str)] = &[
    ("dladm create-iptun -T ", "ipv4 ipv6 6to4"),
    ("dladm create-iptun -tT ", "ipv4 ipv6 6to4"),
    ("dladm create-iptun --tunnel-type ip", "ipv4 ipv6"),
    ("dladm create-iptun --tunnel-type=6", "6to4"),
    ("dladm create-iptun -S -a ", "local= remote="),
    ("dladm create-iptun -a local=10.1.1.1,", "10.1.1.1,remote= compopt_-o_nospace"),
    ("dladm create-iptun -a local=fe80::1,r", "1,remote= compopt_-o_nospace"),
    ("dladm create-iptun -a local=", ""),
    ("dladm create-iptun --policy-file ", "compopt_-o_default"),
    ("dladm create-iptun --policy-file=", "compopt_-o_default"),
    ("dladm create-iptun --policy ", ""),
    ("dladm create-iptun -R ", "compopt_-o_dirnames"),
    ("dladm show-iptun -p -o l", "link local"),
    ("dladm show-iptun -po link,s", "link,secure"),
    ("dladm show-iptun -o link,flags,l", "link,flags,local"),
    ("dladm show-iptun --output=link,f", "link,flags"),
    ("dladm show-link -o b", "bridge"),
    ("dladm show-link -s -o i", "ipackets ierrors"),
    ("dladm show-linkprop -o pe", "perm"),
    ("dladm show-linkprop -p mtu,h", "mtu,hoplimit"),
    ("dladm reset-linkprop -p ", "hoplimit encaplimit mtu"),
    ("dladm set-linkprop -p m", "mtu= compopt_-o_nospace"),
    // Those of the system: names of files, as without completion.
    ("dladm create-vnic ", "compopt_-o_default"),
    ("dladm create-vnic -l ", "compopt_-o_default"),
    ("dladm create-v", ""),
    ("dladm help ", ""),
    ("ipsecconf -a ", "compopt_-o_default"),
    ("ipsecconf -Fqa ", "compopt_-o_default"),
    ("ipsecconf -N ", ""),
    ("ipsecconf --p", "--plan"),
    ("ipsecconf operand -", ""),
    ("ipsecconf ", ""),
    ("ipsec-lab verdict --fragment ", "first later"),
    ("ipsec-lab verdict --proto=i", "icmp ipv6-icmp"),
    ("ipsec-lab inject --in ", "compopt_-o_default"),
    ("ipsec-lab serve ", "compopt_-o_dirnames"),
    ("ipsec-lab nothing -", ""),
];

#[test]
fn values_of_options_need_no_kernel() {
    let shell = Shell::new(None);
    for (line, answers) in VALUES {
        let found = shell.ask(line).iter().map(|answer| answer.replace(' ', "_")).collect();
        assert_eq!(words(answers), found, "{line:?}");
    }
    // Without a kernel there are no tunnels, and nothing is said about it.
    for line in
        ["dladm show-iptun ", "ipsecconf -i ", "ipsecconf -d ", "ipsec-lab verdict --tunnel "]
    {
        assert_eq!(shell.ask(line), BTreeSet::new(), "{line:?}");
    }
    // Somebody took '=' and ':' out of COMP_WORDBREAKS.
    assert_eq!(
        shell.ask_breaking("dladm create-iptun -a local=fe80::1,r", " \t\n"),
        set(["local=fe80::1,remote=".to_owned(), "compopt -o nospace".to_owned()])
    );
    assert_eq!(
        shell.ask_breaking("dladm create-iptun --tunnel-type=6", " \t\n"),
        words("--tunnel-type=6to4")
    );
}

#[test]
fn odd_words_do_no_harm() {
    let lab = lab_with_tunnels();
    let shell = Shell::new(Some(&lab));
    let odd = [
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
    for start in [
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
    ] {
        // Each is the current word once, with all before it as earlier words.
        let mut words: Vec<String> = start.split(' ').map(str::to_owned).collect();
        for word in odd {
            words.push(word.to_owned());
            // That it ends well, says nothing on standard error and makes no file.
            let _ = shell.ask_words(&words.join(" "), BREAKS, &words);
        }
        for word in ["$(touch made)", "*", "'", "--policy=*"] {
            let line = format!("{start} {word}");
            let mut words: Vec<String> = start.split(' ').map(str::to_owned).collect();
            words.push(word.to_owned());
            let found = shell.ask_words(&line, BREAKS, &words);
            assert!(found.iter().all(|answer| answer.starts_with("compopt ")), "{line}: {found:?}");
        }
    }
}

#[test]
fn dladm_is_asked_for_names_only_and_not_believed() {
    let shell = Shell::new(None);
    let dladm = shell.path.join("dladm");
    fs::remove_file(&dladm).expect("a link");
    let script = "#!/bin/sh\necho \"$*\" >>\"$0.log\"\necho noise >&2\n\
                  printf '%s\\n' good0 'bad name0' '$(touch made)' '-x0' '*' '' tun1\n";
    // Written by another process: a program that any process of this one still has open for
    // writing cannot be executed.
    let mut write = assert_cmd::Command::new("/bin/sh");
    write.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(&dladm).write_stdin(script);
    write.assert().success();
    assert_eq!(shell.ask("dladm show-iptun "), words("good0 tun1"));
    for (line, _) in VALUES {
        let _ = shell.ask(line);
    }
    for line in ["ipsecconf -i ", "ipsecconf -d ", "dladm delete-iptun ", "dladm show-link "] {
        let _ = shell.ask(line);
    }
    let calls = fs::read_to_string(shell.path.join("dladm.log")).expect("a log");
    assert_eq!(calls, "show-iptun -p -o link\n".repeat(5));
}

/// A completion of dladm that was there before goes on to do its work.
#[test]
fn the_completion_of_the_system_is_kept() {
    let script = r#"
theirs() { COMPREPLY=(their-answer); }
complete -F theirs dladm
source "$1"; source "$1"
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMPREPLY=()
    COMP_POINT=${#COMP_LINE}
    _ipsec_rs_dladm dladm "${@: -1}" "${@: -2:1}"
    echo "${COMPREPLY[@]}"
}
ask dladm show-ip
ask dladm show-phys ''
ask dladm create-iptun -T ''
ask dladm set-linkprop -p m
"#;
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .arg(repository().join(BASH))
        .output()
        .expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "their-answer show-iptun\ntheir-answer\nipv4 ipv6 6to4\ntheir-answer mtu=\n"
    );
}

#[test]
fn the_shells_accept_the_files() {
    let exists = |name: &str| Command::new(name).arg("--version").output().is_ok();
    let check = |name: &str, args: &[&str], file: &str| {
        let mut command = Command::new(name);
        let output = command.args(args).arg(repository().join(file)).output().expect("it runs");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
    };
    check("bash", &["-n"], BASH);
    if exists("zsh") {
        check("zsh", &["-f", "-n"], ZSH);
    }
    if exists("shellcheck") {
        check("shellcheck", &["--shell", "bash"], BASH);
    }
}
