// SPDX-License-Identifier: MIT OR Apache-2.0

//! Section 4.4 of the proposal: a VPN service and a client of a file server have policy in
//! namespaces of their own, and the policy service is switched off and on beside them.

use super::step::Expect::{Complains, Fails, Keep, Output, Same, Says, Silent, Status};
use super::step::Run::{Command, Write};
use super::step::{Kernel, Part, Step};

const GLOBAL: &str = "\
{ lport 22 dir in } bypass { }
{ lport 53 } bypass { }
";

const VPN: &str = "\
{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes-gcm }
{ tunnel vpn1 negotiate tunnel } ipsec { encr_algs aes-gcm }
";

const VPN_LATER: &str = "\
{ tunnel vpn1 negotiate tunnel } ipsec { encr_algs aes-gcm(256) }
{ tunnel vpn2 negotiate tunnel } ipsec { encr_algs aes-gcm(256) }
";

const NFS: &str = "{ raddr 192.0.2.5 } ipsec { encr_algs aes-gcm }\n";

const GREEDY: &str = "\
{ lport 2049 } drop { }
{ raddr 192.0.2.5 } bypass { }
";

const LIST_NFS: Step = Step {
    note: "",
    run: Command("ipsecconf -N svc:/network/nfs/client -L"),
    expect: &[Status(0), Same("nfs"), Silent],
};

const LIST_VPN: Step = Step {
    note: "",
    run: Command("ipsecconf -N svc:/network/vpn:default -L"),
    expect: &[Status(0), Same("vpn"), Silent],
};

pub(super) const PART: Part = Part {
    title: "Several programs with policy",
    kernel: Kernel::Modified,
    peer: None,
    needs: &["ipsecconf", "svcadm"],
    steps: &[
        Step {
            note: "The policy of the system, in a file, loaded by its service.",
            run: Write("/etc/inet/ipsecinit.conf", GLOBAL),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("svcadm refresh svc:/network/ipsec/policy"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "A VPN service has the policy of its tunnels in a namespace of its own.",
            run: Write("/var/run/vpn.conf", VPN),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -N svc:/network/vpn:default -F -a /var/run/vpn.conf"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "So has a client of a file server.",
            run: Write("/var/run/nfs.conf", NFS),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -N svc:/network/nfs/client -F -a /var/run/nfs.conf"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -N svc:/network/nfs/client -L"),
            expect: &[Status(0), Says("raddr 192.0.2.5/32"), Keep("nfs"), Silent],
        },
        Step {
            note: "",
            run: Command("ipsecconf -N svc:/network/vpn:default -L"),
            expect: &[Status(0), Says("tunnel vpn0"), Says("tunnel vpn1"), Keep("vpn"), Silent],
        },
        Step {
            note: "All of it, and whose it is.",
            run: Command("ipsecconf -N '*' -L"),
            expect: &[
                Status(0),
                Says("#NAMESPACE svc:/network/vpn:default"),
                Says("#NAMESPACE svc:/network/nfs/client"),
                Says("{ lport 22 dir in } pass { }"),
                Silent,
            ],
        },
        Step {
            note: "The policy service is switched off. The others do not notice.",
            run: Command("svcadm disable svc:/network/ipsec/policy"),
            expect: &[Status(0), Silent],
        },
        LIST_NFS,
        LIST_VPN,
        Step {
            note: "Nothing is left of the global rules, and on again.",
            run: Command("svcadm enable svc:/network/ipsec/policy"),
            expect: &[Status(0), Silent],
        },
        LIST_NFS,
        LIST_VPN,
        Step {
            note: "A tunnel goes and another one comes: the VPN service replaces what is its own.",
            run: Write("/var/run/vpn.conf", VPN_LATER),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -N svc:/network/vpn:default -F -a /var/run/vpn.conf"),
            expect: &[Status(0), Complains("tunnel vpn0 has no IPsec policy any more")],
        },
        LIST_NFS,
        Step {
            note: "",
            run: Command("ipsecconf -l"),
            expect: &[Status(0), Says("{ lport 22 dir in } pass { }"), Says("192.0.2.5"), Silent],
        },
        Step {
            note: "What belongs to somebody cannot be taken over.",
            run: Write("/var/run/greedy.conf", GREEDY),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /var/run/greedy.conf"),
            expect: &[
                Fails,
                Complains(
                    "greedy.conf:2:1: error: there is a rule of namespace svc:/network/nfs/client",
                ),
            ],
        },
        LIST_NFS,
        Step {
            note: "A flush of old takes what has no owner with a name, and no more.",
            run: Command("ipsecconf -q -F"),
            expect: &[Status(0), Output(""), Silent],
        },
        LIST_NFS,
        Step {
            note: "The operator can remove everything.",
            run: Command("ipsecconf -q -N '*' -F"),
            expect: &[Status(0), Output(""), Complains("vpn2")],
        },
        Step { note: "", run: Command("ipsecconf -L"), expect: &[Status(0), Output(""), Silent] },
    ],
};
