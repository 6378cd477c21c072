// SPDX-License-Identifier: MIT OR Apache-2.0

//! Completion in bash: what it offers is what the commands take, it asks for nothing but the
//! names of tunnels, and nothing that was typed is carried out.

use std::collections::BTreeSet;
use std::process::Command;

use system_tests::completion::{
    BASH, BEFORE_ODD, BREAKS, Bash, DLADM_WITH_ODD_NAMES, FILES, ODD, TUNNELS, VALUES,
    lab_with_tunnels, taken, words,
};
use system_tests::in_repository;
use system_tests::lab::Lab;
use system_tests::pages::{page, section, set, synopses};

#[test]
fn bash_offers_the_options_that_commands_take() {
    let lab = Lab::new();
    let bash = Bash::new(Some(&lab));
    for (command, options) in taken(&lab) {
        let all = bash.ask(&format!("{command} -"));
        assert_eq!(all, options, "{command}");
        let long = options.into_iter().filter(|option| option.starts_with("--"));
        assert_eq!(bash.ask(&format!("{command} --")), set(long), "{command}");
    }
}

#[test]
fn subcommands_and_commands_are_those_of_the_pages() {
    let lab = Lab::new();
    let bash = Bash::new(None);
    for (name, command) in [("dladm-iptun.8", "dladm"), ("ipsec-lab.1", "ipsec-lab")] {
        let subcommands = set(synopses(&page(name), command).into_keys());
        assert_eq!(bash.ask(&format!("{command} ")), subcommands);
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
    assert_eq!(bash.ask("ipseckey "), &verbs - &secret);
    assert_eq!(bash.ask("ipseckey help "), &verbs | &words("attr"));
    assert_eq!(bash.ask("ipseckey -n help "), &verbs | &words("attr"));
}

#[test]
fn keywords_are_those_that_ipseckey_accepts() {
    let lab = Lab::new();
    let bash = Bash::new(None);
    let offered = bash.ask("ipseckey get esp ");
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
    let of_tcpkey = bash.ask("tcpkey get tcpsig ");
    assert!(of_tcpkey.len() == 11 && of_tcpkey.is_subset(&offered), "{of_tcpkey:?}");
}

#[test]
fn names_of_tunnels_come_from_the_kernel() {
    let lab = lab_with_tunnels();
    let bash = Bash::new(Some(&lab));
    for (line, tunnels) in TUNNELS {
        assert_eq!(bash.ask(line), words(tunnels), "{line:?}");
    }
    // A rule has its number behind the tunnel.
    let rule = bash.answers("ipsecconf -d se", BREAKS);
    assert_eq!(rule, set(["sec0,".to_owned(), "compopt -o nospace".to_owned()]));
}

#[test]
fn values_of_options_need_no_kernel() {
    let bash = Bash::new(None);
    for (line, answers) in VALUES {
        assert_eq!(bash.ask(line), words(answers), "{line:?}");
    }
    // Those of the system: names of files, as without completion.
    for line in ["dladm create-vnic ", "dladm create-vnic -l "] {
        assert_eq!(bash.ask(line), words(FILES), "{line:?}");
    }
    assert_eq!(bash.ask("dladm create-v"), BTreeSet::new());
}

/// Bash replaces what is behind the last character at which it breaks words, so that is what
/// it has to be told.
#[test]
fn answers_begin_where_bash_breaks_words() {
    let bash = Bash::new(None);
    for (line, answers) in [
        ("dladm create-iptun --tunnel-type=6", &["6to4"][..]),
        ("dladm create-iptun -S -a ", &["local=", "remote="]),
        ("dladm create-iptun -a l", &["local=", "compopt -o nospace"]),
        ("dladm create-iptun -a local=10.1.1.1,", &["10.1.1.1,remote=", "compopt -o nospace"]),
        ("dladm create-iptun -a local=fe80::1,r", &["1,remote=", "compopt -o nospace"]),
        ("dladm create-iptun --policy-file=", &["compopt -o default"]),
        ("dladm show-iptun --output=link,f", &["link,flags"]),
        ("ipsec-lab verdict --proto=i", &["icmp", "ipv6-icmp"]),
    ] {
        let answers = set(answers.iter().map(|answer| (*answer).to_owned()));
        assert_eq!(bash.answers(line, BREAKS), answers, "{line:?}");
    }
}

#[test]
fn odd_words_do_no_harm() {
    let lab = lab_with_tunnels();
    let bash = Bash::new(Some(&lab));
    for start in BEFORE_ODD {
        // Each is the current word once, with all before it as earlier words.
        let mut words: Vec<String> = start.split(' ').map(str::to_owned).collect();
        for word in ODD {
            words.push((*word).to_owned());
            // That it ends well, says nothing on standard error and makes no file.
            let _ = bash.answers_to_words(&words.join(" "), BREAKS, &words);
        }
        for word in ["$(touch made)", "*", "'", "--policy=*"] {
            let line = format!("{start} {word}");
            let mut words: Vec<String> = start.split(' ').map(str::to_owned).collect();
            words.push(word.to_owned());
            let found = bash.answers_to_words(&line, BREAKS, &words);
            assert!(found.iter().all(|answer| answer.starts_with("compopt ")), "{line}: {found:?}");
        }
    }
}

#[test]
fn dladm_is_asked_for_names_only_and_not_believed() {
    let bash = Bash::new(None);
    bash.fake_dladm(DLADM_WITH_ODD_NAMES);
    assert_eq!(bash.ask("dladm show-iptun "), words("good0 tun1"));
    assert_eq!(bash.ask("dladm up-iptun "), BTreeSet::new());
    for line in ["ipsecconf -i ", "ipsecconf -d ", "dladm delete-iptun ", "dladm show-link "] {
        assert_eq!(bash.ask(line), words("good0 tun1"), "{line:?}");
    }
    for (line, _) in VALUES {
        let _ = bash.ask(line);
    }
    let log = bash.log();
    let calls: BTreeSet<&str> = log.lines().collect();
    assert_eq!(calls, BTreeSet::from(["show-iptun -p -o link", "show-iptun -P -p -o link"]));
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
        .arg(in_repository(BASH))
        .output()
        .expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "their-answer show-iptun\ntheir-answer\nipv4 ipv6 6to4\ntheir-answer mtu=\n"
    );
}
