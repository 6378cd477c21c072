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
 * Rules of several owners, over the real PF_POLICY socket: each kind of
 * request with two owners and with nobody, for the system and for a tunnel.
 *
 * The tunnel is a name only; policy for it needs no link.  The node of that
 * name stays behind without rules, as the kernel keeps it until a tunnel of
 * the name is deleted.  (ipsec_ns_fini sees to that.)
 *
 * All that the tests know about the rules of a side is one line of text, such
 * as "1:- 2:a 3:b": rules for the peers 1, 2 and 3, the first one of nobody,
 * the others of owners a and b.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/pfpolicy.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst_policy.h"

#define	OWNERS		3
#define	HEADS		2

/* 240.66.0.0, in host order: there is no traffic with such addresses. */
#define	PEERS		0xf0420000u

static const char *const owners[OWNERS] = { NULL, "svc:/vpn:a", "svc:/nfs:b" };
static const char letters[OWNERS] = { '-', 'a', 'b' };

/* The system, and a tunnel. */
static const char *const heads[HEADS] = { NULL, NSP_TUNNEL };

/* Names beside those above that tests use, to be cleaned up. */
static char longest[IPSEC_NAMESPACE_MAX + 1];
static const char *const others[] = { "stranger", "x", "X", longest };

/* Numbers of the rules that fill() has made. */
static uint64_t active_index[OWNERS], standby_index[OWNERS];

static int sock = -1;

/*
 * Rules of a tunnel are in tunnel mode.
 */
static uint32_t
mode(const char *head)
{
	return (NSP_BOTH | (head == NULL ? 0 : SPD_RULE_FLAG_TUNNEL));
}

static const char *
head_name(const char *head)
{
	return (head == NULL ? "the system" : head);
}

static nst_status_t
add_peer(uint8_t side, const char *head, int owner, uint32_t last,
    uint64_t *indexp)
{
	return (nsp_add_rule(sock, side, head, owners[owner], mode(head),
	    PEERS + last, NSP_ESP, indexp));
}

static void
must_add(uint8_t side, const char *head, int owner, uint32_t last,
    uint64_t *indexp)
{
	EXPECT(add_peer(side, head, owner, last, indexp), 0, 0,
	    "rule %u of %c, side %u of %s", last, letters[owner], side,
	    head_name(head));
}

static nst_status_t
do_as(int owner, uint8_t type, uint8_t side, const char *head)
{
	return (nsp_do(sock, type, side, head, owners[owner]));
}

static void
must_do(int owner, uint8_t type, uint8_t side, const char *head)
{
	EXPECT(do_as(owner, type, side, head), 0, 0,
	    "request %u of %c, side %u of %s", type, letters[owner], side,
	    head_name(head));
}

/*
 * Removes all that a test can have left.
 */
static void
flush_everything(int fd)
{
	uint8_t side;
	size_t i;

	for (side = SPD_ACTIVE; side <= SPD_STANDBY; side++) {
		for (i = 0; i < OWNERS; i++)
			(void) nsp_do(fd, SPD_FLUSH, side, NSP_ALL, owners[i]);
		for (i = 0; i < sizeof (others) / sizeof (others[0]); i++)
			(void) nsp_do(fd, SPD_FLUSH, side, NSP_ALL, others[i]);
	}
}

/*
 * Nobody and two owners have one rule each on both sides: 1, 2, 3 are
 * active, 11, 12, 13 on standby.
 */
static void
fill(const char *head)
{
	int i;

	flush_everything(sock);
	for (i = 0; i < OWNERS; i++) {
		must_add(SPD_ACTIVE, head, i, i + 1, &active_index[i]);
		must_add(SPD_STANDBY, head, i, i + 11, &standby_index[i]);
	}
}

typedef struct line {
	char	text[4096];
} line_t;

static int
by_remote(const void *one, const void *two)
{
	const nsp_rule_t *a = one, *b = two;

	if (a->pr_remote != b->pr_remote)
		return (a->pr_remote < b->pr_remote ? -1 : 1);
	return (strcmp(a->pr_owner, b->pr_owner));
}

/*
 * The rules of one direction as a line of text.
 */
static void
to_line(nsp_dump_t *dump, uint32_t direction, line_t *line)
{
	size_t at = 0;
	uint_t i, o;

	line->text[0] = '\0';
	qsort(dump->pd_list, dump->pd_rules, sizeof (nsp_rule_t), by_remote);
	for (i = 0; i < dump->pd_rules; i++) {
		const nsp_rule_t *rule = &dump->pd_list[i];
		char letter = '?';

		if (!(rule->pr_flags & direction))
			continue;
		if (rule->pr_owner[0] == '\0')
			letter = letters[0];
		for (o = 1; o < OWNERS; o++) {
			if (strcmp(rule->pr_owner, owners[o]) == 0)
				letter = letters[o];
		}
		at += snprintf(line->text + at, sizeof (line->text) - at,
		    "%s%u:%c", at == 0 ? "" : " ",
		    (uint_t)(rule->pr_remote & 0xffff), letter);
		if (at >= sizeof (line->text))
			nst_die("too many rules for a line");
	}
}

