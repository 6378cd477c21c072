/*
 * This file and its contents are supplied under the terms of the
 * Common Development and Distribution License ("CDDL"), version 1.0.
 * You may only use this file in accordance with the terms of version
 * 1.0 of the CDDL.
 *
 * A full copy of the text of the CDDL should have accompanied this
 * source.  A copy of the CDDL is also available via the Internet at
 * http://www.illumos.org/license/CDDL.
 *
 * SPDX-License-Identifier: CDDL-1.0
 */

/*
 * Requests of PF_POLICY for tests; see nst_policy.h.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/pfpolicy.h>
#include <net/pfkeyv2.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst_policy.h"

/* How long an answer may take; the first one may wait for modules. */
#define	NSP_WAIT	60000

int
nsp_open(void)
{
	int fd = socket(PF_POLICY, SOCK_RAW, PF_POLICY_V1);

	if (fd == -1)
		nst_die("socket(PF_POLICY): %s", strerror(errno));
	return (fd);
}

/*
 * Begins a request about a side of the system (tunnel is NULL), of a tunnel,
 * or of all of them.
 */
void
nsp_start(nst_msg_t *msg, uint8_t type, uint8_t side, const char *tunnel)
{
	const size_t at = 2 * sizeof (uint16_t);
	char *ext;

	nst_start(msg, PF_POLICY_V1, type, side);
	if (tunnel != NULL) {
		ext = nst_add(msg, SPD_EXT_TUN_NAME, at + strlen(tunnel) + 1);
		(void) memcpy(ext + at, tunnel, strlen(tunnel));
	}
}

void
nsp_rule(nst_msg_t *msg, uint32_t priority, uint32_t flags, uint64_t index)
{
	struct spd_rule *rule = nst_add(msg, SPD_EXT_RULE, sizeof (*rule));

	rule->spd_rule_priority = priority;
	rule->spd_rule_flags = flags;
	rule->spd_rule_index = index;
}

void
nsp_proto(nst_msg_t *msg, uint8_t number)
{
	struct spd_proto *proto = nst_add(msg, SPD_EXT_PROTO, sizeof (*proto));

	proto->spd_proto_number = number;
}

/*
 * One IPv4 address, in host order, as a selector.
 */
void
nsp_address(nst_msg_t *msg, uint16_t type, uint32_t address)
{
	spd_address_t *ext = nst_add(msg, type, sizeof (*ext) + 8);
	uint32_t bytes = htonl(address);

	ext->spd_address_af = AF_INET;
	ext->spd_address_prefixlen = 32;
	(void) memcpy(ext + 1, &bytes, sizeof (bytes));
}

void
nsp_action(nst_msg_t *msg, nsp_action_t action)
{
	static const uint32_t pass[] = {
		SPD_ATTR_TYPE, SPD_ACTTYPE_PASS, SPD_ATTR_END, 0
	};
	static const uint32_t drop[] = {
		SPD_ATTR_TYPE, SPD_ACTTYPE_DROP, SPD_ATTR_END, 0
	};
	static const uint32_t ah[] = {
		SPD_ATTR_TYPE, SPD_ACTTYPE_IPSEC,
		SPD_ATTR_FLAGS, SPD_APPLY_AH,
		SPD_ATTR_AH_AUTH, SADB_AALG_SHA256HMAC,
		SPD_ATTR_END, 0
	};
	static const uint32_t esp[] = {
		SPD_ATTR_TYPE, SPD_ACTTYPE_IPSEC,
		SPD_ATTR_FLAGS, SPD_APPLY_ESP | SPD_APPLY_ESPA,
		SPD_ATTR_ESP_ENCR, SADB_EALG_AES,
		SPD_ATTR_ESP_AUTH, SADB_AALG_SHA256HMAC,
		SPD_ATTR_END, 0
	};
	static const uint32_t unknown[] = {
		SPD_ATTR_TYPE, SPD_ACTTYPE_IPSEC,
		SPD_ATTR_FLAGS, SPD_APPLY_ESP,
		SPD_ATTR_ESP_ENCR, 200,
		SPD_ATTR_END, 0
	};
	static const struct {
		const uint32_t *list;
		size_t bytes;
	} actions[] = {
		{ pass, sizeof (pass) },
		{ drop, sizeof (drop) },
		{ ah, sizeof (ah) },
		{ esp, sizeof (esp) },
		{ unknown, sizeof (unknown) }
	};
	static const uint32_t empty[] = { SPD_ATTR_EMPTY, 0 };
	struct spd_ext_actions *ext;

	ext = nst_add(msg, SPD_EXT_ACTION, sizeof (*ext));
	ext->spd_actions_count = 1;
	ext->spd_actions_len = (uint16_t)((sizeof (*ext) + sizeof (empty) +
	    actions[action].bytes) / 8);
	nst_add_raw(msg, empty, sizeof (empty));
	nst_add_raw(msg, actions[action].list, actions[action].bytes);
}

