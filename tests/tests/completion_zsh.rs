// SPDX-License-Identifier: MIT OR Apache-2.0

//! Completion in zsh: the same as in bash. Where there is no zsh, these tests are skipped and
//! counted as such.

use std::collections::BTreeSet;

use libtest_mimic::{Arguments, Failed, Trial};
use system_tests::completion::{
    BEFORE_ODD, Bash, DLADM_WITH_ODD_NAMES, ODD, THEIR_ANSWER, TUNNELS, VALUES, Zsh,
    lab_with_tunnels, taken, words,
};
use system_tests::lab::Lab;
use system_tests::pages::set;

const TESTS: &[(&str, fn())] = &[
    ("zsh_offers_the_options_that_commands_take", options),
    ("zsh_offers_the_words_that_bash_offers", the_same_words),
    ("zsh_offers_tunnels_of_the_kernel", tunnels),
    ("zsh_offers_values_without_a_kernel", values),
    ("zsh_keeps_the_completion_of_the_system", system),
    ("odd_words_do_no_harm_in_zsh", odd_words),
    ("zsh_asks_dladm_for_names_only_and_does_not_believe_it", names_only),
];

fn main() {
    let args = Arguments::from_args();
    let missing = !Zsh::exists();
    let trials = TESTS.iter().map(|(name, test)| {
        let trial = Trial::test(*name, || {
            test();
            Ok::<(), Failed>(())
        });
        trial.with_ignored_flag(missing)
    });
    let conclusion = libtest_mimic::run(&args, trials.collect());
    if missing && !args.list {
        println!("zsh is not installed, so its completion was not tested (apt-get install zsh)");
    }
    conclusion.exit();
}

fn options() {
    let lab = Lab::new();
    let taken: Vec<_> = taken(&lab).into_iter().collect();
    let lines: Vec<String> = taken
        .iter()
        .flat_map(|(command, _)| [format!("{command} -"), format!("{command} --")])
        .collect();
    let answers = Zsh::new(Some(&lab)).ask(lines.iter().map(String::as_str));
    for ((command, options), answers) in taken.iter().zip(answers.chunks(2)) {
        assert_eq!(&answers[0], options, "{command} -");
        let long = options.iter().filter(|option| option.starts_with("--"));
        assert_eq!(answers[1], set(long.cloned()), "{command} --");
    }
}

/// That bash offers what the commands take is tested with bash.
fn the_same_words() {
    let (zsh, bash) = (Zsh::new(None), Bash::new(None));
    let lines = [
        "ipsec-lab ",
        "ipseckey ",
        "ipseckey help ",
        "ipseckey -n help ",
        "ipseckey get esp ",
        "tcpkey help ",
        "tcpkey get tcpsig ",
    ];
    for (line, answers) in lines.iter().zip(zsh.ask(lines)) {
        assert_eq!(answers, bash.ask(line), "{line:?}");
        assert!(answers.len() > 5, "{line:?}: {answers:?}");
    }
}

fn tunnels() {
    let lab = lab_with_tunnels();
    let zsh = Zsh::new(Some(&lab));
    let answers = zsh.ask(TUNNELS.iter().map(|(line, _)| *line));
    for ((line, tunnels), answers) in TUNNELS.iter().zip(answers) {
        assert_eq!(answers, words(tunnels), "{line:?}");
    }
    // A rule has its number behind the tunnel.
    assert_eq!(zsh.complete(&["ipsecconf -d se"]), ["ipsecconf -d sec0,"]);
}

fn values() {
    let answers = Zsh::new(None).ask(VALUES.iter().map(|(line, _)| *line));
    for ((line, expected), answers) in VALUES.iter().zip(answers) {
        assert_eq!(answers, words(expected), "{line:?}");
    }
}

/// A completion of dladm that was there before goes on to do its work.
fn system() {
    let answers = Zsh::new(None).ask(["dladm ", "dladm show-phys ", "dladm create-iptun -T "]);
    let ours = Bash::new(None).ask("dladm ");
    assert_eq!(
        answers,
        [&ours | &words(THEIR_ANSWER), words(THEIR_ANSWER), words("6to4 ipv4 ipv6")]
    );
}

fn odd_words() {
    let lab = lab_with_tunnels();
    let mut lines = Vec::new();
    for start in BEFORE_ODD {
        // Each is the current word once, with all before it as earlier words.
        let mut line = (*start).to_owned();
        for word in ODD {
            lines.push(format!("{start} {word}"));
            line = format!("{line} {word}");
            lines.push(line.clone());
        }
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    // That it ends well, says nothing on standard error and makes no file.
    let _ = Zsh::new(Some(&lab)).complete(&lines);
}

fn names_only() {
    let zsh = Zsh::new(None);
    zsh.fake_dladm(DLADM_WITH_ODD_NAMES);
    let good = words("good0 tun1");
    let lines = ["dladm show-iptun ", "ipsecconf -i ", "ipsecconf -d ", "dladm delete-iptun "];
    assert_eq!(zsh.ask(lines), [&good, &good, &good, &good].map(Clone::clone));
    assert_eq!(zsh.ask(["dladm up-iptun "]), [BTreeSet::new()]);
    let _ = zsh.ask(VALUES.iter().map(|(line, _)| *line));
    let log = zsh.log();
    let calls: BTreeSet<&str> = log.lines().collect();
    assert_eq!(calls, BTreeSet::from(["show-iptun -p -o link", "show-iptun -P -p -o link"]));
}