/*
 * Has a side these rules, of whom the request asks for?
 */
static void
has_asked(uint8_t side, const char *head, const char *asked,
    const char *expected)
{
	static line_t in, out;
	nsp_dump_t dump;

	EXPECT(nsp_dump(side, head, asked, 1, &dump), 0, 0,
	    "dump of side %u of %s", side, head_name(head));
	(void) CHECK(dump.pd_count == dump.pd_rules,
	    "the trailer counts %u rules, %u were shown", dump.pd_count,
	    dump.pd_rules);
	to_line(&dump, SPD_RULE_FLAG_INBOUND, &in);
	to_line(&dump, SPD_RULE_FLAG_OUTBOUND, &out);
	(void) CHECK(strcmp(in.text, out.text) == 0,
	    "in: \"%s\", out: \"%s\"", in.text, out.text);
	(void) CHECK(strcmp(out.text, expected) == 0,
	    "side %u of %s has \"%s\", expected \"%s\"", side,
	    head_name(head), out.text, expected);
	nsp_dump_free(&dump);
}

static void
has(uint8_t side, const char *head, const char *expected)
{
	has_asked(side, head, NST_ANY, expected);
}

static nst_status_t
transport_rule(uint8_t side, int owner)
{
	return (nsp_add_rule(sock, side, NSP_TUNNEL, owners[owner], NSP_BOTH,
	    0, NSP_ESP, NULL));
}

/*
 * A side of the tunnel that is in use, for tunnel mode, refuses rules for
 * transport mode.  That tells from outside whether it is in use.  If it is
 * not, the rule has to go again.
 */
static void
is_in_use(uint8_t side, boolean_t expected, const char *when)
{
	nst_status_t status = transport_rule(side, 0);

	EXPECT(status, expected ? EBUSY : 0, 0,
	    "%s: a rule for transport mode on side %u", when, side);
	if (status.ns_errno == 0)
		must_do(0, SPD_FLUSH, side, NSP_TUNNEL);
}

/*
 * Tests
 */

static void
test_probe(void)
{
	nst_test("the probe is refused as ever, and nothing else");
	EXPECT(nsp_do(sock, SPD_LOOKUP, SPD_ACTIVE, NULL, NULL), EINVAL, 0,
	    "LOOKUP without a namespace");
	EXPECT(nsp_do(sock, SPD_LOOKUP, SPD_ACTIVE, NULL, owners[1]), EINVAL,
	    0, "LOOKUP with one");
}

static void
test_add(const char *head)
{
	static nst_msg_t msg, answer;
	uint64_t index;

	nst_test("a rule belongs to whom the request names: %s",
	    head_name(head));
	fill(head);
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
	has(SPD_STANDBY, head, "11:- 12:a 13:b");

	/* The numbers go on over all owners and both sides. */
	must_add(SPD_ACTIVE, head, 1, 9, &index);
	(void) CHECK(index == standby_index[2] + 2,
	    "the number is %llu, that before was %llu",
	    (u_longlong_t)index, (u_longlong_t)standby_index[2]);

	/* The echo is the request. */
	nsp_start(&msg, SPD_ADDRULE, SPD_ACTIVE, head);
	nst_owner(&msg, owners[2]);
	nsp_rule(&msg, 5, mode(head), 0);
	nsp_address(&msg, SPD_EXT_REMADDR, PEERS + 50);
	nsp_action(&msg, NSP_ESP);
	EXPECT(nsp_ask(sock, &msg, &answer), 0, 0,
	    "the namespace as the first extension");
	(void) CHECK(answer.nm_bytes == msg.nm_bytes,
	    "the echo has %lu bytes, the request %lu",
	    (ulong_t)answer.nm_bytes, (ulong_t)msg.nm_bytes);
	(void) CHECK(nst_find(&answer, SPD_EXT_NAMESPACE, NULL) != NULL,
	    "the echo has no namespace");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b 9:a 50:b");
}

static void
test_add_twice(const char *head)
{
	int asks;
	uint32_t last;

	nst_test("the same traffic twice is refused, whoever asks: %s",
	    head_name(head));
	fill(head);
	for (asks = 0; asks < OWNERS; asks++) {
		for (last = 1; last <= OWNERS; last++) {
			boolean_t own = (last == (uint32_t)asks + 1);

			EXPECT(add_peer(SPD_ACTIVE, head, asks, last, NULL),
			    EEXIST,
			    own ? 0 : IPSEC_NAMESPACE_DIAG_CONFLICT,
			    "rule %u again, by %c", last, letters[asks]);
		}
	}
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
}

