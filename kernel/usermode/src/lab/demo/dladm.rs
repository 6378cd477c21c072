// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sections 2 and 4.1 of the proposal as typed there, and what a secure tunnel is for.
//!
//! The proposal's listings are compared column by column, with three exceptions: FLAGS
//! has its third letter everywhere; the address of `sectun0`, once called `broken0`, is
//! listed as `sectun0/v4`; and `sectun0` is created with the remote address that the
//! proposal lists, not with the one it types, which belongs to `mytun0`.

use super::step::Expect::{Complains, Fails, Output, Silent, Status};
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

const SECTUN: &str = "{ tunnel sectun0 negotiate tunnel } ipsec { encr_algs aes-gcm }\n";

const ADDRESSES_DOWN: &str = "\
ADDROBJ           TYPE     STATE        ADDR
lo0/v4            static   ok           127.0.0.1/8
mytun0/v4         static   ok           100.64.20.1->100.64.10.1
sectun0/v4        static   inaccessible 100.64.30.1->100.64.40.1
";

const TUNNELS_DOWN: &str = "\
LINK            TYPE  FLAGS  LOCAL               REMOTE
mytun0          ipv4  s--    10.1.1.1            134.148.1.1
sectun0         ipv4  --S    10.1.1.1            157.85.1.1
";

const LINKS_DOWN: &str = "\
LINK        CLASS     MTU    STATE    BRIDGE     OVER
mytun0      iptun     1402   up       --         --
sectun0     iptun     1402   down     --         --
";

