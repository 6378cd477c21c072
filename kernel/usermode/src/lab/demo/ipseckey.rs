// SPDX-License-Identifier: MIT OR Apache-2.0

//! Two hosts, a secure tunnel between them, and its keys.

use super::step::Expect::{Fails, Output, Says, Silent, Status};
use super::step::Run::{Command, There, Write, WriteThere};
use super::step::{Kernel, Part, Step};

const POLICY: &str =
    "{ tunnel vpn0 negotiate tunnel } ipsec { encr_algs aes encr_auth_algs sha256 }\n";

/// The same on both hosts: each of them takes one association for what it sends and one for
/// what it receives.
const KEYS: &str = "\
add esp spi 0x2112 src 10.1.1.1 dst 157.85.1.1 \\
    proto 4 innersrc 0.0.0.0/0 innerdst 0.0.0.0/0 \\
    encr_alg aes encrkey 0f0e0d0c0b0a09080706050403020100 \\
    auth_alg sha256 \\
    authkey 00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210
add esp spi 0x5150 src 157.85.1.1 dst 10.1.1.1 \\
    proto 4 innersrc 0.0.0.0/0 innerdst 0.0.0.0/0 \\
    encr_alg aes encrkey a0a1a2a3a4a5a6a7a8a9aaabacadaeaf \\
    auth_alg sha256 \\
    authkey 102132435465768798a9bacbdcedfe0f123456789abcdef0fedcba9876543210
";

const OUT: &str = "ipsec-lab verdict --out --tunnel vpn0 --src 1.1.1.1 --dst 1.1.1.2";
const DROPPED: &str = "drop: there is no association for it";

/// Both hosts by turns.
pub(super) const PART: Part = Part {
    title: "Keys for a tunnel between two hosts",
    kernel: Kernel::Modified,
    peer: Some("157.85.1.1"),
    needs: &["dladm", "ipsecconf", "ipseckey"],
    steps: &[
        Step {
            note: "Each host has its end of the tunnel, which requires IPsec.",
            run: Command("dladm create-iptun -T ipv4 -S -a local=10.1.1.1,remote=157.85.1.1 vpn0"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "",
            run: There("dladm create-iptun -T ipv4 -S -a local=157.85.1.1,remote=10.1.1.1 vpn0"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "",
            run: Command("ipadm create-addr -T static -a local=1.1.1.1,remote=1.1.1.2 vpn0/v4"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "",
            run: There("ipadm create-addr -T static -a local=1.1.1.2,remote=1.1.1.1 vpn0/v4"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "And the same policy.",
            run: Write("/etc/inet/ipsecinit.conf", POLICY),
            expect: &[],
        },
        Step { note: "", run: WriteThere("/etc/inet/ipsecinit.conf", POLICY), expect: &[] },
        Step {
            note: "",
            run: Command("ipsecconf -q -a /etc/inet/ipsecinit.conf"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "",
            run: There("ipsecconf -q -a /etc/inet/ipsecinit.conf"),
            expect: &[Status(0), Silent],
        },
        Step {
            note: "Policy says how to protect. Without keys nothing can be, so nothing leaves.",
            run: Command(OUT),
            expect: &[
                Status(4),
                Says(DROPPED),
                Says("key management is asked for ESP from 10.1.1.1 to 157.85.1.1"),
            ],
        },
        Step {
            note: "Keys for both directions. The file is the same on both hosts.",
            run: Write("/etc/inet/secret/ipseckeys", KEYS),
            expect: &[],
        },
        Step { note: "", run: WriteThere("/etc/inet/secret/ipseckeys", KEYS), expect: &[] },
        Step {
            note: "Checked before it is loaded:",
            run: Command("ipseckey -n -c /etc/inet/secret/ipseckeys"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipseckey -n -f /etc/inet/secret/ipseckeys"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: There("ipseckey -n -f /etc/inet/secret/ipseckeys"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command("ipseckey -np get esp spi 0x2112 dst 157.85.1.1"),
            expect: &[Status(0), Says("SA: flags=0x40028000 < X_OUTBOUND X_UNIQUE X_TUNNEL >")],
        },
        Step {
            note: "",
            run: There("ipseckey -np get esp spi 0x2112 dst 157.85.1.1"),
            expect: &[Status(0), Says("SA: flags=0x40024000 < X_INBOUND X_UNIQUE X_TUNNEL >")],
        },
        Step {
            note: "Now packets leave protected,",
            run: Command(OUT),
            expect: &[
                Status(0),
                Says("protect (tunnel mode)"),
                Says("ESP association with SPI 0x2112"),
            ],
        },
        Step {
            note: "and the other host accepts what comes with that SPI,",
            run: There(
                "ipsec-lab verdict --in --tunnel vpn0 --src 1.1.1.1 --dst 1.1.1.2 --protected \
                 esp-spi:0x2112",
            ),
            expect: &[
                Status(0),
                Says("protect (tunnel mode)"),
                Says("ESP association with SPI 0x2112"),
            ],
        },
        Step {
            note: "but nothing in clear,",
            run: There("ipsec-lab verdict --in --tunnel vpn0 --src 1.1.1.1 --dst 1.1.1.2"),
            expect: &[Status(4), Says("drop: it arrived in clear and has to be protected")],
        },
        Step {
            note: "and nothing with an SPI that it does not know.",
            run: There(
                "ipsec-lab verdict --in --tunnel vpn0 --src 1.1.1.1 --dst 1.1.1.2 --protected \
                 esp-spi:0x2113",
            ),
            expect: &[Status(4), Says(DROPPED)],
        },
        Step {
            note: "A slip of the fingers removes nothing.",
            run: Command("ipseckey flush eps"),
            expect: &[Fails, Says("Unknown SA type (eps).")],
        },
        Step {
            note: "When the keys go, traffic stops.",
            run: Command("ipseckey flush"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step { note: "", run: Command(OUT), expect: &[Status(4), Says(DROPPED)] },
        Step {
            note: "When they are back, it goes on.",
            run: Command("ipseckey -n -f /etc/inet/secret/ipseckeys"),
            expect: &[Status(0), Output(""), Silent],
        },
        Step {
            note: "",
            run: Command(OUT),
            expect: &[Status(0), Says("ESP association with SPI 0x2112")],
        },
    ],
};