static void
test_add_icmp(void)
{
	static nst_msg_t msg;
	int asks;

	nst_test("ICMP that is protected in another way is in the way");
	flush_everything(sock);
	nsp_start(&msg, SPD_ADDRULE, SPD_ACTIVE, NULL);
	nsp_rule(&msg, 5, SPD_RULE_FLAG_OUTBOUND, 0);
	nsp_proto(&msg, IPPROTO_ICMP);
	nsp_address(&msg, SPD_EXT_LCLADDR, PEERS + 98);
	nsp_action(&msg, NSP_ESP);
	nst_owner(&msg, owners[1]);
	EXPECT(nsp_ask(sock, &msg, NULL), 0, 0, "ICMP with ESP");
	for (asks = 0; asks < OWNERS; asks++) {
		nsp_start(&msg, SPD_ADDRULE, SPD_ACTIVE, NULL);
		nsp_rule(&msg, 6, SPD_RULE_FLAG_OUTBOUND, 0);
		nsp_proto(&msg, IPPROTO_ICMP);
		nsp_address(&msg, SPD_EXT_LCLADDR, PEERS + 99);
		nsp_action(&msg, NSP_AH);
		nst_owner(&msg, owners[asks]);
		EXPECT(nsp_ask(sock, &msg, NULL), EEXIST,
		    asks == 1 ? 0 : IPSEC_NAMESPACE_DIAG_CONFLICT,
		    "ICMP of another address with AH, by %c", letters[asks]);
	}
}

static nst_status_t
delete_peer(int owner, uint8_t side, const char *head, uint32_t last)
{
	static nst_msg_t msg;

	nsp_start(&msg, SPD_DELETERULE, side, head);
	nsp_rule(&msg, 0, mode(head), 0);
	nsp_address(&msg, SPD_EXT_REMADDR, PEERS + last);
	nst_owner(&msg, owners[owner]);
	return (nsp_ask(sock, &msg, NULL));
}

static void
test_delete(const char *head)
{
	int asks, whose;

	nst_test("only own rules are deleted: %s", head_name(head));
	fill(head);
	for (asks = 0; asks < OWNERS; asks++) {
		for (whose = 0; whose < OWNERS; whose++) {
			if (whose == asks)
				continue;
			EXPECT(nsp_delete(sock, SPD_ACTIVE, head,
			    owners[asks], active_index[whose]), ESRCH, 0,
			    "a rule of %c by number, by %c", letters[whose],
			    letters[asks]);
			EXPECT(delete_peer(asks, SPD_ACTIVE, head, whose + 1),
			    ESRCH, 0, "a rule of %c by selectors, by %c",
			    letters[whose], letters[asks]);
		}
	}
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");

	EXPECT(delete_peer(1, SPD_ACTIVE, head, 2), 0, 0, "by selectors");
	has(SPD_ACTIVE, head, "1:- 3:b");
	EXPECT(nsp_delete(sock, SPD_ACTIVE, head, owners[2],
	    active_index[2]), 0, 0, "by number");
	EXPECT(nsp_delete(sock, SPD_ACTIVE, head, owners[2],
	    active_index[2] - 1), 0, 0, "by number, the other direction");
	has(SPD_ACTIVE, head, "1:-");
	EXPECT(nsp_delete(sock, SPD_ACTIVE, head, NULL, active_index[0]), 0,
	    0, "by number, nobody's");
	has(SPD_STANDBY, head, "11:- 12:a 13:b");
}

static void
test_flush(const char *head)
{
	/* The order in which owners flush, and what is left each time. */
	static const struct {
		int	owner[OWNERS];
		const char *left[OWNERS];
	} orders[] = {
		{ { 0, 1, 2 }, { "2:a 3:b", "3:b", "" } },
		{ { 2, 0, 1 }, { "1:- 2:a", "2:a", "" } },
		{ { 1, 2, 0 }, { "1:- 3:b", "1:-", "" } }
	};
	uint_t order, i;

	nst_test("flush leaves others alone: %s", head_name(head));
	for (order = 0; order < sizeof (orders) / sizeof (orders[0]);
	    order++) {
		fill(head);
		for (i = 0; i < OWNERS; i++) {
			must_do(orders[order].owner[i], SPD_FLUSH, SPD_ACTIVE,
			    head);
			has(SPD_ACTIVE, head, orders[order].left[i]);
			has(SPD_STANDBY, head, "11:- 12:a 13:b");
		}
		must_do(1, SPD_FLUSH, SPD_STANDBY, head);
		has(SPD_STANDBY, head, "11:- 13:b");
	}
}

static void
test_all_heads(void)
{
	nst_test("requests about the system and all tunnels");
	fill(NSP_TUNNEL);
	must_add(SPD_ACTIVE, NULL, 0, 1, NULL);
	must_add(SPD_ACTIVE, NULL, 1, 2, NULL);
	must_do(1, SPD_FLUSH, SPD_ACTIVE, NSP_ALL);
	has(SPD_ACTIVE, NULL, "1:-");
	has(SPD_ACTIVE, NSP_TUNNEL, "1:- 3:b");
	must_do(2, SPD_FLIP, SPD_ACTIVE, NSP_ALL);
	has(SPD_ACTIVE, NSP_TUNNEL, "1:- 13:b");
	has(SPD_STANDBY, NSP_TUNNEL, "3:b 11:- 12:a");
	has(SPD_ACTIVE, NULL, "1:-");
	must_do(0, SPD_CLONE, SPD_ACTIVE, NSP_ALL);
	has(SPD_STANDBY, NSP_TUNNEL, "1:- 3:b 12:a");
	has(SPD_STANDBY, NULL, "1:-");
}