/*
 * Reads the answer to a request, and checks that it is one.
 */
nst_status_t
nsp_answer(int fd, uint32_t seq, const nst_msg_t *request, nst_msg_t *answer)
{
	const nst_hdr_t *hdr = NST_HDR(answer);
	nst_status_t status;

	if (!nst_receive(fd, answer, NSP_WAIT))
		nst_die("no answer to a request of type %u",
		    NST_HDR(request)->nh_type);
	(void) CHECK(hdr->nh_seq == seq && hdr->nh_pid == (uint32_t)getpid() &&
	    hdr->nh_type == NST_HDR(request)->nh_type,
	    "request: type %u, seq %u; answer: type %u, seq %u, pid %u",
	    NST_HDR(request)->nh_type, seq, hdr->nh_type, hdr->nh_seq,
	    hdr->nh_pid);
	status.ns_errno = hdr->nh_errno;
	status.ns_diag = hdr->nh_diag;
	(void) CHECK(status.ns_errno == 0 ||
	    answer->nm_bytes == sizeof (nst_hdr_t),
	    "a refusal with %lu bytes", (ulong_t)answer->nm_bytes);
	return (status);
}

/*
 * Sends a request that has one answer, which can be asked for.
 */
nst_status_t
nsp_ask(int fd, nst_msg_t *request, nst_msg_t *answer)
{
	static nst_msg_t forgotten;
	uint32_t seq = nst_send(fd, request);

	return (nsp_answer(fd, seq, request,
	    answer == NULL ? &forgotten : answer));
}

/*
 * FLUSH, FLIP, CLONE, LOOKUP, and what takes no more than they do.
 */
nst_status_t
nsp_do(int fd, uint8_t type, uint8_t side, const char *tunnel,
    const char *owner)
{
	static nst_msg_t msg;

	nsp_start(&msg, type, side, tunnel);
	nst_owner(&msg, owner);
	return (nsp_ask(fd, &msg, NULL));
}

/*
 * ADDRULE of a rule for a peer, or of one for all traffic if that is 0.  The
 * number that is returned is the last one; with a peer there are two, one for
 * each direction, and without there are four.
 */
nst_status_t
nsp_add_rule(int fd, uint8_t side, const char *tunnel, const char *owner,
    uint32_t flags, uint32_t remote, nsp_action_t action, uint64_t *indexp)
{
	static nst_msg_t msg, answer;
	const struct spd_rule *rule;
	nst_status_t status;

	nsp_start(&msg, SPD_ADDRULE, side, tunnel);
	nsp_rule(&msg, 1000 + (remote & 0xffff), flags, 0);
	if (remote != 0)
		nsp_address(&msg, SPD_EXT_REMADDR, remote);
	nsp_action(&msg, action);
	nst_owner(&msg, owner);
	status = nsp_ask(fd, &msg, &answer);
	if (status.ns_errno == 0 && indexp != NULL) {
		rule = nst_find(&answer, SPD_EXT_RULE, NULL);
		if (rule == NULL)
			nst_die("the echo of a rule has no rule");
		*indexp = rule->spd_rule_index;
	}
	return (status);
}

/*
 * DELETERULE by number.
 */
nst_status_t
nsp_delete(int fd, uint8_t side, const char *tunnel, const char *owner,
    uint64_t index)
{
	static nst_msg_t msg;

	nsp_start(&msg, SPD_DELETERULE, side, tunnel);
	nsp_rule(&msg, 0, NSP_BOTH, index);
	nst_owner(&msg, owner);
	return (nsp_ask(fd, &msg, NULL));
}

static void
nsp_keep_bytes(nsp_dump_t *dump, const nst_msg_t *msg)
{
	uint8_t *bytes;

	bytes = realloc(dump->pd_bytes, dump->pd_nbytes + msg->nm_bytes);
	if (bytes == NULL)
		nst_die("no memory");
	(void) memcpy(bytes + dump->pd_nbytes, msg->nm_words, msg->nm_bytes);
	dump->pd_bytes = bytes;
	dump->pd_nbytes += msg->nm_bytes;
}

