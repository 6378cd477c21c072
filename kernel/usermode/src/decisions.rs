// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where this kernel answers otherwise than illumos does, on purpose.
//!
//! Everything else is to be the same byte for byte; the recorded conversations in
//! `tests/golden/pf_policy_kernel.jsonl` and `pf_key_kernel.jsonl` and the recorded commands
//! in `tests/golden/dladm.jsonl` hold it to that.

/// A defect of illumos and what is done instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Short name.
    pub name: &'static str,
    /// What illumos does.
    pub illumos: &'static str,
    /// What [`crate::KernelKind::Modified`] does.
    pub modified: &'static str,
    /// What [`crate::KernelKind::Unmodified`] does.
    pub unmodified: &'static str,
    /// Recorded conversations that show it.
    pub cases: &'static [&'static str],
}

const SAME: &str = "as illumos";

/// All of them.
pub const DECISIONS: &[Decision] = &[
    Decision {
        name: "first rule of a side",
        illumos: "the first rule of a tunnel's side clears the flags of the other side (flags 0x3 become 0x18)",
        modified: "only the flags of the side worked on change (0x3 becomes 0x1b); dump records keep the tunnel flag",
        unmodified: SAME,
        cases: &["tun-standby-add-clears-active"],
    },
    Decision {
        name: "refused first rule of a side",
        illumos: "a refused first rule of a tunnel's side clears all flags (0x3 becomes 0x0)",
        modified: "only the flags of the side worked on are cleared (0x3 stays)",
        unmodified: SAME,
        cases: &["tun-standby-failed-add-clears-active"],
    },
    Decision {
        name: "shorter algorithm table",
        illumos: "UPDATEALGS that leaves out algorithms removes some of them only and lists a wrong selection; DEBUG kernels stop",
        modified: "exactly the algorithms of the request are there, listed in the order of preference",
        unmodified: "as modified",
        cases: &["algs-replace"],
    },
    Decision {
        name: "namespaces of rules",
        illumos: "extension 256 is unknown in every message",
        modified: "a rule belongs to the namespace of its request, and requests change rules of their own namespace only; LOOKUP with one is refused without a diagnostic",
        unmodified: SAME,
        cases: &["ns-ext-256-refused", "ns-probe-lookup"],
    },
    Decision {
        name: "CLONE of one tunnel",
        illumos: "null pointer, or an arbitrary error number",
        modified: "clones the head of that tunnel; ENOENT if there is none",
        unmodified: "EINVAL without a diagnostic; ENOENT if there is no such head",
        cases: &[],
    },
    Decision {
        name: "ADDRULE with a count of 0 and no END or NEXT",
        illumos: "null pointer",
        modified: "EINVAL, diagnostic 6",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "repeated extension of type 9 or 10",
        illumos: "EINVAL, the diagnostic is read from behind a table",
        modified: "EINVAL, diagnostic 43 for type 9 and 2 for type 10",
        unmodified: "as modified",
        cases: &["ext-duplicate-icmp-typecode", "ext-duplicate-tun-name"],
    },
    Decision {
        name: "end of ALGLIST",
        illumos: "with an authentication algorithm 0, six attributes behind END are memory as it was",
        modified: "those 48 bytes are zero",
        unmodified: "as modified",
        cases: &["alglist"],
    },
    Decision {
        name: "message without a full header",
        illumos: "8 bytes with a length of 1 word are taken as a message",
        modified: "EMSGSIZE, in a header filled up with zeroes",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "tunnel name of more than 31 bytes",
        illumos: "cut to 32 bytes without an end",
        modified: "EINVAL, diagnostic 2",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "short extension at the end of a message",
        illumos: "fields behind the message are memory as it was",
        modified: "they are zero, and a reply is never longer than the request",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "algorithm without a number of key sizes",
        illumos: "null pointer",
        modified: "an algorithm without key sizes",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "very long lists of sizes in UPDATEALGS",
        illumos: "memory is the bound",
        modified: "EINVAL, diagnostic 38 or 39, if more than 1024 sizes are announced; ENOMEM if DUMPALGS fits no message",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "tunnels that require IPsec",
        illumos: "command 70 of the tunnel driver is unknown, bit 0x80000000 of the parameters is ignored",
        modified: "both are there: kept from creation to deletion, link down without policy in force, no rename while policy is attached",
        unmodified: SAME,
        cases: &[],
    },
    Decision {
        name: "modify of a tunnel that cannot be bound to its new addresses",
        illumos: "the tunnel stays unbound and loses the addresses that were to be set",
        modified: "it keeps the old ones and stays bound",
        unmodified: SAME,
        cases: &[],
    },
    Decision {
        name: "policy under the old name of a renamed tunnel",
        illumos: "changes of it are not told to the tunnel, which keeps it",
        modified: "the tunnel hears of them as of policy under its own name",
        unmodified: SAME,
        cases: &[],
    },
    Decision {
        name: "policy shared by two tunnels after a rename",
        illumos: "deleting one takes the head out of the list and leaves it with the other one; deleting both takes it out twice",
        modified: "the head goes with the last one",
        unmodified: "both lose it with the first",
        cases: &[],
    },
    Decision {
        name: "simple policy in a request to create",
        illumos: "null pointer if there is a remote end",
        modified: "set together with the rest, or not at all; so with modify",
        unmodified: "as modified; a modify that cannot be bound keeps the policy",
        cases: &[],
    },
    Decision {
        name: "ICMP types in the policy of a tunnel without per-port rules",
        illumos: "rules with types are compared with 0 or with memory as it was",
        modified: "with 0",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "rules that protect or pass, for packets that arrive in clear",
        illumos: "can lose the second half when another rule had a plain pass before",
        modified: "accept clear text, whatever other rules there are",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "keys of packets that arrive protected",
        illumos: "their sizes are not compared with the rule",
        modified: "are, where they are known",
        unmodified: SAME,
        cases: &[],
    },
    Decision {
        name: "statistics of a tunnel that has policy",
        illumos: "each packet that leaves is counted twice",
        modified: "once",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "how much a soft limit of time is shortened",
        illumos: "by 8 to 23 seconds, by chance",
        modified: "by as much, but the same in every run",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "UPDATE and UPDATEPAIR without an association",
        illumos: "null pointer",
        modified: "EINVAL, diagnostic 20",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "DELPAIR_STATE",
        illumos: "null pointer",
        modified: "removes the pairs in that state; EINVAL, diagnostic 20 without an association",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "two dumps at once",
        illumos: "the second is ENOMEM while the first is under way",
        modified: "a dump is whole at once, so there is never a second one",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "keys of zeroes",
        illumos: "refused if the word behind the key is zero, too, which can be outside of the message",
        modified: "not refused for that; weak DES keys are, as on illumos",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "PF_KEY: namespaces",
        illumos: "extension 256 is unknown: EINVAL, diagnostic 2, and nothing is done",
        modified: "it says whose associations a request is about; without one, requests are answered as ever, but find and remove only what belongs to nobody",
        unmodified: SAME,
        cases: &["ns-ext-256-refused", "ns-probe-promisc"],
    },
    Decision {
        name: "broadcast addresses of associations",
        illumos: "those of the interfaces of the host",
        modified: "IPv4 addresses that end in 255",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "link daemon: lines that it cannot read",
        illumos: "reading ends there, and the next change drops the rest of the file",
        modified: "they stay where they are and are complained about",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "link daemon: values that its file cannot hold",
        illumos: "stored, and read as something else",
        modified: "EINVAL for control characters, blanks, ; and =; ENOSPC for lines of more than 1022 bytes",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "link daemon: a file that cannot be read",
        illumos: "not known",
        modified: "changes fail with the same error, and the file is not replaced",
        unmodified: "as modified",
        cases: &[],
    },
    Decision {
        name: "link daemon: names of links in zones",
        illumos: "each zone has its own names",
        modified: "all zones share one set of names; the kernel is one network stack",
        unmodified: "as modified",
        cases: &[],
    },
];