static void
test_flip(const char *head)
{
	nst_test("flip exchanges own rules only: %s", head_name(head));
	fill(head);
	must_do(1, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "1:- 3:b 12:a");
	has(SPD_STANDBY, head, "2:a 11:- 13:b");
	must_do(0, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "3:b 11:- 12:a");
	has(SPD_STANDBY, head, "1:- 2:a 13:b");
	must_do(2, SPD_FLIP, SPD_ACTIVE, head);
	must_do(1, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "2:a 11:- 13:b");
	has(SPD_STANDBY, head, "1:- 3:b 12:a");

	/* Deletion by number still finds them on their new side. */
	EXPECT(nsp_delete(sock, SPD_ACTIVE, head, NULL, active_index[0]),
	    ESRCH, 0, "nobody's first rule is on standby");
	EXPECT(nsp_delete(sock, SPD_STANDBY, head, NULL, active_index[0]), 0,
	    0, "it is");

	/* Who has everything exchanges everything. */
	flush_everything(sock);
	must_add(SPD_ACTIVE, head, 1, 1, NULL);
	must_add(SPD_STANDBY, head, 1, 2, NULL);
	must_do(1, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "2:a");
	has(SPD_STANDBY, head, "1:a");
	must_do(2, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "2:a");
}

static void
test_flip_refused(const char *head)
{
	nst_test("a flip that would bring the same traffic together: %s",
	    head_name(head));
	fill(head);
	/* Owner a has on standby what owner b has in force. */
	must_add(SPD_STANDBY, head, 1, 3, NULL);
	EXPECT(do_as(1, SPD_FLIP, SPD_ACTIVE, head), EEXIST,
	    IPSEC_NAMESPACE_DIAG_CONFLICT, "from standby to active");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
	has(SPD_STANDBY, head, "3:a 11:- 12:a 13:b");

	/* Nothing changes in any head if all are asked for. */
	if (head != NULL)
		must_add(SPD_STANDBY, NULL, 1, 77, NULL);
	EXPECT(do_as(1, SPD_FLIP, SPD_ACTIVE, NSP_ALL), EEXIST,
	    IPSEC_NAMESPACE_DIAG_CONFLICT, "in all heads");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
	if (head != NULL)
		has(SPD_ACTIVE, NULL, "");

	/* The other way round. */
	fill(head);
	must_add(SPD_ACTIVE, head, 2, 11, NULL);
	EXPECT(do_as(2, SPD_FLIP, SPD_ACTIVE, head), EEXIST,
	    IPSEC_NAMESPACE_DIAG_CONFLICT, "from active to standby");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b 11:b");
	/* What is not concerned can still be exchanged. */
	must_do(1, SPD_FLIP, SPD_ACTIVE, head);
	has(SPD_ACTIVE, head, "1:- 3:b 11:b 12:a");
}

static void
test_flip_modes(void)
{
	nst_test("a flip that would mix modes in a tunnel");
	flush_everything(sock);
	must_add(SPD_ACTIVE, NSP_TUNNEL, 2, 1, NULL);
	EXPECT(transport_rule(SPD_STANDBY, 1), 0, 0,
	    "a rule for transport mode on standby");
	EXPECT(do_as(1, SPD_FLIP, SPD_ACTIVE, NSP_TUNNEL), EBUSY, 0,
	    "while another owner has rules for tunnel mode");
	has(SPD_ACTIVE, NSP_TUNNEL, "1:b");
	/* Alone, one can change the mode. */
	must_do(2, SPD_FLUSH, SPD_ACTIVE, NSP_TUNNEL);
	must_do(1, SPD_FLIP, SPD_ACTIVE, NSP_TUNNEL);
	EXPECT(add_peer(SPD_ACTIVE, NSP_TUNNEL, 2, 1, NULL), EBUSY, 0,
	    "now it has transport mode");
}

static void
test_clone(const char *head)
{
	nst_test("clone replaces own rules of standby: %s", head_name(head));
	fill(head);
	must_do(1, SPD_CLONE, SPD_ACTIVE, head);
	has(SPD_STANDBY, head, "2:a 11:- 13:b");
	must_do(0, SPD_CLONE, SPD_ACTIVE, head);
	has(SPD_STANDBY, head, "1:- 2:a 13:b");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
	/* A copy keeps its number; the original is not touched by its end. */
	EXPECT(nsp_delete(sock, SPD_STANDBY, head, owners[1],
	    active_index[1]), 0, 0, "the copy of a's rule");
	has(SPD_ACTIVE, head, "1:- 2:a 3:b");
	must_do(1, SPD_FLUSH, SPD_ACTIVE, head);
	must_do(1, SPD_CLONE, SPD_ACTIVE, head);
	has(SPD_STANDBY, head, "1:- 13:b");
}