pub(super) const PART: Part = Part {
    title: "IP tunnels, and tunnels that cannot pass clear text",
    kernel: Kernel::Modified,
    peer: None,
    needs: &["dladm", "ipadm", "ipsecconf"],
    steps: &[
        Step {
            note: "A tunnel (section 2).",
            run: Command("dladm create-iptun -T ipv4 -a local=10.1.1.1,remote=134.148.1.1 mytun0"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun"),
            expect: &[
                Status(0),
                Output(
                    "LINK            TYPE  FLAGS  LOCAL               REMOTE\n\
                     mytun0          ipv4  ---    10.1.1.1            134.148.1.1\n",
                ),
            ],
        },
        Step {
            note: "Addresses for what goes through it.",
            run: Command(
                "ipadm create-addr -T static -a local=100.64.20.1,remote=100.64.10.1 mytun0/v4",
            ),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipadm show-addr mytun0/"),
            expect: &[
                Status(0),
                Output(
                    "ADDROBJ           TYPE     STATE        ADDR\n\
                     mytun0/v4         static   ok           100.64.20.1->100.64.10.1\n",
                ),
            ],
        },
        Step { note: "Its policy.", run: Write("/etc/inet/ipsecinit.conf", INIT), expect: &[] },
        Step { note: "", run: Cat("/etc/inet/ipsecinit.conf"), expect: &[Output(INIT)] },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /etc/inet/ipsecinit.conf"),
            expect: &[Status(0)],
        },
        Step {
            note: "The flag s: policy is attached.",
            run: Command("dladm show-iptun"),
            expect: &[
                Status(0),
                Output(
                    "LINK            TYPE  FLAGS  LOCAL               REMOTE\n\
                     mytun0          ipv4  s--    10.1.1.1            134.148.1.1\n",
                ),
            ],
        },
        Step {
            note: "A tunnel that requires IPsec (section 4.1).",
            run: Command(
                "dladm create-iptun -T ipv4 -S -a local=10.1.1.1,remote=157.85.1.1 sectun0",
            ),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun"),
            expect: &[Status(0), Output(TUNNELS_DOWN)],
        },
        Step {
            note: "",
            run: Command(
                "ipadm create-addr -T static -a local=100.64.30.1,remote=100.64.40.1 sectun0/v4",
            ),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "Without policy it is off line.",
            run: Command("dladm show-link"),
            expect: &[Status(0), Output(LINKS_DOWN)],
        },
        Step {
            note: "",
            run: Command("ipadm show-addr"),
            expect: &[Status(0), Output(ADDRESSES_DOWN)],
        },
        Step {
            note: "With a policy it comes on line.",
            run: Write("/etc/inet/sectun0.conf", SECTUN),
            expect: &[],
        },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /etc/inet/sectun0.conf"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun"),
            expect: &[
                Status(0),
                Output(
                    "LINK            TYPE  FLAGS  LOCAL               REMOTE\n\
                     mytun0          ipv4  s--    10.1.1.1            134.148.1.1\n\
                     sectun0         ipv4  s-S    10.1.1.1            157.85.1.1\n",
                ),
            ],
        },
        Step {
            note: "",
            run: Command("dladm show-link"),
            expect: &[
                Status(0),
                Output(
                    "LINK        CLASS     MTU    STATE    BRIDGE     OVER\n\
                     mytun0      iptun     1402   up       --         --\n\
                     sectun0     iptun     1402   up       --         --\n",
                ),
            ],
        },
        Step {
            note: "",
            run: Command("ipadm show-addr"),
            expect: &[
                Status(0),
                Output(
                    "ADDROBJ           TYPE     STATE        ADDR\n\
                     lo0/v4            static   ok           127.0.0.1/8\n\
                     mytun0/v4         static   ok           100.64.20.1->100.64.10.1\n\
                     sectun0/v4        static   ok           100.64.30.1->100.64.40.1\n",
                ),
            ],
        },
        Step {
            note: "A flush opens mytun0, which is said aloud, and closes sectun0.",
            run: Command("ipsecconf -q -F"),
            expect: &[Status(0), Complains("mytun0, sectun0 have no IPsec policy")],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun -o link,flags,secure"),
            expect: &[
                Status(0),
                Output(
                    "LINK            FLAGS  SECURE\n\
                     mytun0          ---    no\n\
                     sectun0         --S    yes\n",
                ),
            ],
        },
        Step {
            note: "",
            run: Command("ipadm show-addr sectun0/"),
            expect: &[
                Status(0),
                Output(
                    "ADDROBJ           TYPE     STATE        ADDR\n\
                     sectun0/v4        static   inaccessible 100.64.30.1->100.64.40.1\n",
                ),
            ],
        },
        Step {
            note: "A tunnel with addresses on it is in use.",
            run: Command("dladm delete-iptun sectun0"),
            expect: &[Fails, Complains("link busy")],
        },
        Step {
            note: "The requirement belongs to the tunnel: it outlives taking it down.",
            run: Command("ipadm delete-addr sectun0/v4"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm down-iptun sectun0"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm up-iptun sectun0"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun"),
            expect: &[
                Status(0),
                Output(
                    "LINK            TYPE  FLAGS  LOCAL               REMOTE\n\
                     mytun0          ipv4  ---    10.1.1.1            134.148.1.1\n\
                     sectun0         ipv4  --S    10.1.1.1            157.85.1.1\n",
                ),
            ],
        },
        Step {
            note: "",
            run: Command("dladm delete-iptun sectun0"),
            expect: &[Status(0), Output(""), Silent],
        },
    ],
};

/// A kernel without the change.
pub(super) const OLD_KERNEL: Part = Part {
    title: "A kernel that cannot guarantee IPsec",
    kernel: Kernel::Unmodified,
    peer: None,
    needs: &["dladm", "ipsecconf", "ipseckey"],
    steps: &[
        Step {
            note: "",
            run: Command(
                "dladm create-iptun -T ipv4 -S -a local=10.1.1.1,remote=157.85.1.1 sectun0",
            ),
            expect: &[Fails, Output(""), Complains("sectun0")],
        },
        Step {
            note: "Nothing is left behind.",
            run: Command("dladm show-iptun"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("dladm show-iptun -P"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "It has no namespaces either.",
            run: Command("ipsecconf -q -N svc:/network/vpn -F"),
            expect: &[Fails, Output(""), Complains("does not know namespaces")],
        },
        Step {
            note: "",
            run: Command("ipseckey -N svc:/network/vpn flush all"),
            expect: &[Fails, Complains("namespaces")],
        },
    ],
};
