// SPDX-License-Identifier: MIT OR Apache-2.0

//! Section 4.2 of the proposal as typed there: policy in several files, both variants; and
//! section 3.4, a tunnel that lives and dies with its policy.

use super::step::Expect::{Complains, Fails, Keep, Output, Same, Says, Silent, Status};
use super::step::Run::{Cat, Command, Link, Mkdir, Remove, Write};
use super::step::{Kernel, Part, Step};

const DNS: &str = "\
{ lport 53 } bypass {}
{ rport 53 } bypass {}
";

const TUNNEL: &str = "\
{
    tunnel mytun0
    negotiate tunnel
} ipsec {
    encr_algs aes-gcm
    encr_auth_algs hmac-sha256
}
";

/// The tunnel is implied by the name of the file.
const IMPLIED: &str = "\
{
    negotiate tunnel
} ipsec {
    encr_algs aes-gcm
    encr_auth_algs hmac-sha256
}
";

const UNIFORM: &str = "\
# For every tunnel that has a link to this file.
{ negotiate tunnel } ipsec { encr_algs aes-gcm(256) }
";

const MISTAKE: &str = "{ negotiate tunnel } ipsec { encr_algs aes-gmc }\n";

const SHARDS: &[&str] = &[
    "#SOURCE /etc/inet/ipsecinit.d/00_allow_cleartext_dns.conf:1",
    "#SOURCE /etc/inet/ipsecinit.d/50_tunnel_mytun0.conf:1",
];

const UNIFORM_TUNNELS: &str = "\
LINK            FLAGS  POLICY
mytun0          s--    /etc/inet/ipsecinit.d/tunnels/mytun0.conf
mytun1          s--    /etc/inet/ipsecinit.d/tunnels/mytun1.conf
";

const SECTUN: &str = "\
LINK            FLAGS  SECURE POLICY
sectun0         s-S    yes    /etc/inet/ipsecinit.d/tunnels/sectun0.conf
";

const REFRESH: Step = Step {
    note: "",
    run: Command("svcadm refresh svc:/network/ipsec/policy"),
    expect: &[Status(0), Output(""), Silent],
};

const ONLINE: Step = Step {
    note: "",
    run: Command("svcs -H -o state network/ipsec/policy"),
    expect: &[Status(0), Output("online\n")],
};