static void
test_dump(const char *head)
{
	nst_test("dumps show all rules, or those of one owner: %s",
	    head_name(head));
	fill(head);
	has_asked(SPD_ACTIVE, head, NULL, "1:- 2:- 3:-");
	has_asked(SPD_ACTIVE, head, NST_ANY, "1:- 2:a 3:b");
	has_asked(SPD_ACTIVE, head, owners[1], "2:a");
	has_asked(SPD_STANDBY, head, owners[2], "13:b");
	has_asked(SPD_ACTIVE, head, others[0], "");
}

static void
test_dump_order(void)
{
	nsp_dump_t all, own;
	uint_t i, o, n;

	nst_test("a dump of one owner has the order of the table");
	flush_everything(sock);
	for (i = 0; i < 60; i++)
		must_add(SPD_ACTIVE, NULL, i % OWNERS, i + 1, NULL);
	EXPECT(nsp_dump(SPD_ACTIVE, NULL, NST_ANY, 1, &all), 0, 0, "all");
	for (o = 1; o < OWNERS; o++) {
		EXPECT(nsp_dump(SPD_ACTIVE, NULL, owners[o], 1, &own), 0, 0,
		    "those of %c", letters[o]);
		(void) CHECK(own.pd_rules == 40, "%c has %u rules",
		    letters[o], own.pd_rules);
		for (i = 0, n = 0; i < all.pd_rules && n < own.pd_rules;
		    i++) {
			if (all.pd_list[i].pr_index ==
			    own.pd_list[n].pr_index)
				n++;
		}
		(void) CHECK(n == own.pd_rules,
		    "rule %u of %c is in another place", n, letters[o]);
		nsp_dump_free(&own);
	}
	nsp_dump_free(&all);
}

/*
 * Requests wait for the end of a dump, and must not change whom it is for.
 */
static void
test_dump_queued(void)
{
	static nst_msg_t msg;
	nsp_dump_t dump;
	uint32_t one, two, three;
	int fd;

	nst_test("a dump is for its own owner, whatever is asked meanwhile");
	fill(NULL);
	fd = nsp_open();
	nsp_start(&msg, SPD_DUMP, SPD_ACTIVE, NULL);
	nst_owner(&msg, owners[1]);
	one = nst_send(fd, &msg);
	nsp_start(&msg, SPD_DUMP, SPD_ACTIVE, NULL);
	nst_owner(&msg, NST_ANY);
	two = nst_send(fd, &msg);
	nsp_start(&msg, SPD_DUMP, SPD_ACTIVE, NULL);
	three = nst_send(fd, &msg);
	EXPECT(nsp_read_dump(fd, one, &dump), 0, 0, "the first one");
	(void) CHECK(dump.pd_rules == 2 &&
	    strcmp(dump.pd_list[0].pr_owner, owners[1]) == 0,
	    "it shows %u rules, the first of \"%s\"", dump.pd_rules,
	    dump.pd_rules == 0 ? "" : dump.pd_list[0].pr_owner);
	nsp_dump_free(&dump);
	EXPECT(nsp_read_dump(fd, two, &dump), 0, 0, "the second one");
	(void) CHECK(dump.pd_rules == 6, "it shows %u rules", dump.pd_rules);
	nsp_dump_free(&dump);
	EXPECT(nsp_read_dump(fd, three, &dump), 0, 0, "the third one");
	(void) CHECK(dump.pd_rules == 6 && dump.pd_list[2].pr_owner[0] == '\0',
	    "it shows %u rules", dump.pd_rules);
	nsp_dump_free(&dump);
	(void) close(fd);

	/* Left in the middle; what it held is released (see ::findleaks). */
	fd = nsp_open();
	nsp_start(&msg, SPD_DUMP, SPD_ACTIVE, NULL);
	nst_owner(&msg, owners[1]);
	(void) nst_send(fd, &msg);
	(void) nst_receive(fd, &msg, 10000);
	(void) close(fd);
	has(SPD_ACTIVE, NULL, "1:- 2:a 3:b");
}

/*
 * Sets what two dumps of the same rules may differ in to zero: numbers of
 * rules, the version, and the number of the request.
 */
static void
mask_dump(nsp_dump_t *dump)
{
	size_t at = 0;

	while (at < dump->pd_nbytes) {
		uint8_t *message = dump->pd_bytes + at;
		nst_hdr_t *hdr = (nst_hdr_t *)message;
		size_t end = (size_t)hdr->nh_len * 8, ext = sizeof (*hdr);

		hdr->nh_seq = 0;
		while (ext < end) {
			uint16_t head[2];

			(void) memcpy(head, message + ext, sizeof (head));
			(void) CHECK(head[1] <= SPD_EXT_MAX,
			    "a plain dump has extension %u", head[1]);
			if (head[1] == SPD_EXT_RULE ||
			    head[1] == SPD_EXT_RULESET) {
				(void) memset(message + ext +
				    ((size_t)head[0] - 1) * 8, 0, 8);
			}
			if (head[0] == 0)
				nst_die("an extension without length");
			ext += (size_t)head[0] * 8;
		}
		at += end;
	}
}