static void
nsp_keep_rule(nsp_dump_t *dump, const nst_msg_t *msg)
{
	const struct spd_rule *rule = nst_find(msg, SPD_EXT_RULE, NULL);
	const spd_address_t *remote = nst_find(msg, SPD_EXT_REMADDR, NULL);
	nsp_rule_t *list, *kept;
	uint32_t address = 0;

	if (rule == NULL)
		nst_die("a record of a dump has no rule");
	list = realloc(dump->pd_list,
	    (dump->pd_rules + 1) * sizeof (nsp_rule_t));
	if (list == NULL)
		nst_die("no memory");
	dump->pd_list = list;
	kept = &list[dump->pd_rules++];
	kept->pr_index = rule->spd_rule_index;
	kept->pr_flags = rule->spd_rule_flags;
	if (remote != NULL && remote->spd_address_af == AF_INET)
		(void) memcpy(&address, remote + 1, sizeof (address));
	kept->pr_remote = ntohl(address);
	(void) nst_named(msg, kept->pr_owner, sizeof (kept->pr_owner));
}

/*
 * Reads what answers a request for a dump: a beginning, rules, and an end.
 * Both the beginning and the end have the extension RULESET, which rules have
 * not.  A refusal is a header alone.
 */
nst_status_t
nsp_read_dump(int fd, uint32_t seq, nsp_dump_t *dump)
{
	static nst_msg_t msg;
	const nst_hdr_t *hdr = NST_HDR(&msg);
	const struct spd_ruleset_ext *set;
	uint_t sets = 0;

	(void) memset(dump, 0, sizeof (*dump));
	while (sets < 2) {
		if (!nst_receive(fd, &msg, NSP_WAIT))
			nst_die("a dump does not end");
		if (hdr->nh_type != SPD_DUMP || hdr->nh_seq != seq)
			nst_die("a message of type %u, seq %u in dump %u",
			    hdr->nh_type, hdr->nh_seq, seq);
		nsp_keep_bytes(dump, &msg);
		dump->pd_status.ns_errno = hdr->nh_errno;
		dump->pd_status.ns_diag = hdr->nh_diag;
		set = nst_find(&msg, SPD_EXT_RULESET, NULL);
		if (set != NULL) {
			dump->pd_count = set->spd_ruleset_count;
			sets++;
		} else if (hdr->nh_errno != 0) {
			break;
		} else {
			nsp_keep_rule(dump, &msg);
		}
	}
	return (dump->pd_status);
}

/*
 * A dump, on a socket of its own.  It is repeated so many times if the rules
 * change in the meantime.
 */
nst_status_t
nsp_dump(uint8_t side, const char *tunnel, const char *owner, int tries,
    nsp_dump_t *dump)
{
	static nst_msg_t msg;
	nst_status_t status;
	int fd;

	for (;;) {
		fd = nsp_open();
		nsp_start(&msg, SPD_DUMP, side, tunnel);
		nst_owner(&msg, owner);
		status = nsp_read_dump(fd, nst_send(fd, &msg), dump);
		(void) close(fd);
		if (status.ns_errno != EAGAIN || --tries <= 0)
			break;
		nsp_dump_free(dump);
	}
	return (status);
}

void
nsp_dump_free(nsp_dump_t *dump)
{
	free(dump->pd_list);
	free(dump->pd_bytes);
	(void) memset(dump, 0, sizeof (*dump));
}

/*
 * The number of rules on both sides of the system and of all tunnels.
 */
uint_t
nsp_count_all(void)
{
	nsp_dump_t dump;
	uint_t rules = 0;
	uint8_t side;

	for (side = SPD_ACTIVE; side <= SPD_STANDBY; side++) {
		if (nsp_dump(side, NSP_ALL, NULL, 10, &dump).ns_errno != 0)
			nst_die("cannot dump all policy");
		rules += dump.pd_rules;
		nsp_dump_free(&dump);
	}
	return (rules);
}

/*
 * Does the kernel have namespaces?
 */
void
nsp_probe(int fd)
{
	nst_status_t status = nsp_do(fd, SPD_LOOKUP, SPD_ACTIVE, NULL, "probe");

	if (status.ns_errno != EINVAL || status.ns_diag != 0)
		nst_die("this kernel has no namespaces of policy: LOOKUP gives "
		    "error %d, diagnostic %d", status.ns_errno,
		    status.ns_diag);
}
