// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy of a tunnel, as in section 2 of the proposal, and what keeps it safe.

use super::step::Expect::{Complains, Fails, Keep, Output, Same, Says, Silent, Status};
use super::step::Run::{Cat, Command, Write};
use super::step::{Kernel, Part, Step};

const INIT: &str = "\
{
    tunnel mytun0
    negotiate tunnel
} ipsec {
    encr_algs aes-gcm
    encr_auth_algs hmac-sha256
}
";

/// The proposal's listing; its indices are those of another day.
const LISTING: &str = "\
#INDEX mytun0,1
{ tunnel mytun0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm(128..256) encr_auth_algs hmac-sha256(256) sa shared }
#INDEX mytun0,2
{ tunnel mytun0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm(128..256) encr_auth_algs hmac-sha256(256) sa shared }
#INDEX mytun0,3
{ tunnel mytun0 negotiate tunnel dir in } ipsec { encr_algs aes-gcm(128..256) encr_auth_algs hmac-sha256(256) sa shared }
#INDEX mytun0,4
{ tunnel mytun0 negotiate tunnel dir in } ipsec { encr_algs aes-gcm(128..256) encr_auth_algs hmac-sha256(256) sa shared }
";

const DNS: &str = "\
{ lport 53 } bypass {}
{ rport 53 } bypass {}
";

const GCM: &str = "\
{
    tunnel mytun0
    negotiate tunnel
} ipsec {
    encr_algs aes-gcm
}
";

const GCM_LISTING: &str = "\
#INDEX mytun0,9
{ tunnel mytun0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm(128..256) sa shared }
#INDEX mytun0,10
{ tunnel mytun0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm(128..256) sa shared }
#INDEX mytun0,11
{ tunnel mytun0 negotiate tunnel dir in } ipsec { encr_algs aes-gcm(128..256) sa shared }
#INDEX mytun0,12
{ tunnel mytun0 negotiate tunnel dir in } ipsec { encr_algs aes-gcm(128..256) sa shared }
";

const MISTAKES: &str = "\
{
    tunnel mytun0
    negotiate tunnel
} ipsec {
    encr_algs aes-gcm
    encr_auth_algs hmac-sha25
}
{ raddr no-such-host.invalid } ipsec { encr_algs aes-gcm }
";

const REFUSED: &str = "\
{ raddr 192.0.2.1 } ipsec { encr_algs aes-gcm }
{ tunnel other0 negotiate transport lport 22 } ipsec { encr_algs aes-gcm }
";

pub(super) const PART: Part = Part {
    title: "IPsec policy of a tunnel",
    kernel: Kernel::Modified,
    peer: None,
    needs: &["ipsecconf"],
    steps: &[
        Step {
            note: "The policy file of the proposal.",
            run: Write("/etc/inet/ipsecinit.conf", INIT),
            expect: &[],
        },
        Step { note: "", run: Cat("/etc/inet/ipsecinit.conf"), expect: &[Output(INIT)] },
        Step {
            note: "A check needs no kernel and changes nothing.",
            run: Command("ipsecconf -c /etc/inet/ipsecinit.conf"),
            expect: &[Status(0)],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Output(""), Silent] },
        Step {
            note: "Load it.",
            run: Command("ipsecconf -a /etc/inet/ipsecinit.conf"),
            expect: &[Status(0)],
        },
        Step {
            note: "Four rules, for both directions and both families.",
            run: Command("ipsecconf -L"),
            expect: &[Status(0), Output(LISTING), Silent],
        },
        Step {
            note: "What has been loaded, as it was written.",
            run: Command("ipsecconf"),
            expect: &[Status(0), Says("tunnel mytun0"), Says("encr_auth_algs hmac-sha256"), Silent],
        },
        Step {
            note: "The policy of one tunnel can go alone. That is said aloud.",
            run: Command("ipsecconf -q -f -i mytun0"),
            expect: &[Status(0), Output(""), Complains("tunnel mytun0 has no IPsec policy")],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Output(""), Silent] },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /etc/inet/ipsecinit.conf"),
            expect: &[Status(0)],
        },
        Step {
            note: "A bypass without a direction holds for both.",
            run: Write("/etc/inet/ipsecinit.d/00_allow_cleartext_dns.conf", DNS),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /etc/inet/ipsecinit.d/00_allow_cleartext_dns.conf"),
            expect: &[Status(0)],
        },
        Step {
            note: "",
            run: Command("ipsecconf -L -n"),
            expect: &[
                Status(0),
                Says("{ lport 53 dir out } pass { }"),
                Says("{ lport 53 dir in } pass { }"),
                Says("{ rport 53 dir out } pass { }"),
                Says("{ rport 53 dir in } pass { }"),
                Says("{ tunnel mytun0 negotiate tunnel dir out }"),
                Says("{ tunnel mytun0 negotiate tunnel dir in }"),
                Silent,
            ],
        },
        Step {
            note: "A cipher that authenticates needs no second algorithm.",
            run: Write("/etc/inet/gcm.conf", GCM),
            expect: &[],
        },
        Step {
            note: "Replace the whole policy in one step.",
            run: Command("ipsecconf -q -F -a /etc/inet/gcm.conf"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -L"),
            expect: &[Status(0), Output(GCM_LISTING), Keep("gcm"), Silent],
        },
        Step {
            note: "A file with two mistakes.",
            run: Write("/etc/inet/mistakes.conf", MISTAKES),
            expect: &[],
        },
        Step {
            note: "Both are reported, and nothing is loaded.",
            run: Command("ipsecconf -q -F -a /etc/inet/mistakes.conf"),
            expect: &[
                Status(1),
                Complains("/etc/inet/mistakes.conf:6:20"),
                Complains("hmac-sha256"),
                Complains("/etc/inet/mistakes.conf:8:9"),
                Complains("no-such-host.invalid"),
            ],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Same("gcm"), Silent] },
        Step {
            note: "One good rule and one that the kernel refuses.",
            run: Write("/etc/inet/refused.conf", REFUSED),
            expect: &[],
        },
        Step {
            note: "Half a policy is not a policy.",
            run: Command("ipsecconf -q -a /etc/inet/refused.conf"),
            expect: &[Fails, Complains("/etc/inet/refused.conf:2:1")],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Same("gcm"), Silent] },
        Step {
            note: "Flush everything.",
            run: Command("ipsecconf -q -F"),
            expect: &[Status(0), Output(""), Complains("tunnel mytun0 has no IPsec policy")],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Output(""), Silent] },
        Step { note: "", run: Command("ipsecconf"), expect: &[Status(0), Output(""), Silent] },
    ],
};