static void
test_dump_legacy(const char *head)
{
	nsp_dump_t dumps[2];
	uint8_t side;
	int named, i;

	nst_test("a plain dump is the same, byte for byte, whoever owns the "
	    "rules: %s", head_name(head));
	for (side = SPD_ACTIVE; side <= SPD_STANDBY; side++) {
		for (named = 0; named < 2; named++) {
			flush_everything(sock);
			for (i = 0; i < 9; i++) {
				must_add(side, head, named ? i % OWNERS : 0,
				    i + 1, NULL);
			}
			EXPECT(nsp_dump(side, head, NULL, 1, &dumps[named]),
			    0, 0, "the dump");
			mask_dump(&dumps[named]);
		}
		(void) CHECK(dumps[0].pd_nbytes == dumps[1].pd_nbytes &&
		    memcmp(dumps[0].pd_bytes, dumps[1].pd_bytes,
		    dumps[0].pd_nbytes) == 0, "side %u: %lu and %lu bytes, "
		    "or not the same ones", side,
		    (ulong_t)dumps[0].pd_nbytes, (ulong_t)dumps[1].pd_nbytes);
		nsp_dump_free(&dumps[0]);
		nsp_dump_free(&dumps[1]);
	}
}

static void
test_not_applicable(void)
{
	static const uint8_t algorithms[] = {
		SPD_ALGLIST, SPD_DUMPALGS, SPD_UPDATEALGS
	};
	uint8_t type;
	uint_t i;

	nst_test("requests to which no namespace applies");
	fill(NULL);
	for (i = 0; i < sizeof (algorithms); i++) {
		EXPECT(do_as(1, algorithms[i], SPD_ACTIVE, NULL), EINVAL,
		    IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE, "request %u",
		    algorithms[i]);
	}
	for (type = SPD_MIN; type <= SPD_MAX; type++) {
		if (type == SPD_DUMP)
			continue;
		EXPECT(nsp_do(sock, type, SPD_ACTIVE, NULL, NST_ANY), EINVAL,
		    IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE,
		    "request %u for all owners", type);
	}
	has(SPD_ACTIVE, NULL, "1:- 2:a 3:b");
}

/*
 * A flush with an extension that is put together by hand: length in words,
 * length of the name, flags, and eight or more bytes of the name.
 */
static nst_status_t
flush_with(uint16_t words, uint16_t namelen, uint16_t flags,
    const char *bytes, size_t nbytes)
{
	static nst_msg_t msg;
	ipsec_namespace_ext_t ext;

	ext.ine_len = words;
	ext.ine_type = SPD_EXT_NAMESPACE;
	ext.ine_namelen = namelen;
	ext.ine_flags = flags;
	nsp_start(&msg, SPD_FLUSH, SPD_ACTIVE, NULL);
	nst_add_raw(&msg, &ext, sizeof (ext));
	nst_add_raw(&msg, bytes, nbytes);
	return (nsp_ask(sock, &msg, NULL));
}

static void
test_malformed(void)
{
	static const struct {
		uint16_t words, namelen, flags;
		const char *bytes;
		const char *what;
	} bad[] = {
		{ 2, 0, 0, "\0\0\0\0\0\0\0", "no name" },
		{ 2, 1, 1, "a\0\0\0\0\0\0", "all owners, with a name" },
		{ 2, 1, 2, "a\0\0\0\0\0\0", "an unknown flag" },
		{ 2, 0, 3, "\0\0\0\0\0\0\0", "an unknown flag beside any" },
		{ 2, 2, 0, "a\0\0\0\0\0\0", "a NUL inside" },
		{ 2, 1, 0, "ab\0\0\0\0\0", "no NUL behind" },
		{ 2, 1, 0, "a\0\0\0\0\0x", "bytes behind that are not 0" },
		{ 2, 1, 0, "*\0\0\0\0\0\0", "a bad first byte" },
		{ 2, 1, 0, "-\0\0\0\0\0\0", "another one" },
		{ 2, 3, 0, "a b\0\0\0\0", "a blank" },
		{ 2, 3, 0, "a\tb\0\0\0\0", "a control character" },
		{ 2, 3, 0, "a\177b\0\0\0\0", "DEL" },
		{ 2, 3, 0, "a\344b\0\0\0\0", "a byte above ASCII" },
		{ 2, 8, 0, "abcdefgh", "no room for a NUL" },
		{ 2, 256, 0, "a\0\0\0\0\0\0", "longer than the extension" }
	};
	static const char name[] = "a\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static nst_msg_t msg;
	uint_t i;

	nst_test("malformed and repeated namespaces");
	fill(NULL);
	for (i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
		EXPECT(flush_with(bad[i].words, bad[i].namelen, bad[i].flags,
		    bad[i].bytes, 8), EINVAL, IPSEC_NAMESPACE_DIAG_MALFORMED,
		    "%s", bad[i].what);
	}
	EXPECT(flush_with(1, 1, 0, "", 0), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "shorter than any");
	EXPECT(flush_with(3, 1, 0, name, 16), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "longer than it has to be");
	EXPECT(flush_with(3, 1, 0, name, 8), EINVAL,
	    SPD_DIAGNOSTIC_BAD_EXTLEN, "behind the end of the message");

	nsp_start(&msg, SPD_FLUSH, SPD_ACTIVE, NULL);
	nst_owner(&msg, owners[1]);
	nst_owner(&msg, owners[2]);
	EXPECT(nsp_ask(sock, &msg, NULL), EINVAL,
	    IPSEC_NAMESPACE_DIAG_DUPLICATE, "two of them");
	nsp_start(&msg, SPD_FLUSH, SPD_ACTIVE, NULL);
	nst_owner(&msg, owners[1]);
	nst_owner(&msg, owners[1]);
	EXPECT(nsp_ask(sock, &msg, NULL), EINVAL,
	    IPSEC_NAMESPACE_DIAG_DUPLICATE, "the same twice");
	/* An extension that is not known is refused as ever. */
	nsp_start(&msg, SPD_FLUSH, SPD_ACTIVE, NULL);
	(void) nst_add(&msg, SPD_EXT_NAMESPACE + 1, 16);
	EXPECT(nsp_ask(sock, &msg, NULL), EINVAL, SPD_DIAGNOSTIC_UNKNOWN_EXT,
	    "extension 257");
	nsp_start(&msg, SPD_FLUSH, SPD_ACTIVE, NULL);
	(void) nst_add(&msg, SPD_EXT_MAX + 1, 16);
	EXPECT(nsp_ask(sock, &msg, NULL), EINVAL, SPD_DIAGNOSTIC_UNKNOWN_EXT,
	    "the extension behind the last one");
	has(SPD_ACTIVE, NULL, "1:- 2:a 3:b");
}