pub(super) const PART: Part = Part {
    title: "Policy in several files, and the service that loads them",
    kernel: Kernel::Modified,
    peer: None,
    needs: &["dladm", "ipsecconf", "svcadm", "svcs"],
    steps: &[
        Step {
            note: "",
            run: Command("dladm create-iptun -T ipv4 -a local=10.1.1.1,remote=134.148.1.1 mytun0"),
            expect: &[Status(0)],
        },
        Step {
            note: "One file for each concern (section 4.2).",
            run: Mkdir("/etc/inet/ipsecinit.d"),
            expect: &[],
        },
        Step {
            note: "",
            run: Write("/etc/inet/ipsecinit.d/00_allow_cleartext_dns.conf", DNS),
            expect: &[],
        },
        Step {
            note: "",
            run: Write("/etc/inet/ipsecinit.d/50_tunnel_mytun0.conf", TUNNEL),
            expect: &[],
        },
        Step {
            note: "What would a refresh do?",
            run: Command("ipsecconf --plan -F -a /etc/inet/ipsecinit.d"),
            expect: &[Status(2), Says("# 6 added, 0 removed"), Says("aes-gcm(128..256)")],
        },
        REFRESH,
        ONLINE,
        Step {
            note: "Each rule names the file and line that it comes from.",
            run: Command("ipsecconf -L"),
            expect: &[
                Status(0),
                Says(SHARDS[0]),
                Says(SHARDS[1]),
                Says("{ lport 53 dir in } pass { }"),
                Says("{ rport 53 dir out } pass { }"),
                Says(
                    "{ tunnel mytun0 negotiate tunnel dir out } ipsec { encr_algs aes-gcm(128..256)",
                ),
                Silent,
            ],
        },
        Step {
            note: "A second refresh would change nothing.",
            run: Command("ipsecconf --plan -F -a /etc/inet/ipsecinit.d"),
            expect: &[Status(0), Says("# 0 added, 0 removed, 0 in another order, 6 unchanged")],
        },
        Step {
            note: "The other variant: the name of the file says which tunnel it is for.",
            run: Remove("/etc/inet/ipsecinit.d/50_tunnel_mytun0.conf"),
            expect: &[],
        },
        Step { note: "", run: Mkdir("/etc/inet/ipsecinit.d/tunnels"), expect: &[] },
        Step {
            note: "",
            run: Write("/etc/inet/ipsecinit.d/tunnels/mytun0.conf", IMPLIED),
            expect: &[],
        },
        Step {
            note: "It is the same policy.",
            run: Command("ipsecconf --plan -F -a /etc/inet/ipsecinit.d"),
            expect: &[Status(0), Says("# 0 added, 0 removed, 0 in another order, 6 unchanged")],
        },
        REFRESH,
        ONLINE,
        Step {
            note: "One policy for several tunnels, by links to it.",
            run: Write("/etc/inet/ipsecinit.d/uniform", UNIFORM),
            expect: &[],
        },
        Step { note: "", run: Remove("/etc/inet/ipsecinit.d/tunnels/mytun0.conf"), expect: &[] },
        Step {
            note: "",
            run: Link("../uniform", "/etc/inet/ipsecinit.d/tunnels/mytun0.conf"),
            expect: &[],
        },
        REFRESH,
        Step {
            note: "A tunnel is added later.",
            run: Command("dladm create-iptun -T ipv4 -a local=10.1.1.1,remote=134.148.1.2 mytun1"),
            expect: &[Status(0)],
        },
        Step {
            note: "",
            run: Link("../uniform", "/etc/inet/ipsecinit.d/tunnels/mytun1.conf"),
            expect: &[],
        },
        REFRESH,
        ONLINE,
        Step {
            note: "",
            run: Command("dladm show-iptun -o link,flags,policy"),
            expect: &[Status(0), Output(UNIFORM_TUNNELS), Silent],
        },
        Step {
            note: "A mistake in one file. Nothing changes, and the service says what is wrong.",
            run: Write("/etc/inet/ipsecinit.d/tunnels/mytun2.conf", MISTAKE),
            expect: &[],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Keep("before")] },
        Step {
            note: "",
            run: Command("svcadm refresh -s svc:/network/ipsec/policy"),
            expect: &[Fails],
        },
        Step {
            note: "",
            run: Command("svcs -x network/ipsec/policy"),
            expect: &[Says("maintenance"), Says("network-ipsec-policy:default.log")],
        },
        Step {
            note: "",
            run: Cat("/var/svc/log/network-ipsec-policy:default.log"),
            expect: &[Says("tunnels/mytun2.conf:1:40: error: `aes-gmc`"), Says("aes-gcm")],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Same("before")] },
        Step {
            note: "Cleared all the same: the good ones are loaded, the tunnel of the bad one is closed.",
            run: Command("svcadm clear svc:/network/ipsec/policy"),
            expect: &[Status(0)],
        },
        Step {
            note: "",
            run: Command("ipsecconf -l -i mytun2"),
            expect: &[
                Status(0),
                Says("tunnels/mytun2.conf cannot be used, so everything is dropped"),
                Says("{ tunnel mytun2 negotiate tunnel dir in } drop { }"),
                Says("{ tunnel mytun2 negotiate tunnel dir out } drop { }"),
            ],
        },
        Step {
            note: "Mended.",
            run: Remove("/etc/inet/ipsecinit.d/tunnels/mytun2.conf"),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("svcadm clear svc:/network/ipsec/policy"),
            expect: &[Status(0)],
        },
        ONLINE,
        Step {
            note: "A tunnel goes, and its link with it.",
            run: Command("dladm delete-iptun mytun1"),
            expect: &[Status(0), Complains("mytun1.conf was not made by dladm and is left there")],
        },
        Step { note: "", run: Remove("/etc/inet/ipsecinit.d/tunnels/mytun1.conf"), expect: &[] },
        REFRESH,
        Step {
            note: "The tunnel and its policy in one command (section 3.4).",
            run: Command(
                "dladm create-iptun -S -T ipv4 -a local=10.1.1.1,remote=157.85.1.1 \
                 --policy 'encr_algs aes-gcm' sectun0",
            ),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Cat("/etc/inet/ipsecinit.d/tunnels/sectun0.conf"),
            expect: &[
                Says("Made by dladm for this tunnel"),
                Says("{ negotiate tunnel } ipsec { encr_algs aes-gcm }"),
            ],
        },
        Step {
            note: "It is secure, it has policy, and the service knows it already.",
            run: Command("dladm show-iptun -o link,flags,secure,policy sectun0"),
            expect: &[Status(0), Output(SECTUN), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q --plan -F -a /etc/inet/ipsecinit.d"),
            expect: &[Status(0), Says("# 0 added, 0 removed")],
        },
        Step {
            note: "Another policy, in one step.",
            run: Command("dladm modify-iptun --policy 'encr_algs aes-gcm(256)' sectun0"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -l -i sectun0"),
            expect: &[Status(0), Says("ipsec { encr_algs aes-gcm(256) sa shared }")],
        },
        Step {
            note: "Neither is made if one of them cannot be.",
            run: Command(
                "dladm create-iptun -T ipv4 -a local=10.1.1.1,remote=157.85.1.1 \
                 --policy 'encr_algs aes-gcm' other0",
            ),
            expect: &[Status(1), Complains("address already in use")],
        },
        Step { note: "", run: Command("ipsecconf -l -i other0"), expect: &[Output("")] },
        Step {
            note: "Deleted together.",
            run: Command("dladm delete-iptun sectun0"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q --plan -F -a /etc/inet/ipsecinit.d"),
            expect: &[Status(0), Says("# 0 added, 0 removed")],
        },
    ],
};