static void
test_names(void)
{
	nsp_dump_t dump;
	uint_t i;

	nst_test("names are compared byte by byte, up to the longest one");
	flush_everything(sock);
	for (i = 0; i < sizeof (others) / sizeof (others[0]); i++) {
		EXPECT(nsp_add_rule(sock, SPD_ACTIVE, NULL, others[i],
		    NSP_BOTH, PEERS + i + 1, NSP_AH, NULL), 0, 0,
		    "owner \"%s\"", others[i]);
	}
	for (i = 0; i < sizeof (others) / sizeof (others[0]); i++) {
		EXPECT(nsp_dump(SPD_ACTIVE, NULL, others[i], 1, &dump), 0, 0,
		    "a dump for \"%s\"", others[i]);
		(void) CHECK(dump.pd_rules == 2 &&
		    dump.pd_list[0].pr_remote == PEERS + i + 1 &&
		    strcmp(dump.pd_list[0].pr_owner, others[i]) == 0,
		    "it shows %u rules for \"%s\"", dump.pd_rules, others[i]);
		nsp_dump_free(&dump);
	}
}

/*
 * Repaired: the first rule of one side of a tunnel changed the flags of both
 * (R3), and took those of both away if it was refused (R4).
 */
static void
test_standby_load(void)
{
	nst_test("loading standby leaves the active side in use (R3)");
	flush_everything(sock);
	must_add(SPD_ACTIVE, NSP_TUNNEL, 0, 1, NULL);
	is_in_use(SPD_ACTIVE, B_TRUE, "after the first active rule");
	must_add(SPD_STANDBY, NSP_TUNNEL, 0, 1, NULL);
	is_in_use(SPD_ACTIVE, B_TRUE, "after the first standby rule");
	is_in_use(SPD_STANDBY, B_TRUE, "after the first standby rule");
	must_do(0, SPD_FLUSH, SPD_STANDBY, NSP_TUNNEL);
	is_in_use(SPD_ACTIVE, B_TRUE, "after a flush of standby");
	is_in_use(SPD_STANDBY, B_FALSE, "after a flush of standby");
	must_do(0, SPD_CLONE, SPD_ACTIVE, NSP_TUNNEL);
	is_in_use(SPD_STANDBY, B_TRUE, "after a copy");

	nst_test("a refused standby rule leaves the active side in use (R4)");
	flush_everything(sock);
	must_add(SPD_ACTIVE, NSP_TUNNEL, 0, 1, NULL);
	EXPECT(nsp_add_rule(sock, SPD_STANDBY, NSP_TUNNEL, NULL,
	    mode(NSP_TUNNEL), PEERS + 2, NSP_UNKNOWN_ALG, NULL), EINVAL,
	    SPD_DIAGNOSTIC_UNSUPP_ESP_ENCR_ALG, "an unknown algorithm");
	is_in_use(SPD_ACTIVE, B_TRUE, "after the refusal");
	is_in_use(SPD_STANDBY, B_FALSE, "after the refusal");

	/* The rules of somebody else on that side keep it in use. */
	must_add(SPD_STANDBY, NSP_TUNNEL, 2, 9, NULL);
	EXPECT(nsp_add_rule(sock, SPD_STANDBY, NSP_TUNNEL, owners[1],
	    mode(NSP_TUNNEL), PEERS + 2, NSP_UNKNOWN_ALG, NULL), EINVAL,
	    SPD_DIAGNOSTIC_UNSUPP_ESP_ENCR_ALG, "an unknown algorithm");
	is_in_use(SPD_STANDBY, B_TRUE, "after the refusal to another owner");

	/* And the same for the active side, seen from standby. */
	flush_everything(sock);
	must_add(SPD_STANDBY, NSP_TUNNEL, 1, 1, NULL);
	EXPECT(nsp_add_rule(sock, SPD_ACTIVE, NSP_TUNNEL, owners[1],
	    mode(NSP_TUNNEL), PEERS + 2, NSP_UNKNOWN_ALG, NULL), EINVAL,
	    SPD_DIAGNOSTIC_UNSUPP_ESP_ENCR_ALG, "an unknown algorithm");
	is_in_use(SPD_STANDBY, B_TRUE, "after a refusal on the active side");
}

/*
 * A side is in use to the last rule, whoever owns it.
 */
static void
test_in_use(void)
{
	int i;

	nst_test("a side is in use as long as anybody has a rule there");
	fill(NSP_TUNNEL);
	for (i = 0; i < OWNERS; i++) {
		is_in_use(SPD_ACTIVE, B_TRUE, "before the last flush");
		must_do(i, SPD_FLUSH, SPD_ACTIVE, NSP_TUNNEL);
	}
	is_in_use(SPD_ACTIVE, B_FALSE, "after the last flush");
	is_in_use(SPD_STANDBY, B_TRUE, "after the last flush");

	fill(NSP_TUNNEL);
	for (i = 0; i < OWNERS; i++) {
		is_in_use(SPD_ACTIVE, B_TRUE, "before the last flush of all");
		must_do(i, SPD_FLUSH, SPD_ACTIVE, NSP_ALL);
	}
	is_in_use(SPD_ACTIVE, B_FALSE, "after the last flush of all");

	fill(NSP_TUNNEL);
	for (i = 0; i < OWNERS; i++) {
		is_in_use(SPD_ACTIVE, B_TRUE, "before the last deletion");
		EXPECT(delete_peer(i, SPD_ACTIVE, NSP_TUNNEL, i + 1), 0, 0,
		    "rule %d", i + 1);
	}
	is_in_use(SPD_ACTIVE, B_FALSE, "after the last deletion");

	flush_everything(sock);
	must_add(SPD_ACTIVE, NSP_TUNNEL, 1, 1, NULL);
	must_add(SPD_ACTIVE, NSP_TUNNEL, 2, 2, NULL);
	must_do(1, SPD_FLIP, SPD_ACTIVE, NSP_TUNNEL);
	is_in_use(SPD_ACTIVE, B_TRUE, "one owner has flipped his rules away");
	is_in_use(SPD_STANDBY, B_TRUE, "and they are here");
	must_do(2, SPD_FLIP, SPD_ACTIVE, NSP_TUNNEL);
	is_in_use(SPD_ACTIVE, B_FALSE, "and the other one");
}

static void
test_clone_tunnel(void)
{
	nst_test("clone of one tunnel works, and of one that is not (B15)");
	fill(NSP_TUNNEL);
	must_do(0, SPD_CLONE, SPD_ACTIVE, NSP_TUNNEL);
	has(SPD_STANDBY, NSP_TUNNEL, "1:- 12:a 13:b");
	EXPECT(nsp_do(sock, SPD_CLONE, SPD_ACTIVE, "nsnone0", NULL), ENOENT,
	    0, "CLONE");
	EXPECT(nsp_do(sock, SPD_CLONE, SPD_ACTIVE, "nsnone0", owners[1]),
	    ENOENT, 0, "CLONE of an owner");
	EXPECT(nsp_do(sock, SPD_FLIP, SPD_ACTIVE, "nsnone0", owners[1]),
	    ESRCH, 0, "FLIP");
	EXPECT(nsp_do(sock, SPD_FLUSH, SPD_ACTIVE, "nsnone0", owners[1]),
	    ENOENT, 0, "FLUSH");
}

static void
cleanup(void)
{
	int fd = nsp_open();

	flush_everything(fd);
	(void) close(fd);
}

static void
tests(void)
{
	uint_t i;

	sock = nsp_open();
	test_probe();
	for (i = 0; i < HEADS; i++) {
		test_add(heads[i]);
		test_add_twice(heads[i]);
		test_delete(heads[i]);
		test_flush(heads[i]);
		test_flip(heads[i]);
		test_flip_refused(heads[i]);
		test_clone(heads[i]);
		test_dump(heads[i]);
		test_dump_legacy(heads[i]);
	}
	test_all_heads();
	test_add_icmp();
	test_flip_modes();
	test_dump_order();
	test_dump_queued();
	test_not_applicable();
	test_malformed();
	test_names();
	test_standby_load();
	test_in_use();
	test_clone_tunnel();

	nst_test("nothing is left behind");
	flush_everything(sock);
	(void) CHECK(nsp_count_all() == 0, "there are %u rules",
	    nsp_count_all());
	(void) close(sock);
}

int
main(void)
{
	int fd;

	(void) memset(longest, 'n', sizeof (longest) - 1);
	nst_require();
	fd = nsp_open();
	nsp_probe(fd);
	(void) close(fd);
	if (nsp_count_all() != 0)
		nst_skip("there is IPsec policy already");
	return (nst_run(tests, cleanup));
}
