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
 * Policy from the command line, for the scripts.
 *
 *	pf_policy_cmd add [options] [peer]	prints the number of the rule
 *	pf_policy_cmd delete [options] number
 *	pf_policy_cmd flush|flip|clone [options]
 *	pf_policy_cmd count [options]		prints the number of rules
 *	pf_policy_cmd none			is there no policy at all?
 *	pf_policy_cmd probe			has the kernel namespaces?
 *	pf_policy_cmd reload [options] base	see below
 *	pf_policy_cmd keep [options] base	see below
 *	pf_policy_cmd watch [options]		see below
 *
 *	-o owner	of this owner; with count, "*" is all, with owners
 *	-t tunnel	of this tunnel; "" is the system and all tunnels
 *	-s		the standby side
 *	-m		a rule for transport mode of a tunnel
 *	-a action	pass, drop, ah, esp or bad; esp if not given
 *	-e error	this error has to come (ENOENT and so on, as a number)
 *	-l loops	how often; 0 is until the parent process has gone
 *	-n rules	how many
 *
 * reload, keep and watch are for ns_stress.  They are run at the same time,
 * for several owners, and each of them fails as soon as it sees something
 * that another owner must not have been able to do:
 *
 * reload	loads a new set of rules again and again, in the careful way:
 *		empties standby, fills it, flips.  After each step all of its
 *		rules have to be where they belong.
 * keep		has rules on both sides that nobody touches, and looks for
 *		them.
 * watch	dumps all rules, and checks the form of the dump and that the
 *		names in it are those of owners.
 *
 * A dump is of no use for reload and keep, as with so much going on it hardly
 * ever gets to its end.  Instead they try to add each rule again: EEXIST with
 * no diagnostic says that it is there and one's own.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/pfpolicy.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst_policy.h"

/* 240.0.0.0, in host order: there is no traffic with such addresses. */
#define	PEERS		0xf0000000u

static const char	*owner;
static const char	*tunnel;
static uint8_t		side = SPD_ACTIVE;
static boolean_t	transport;
static nsp_action_t	action = NSP_ESP;
static int		expected;
static ulong_t		loops = 1;
static uint_t		nrules = 20;
static int		sock = -1;
static pid_t		parent;

static void
usage(void)
{
	errx(EXIT_FAILURE, "usage: pf_policy_cmd command [-ms] [-o owner] "
	    "[-t tunnel] [-a action] [-e error] [-l loops] [-n rules] "
	    "[argument]");
}

static uint32_t
flags(void)
{
	return (NSP_BOTH | ((tunnel == NULL || transport) ? 0 :
	    SPD_RULE_FLAG_TUNNEL));
}

/*
 * The end of a simple command.
 */
static int
finish(const char *what, nst_status_t status)
{
	if (status.ns_errno == expected)
		return (EXIT_SUCCESS);
	(void) fprintf(stderr, "%s for %s: error %d (%s), diagnostic %d, "
	    "expected %d (%s)\n", what, owner == NULL ? "nobody" : owner,
	    status.ns_errno, strerror(status.ns_errno), status.ns_diag,
	    expected, strerror(expected));
	return (EXIT_FAILURE);
}

static int
cmd_add(const char *peer)
{
	uint64_t index = 0;
	uint32_t remote = 0;
	nst_status_t status;

	if (peer != NULL)
		remote = PEERS + (uint32_t)strtoul(peer, NULL, 0);
	status = nsp_add_rule(sock, side, tunnel, owner, flags(), remote,
	    action, &index);
	if (status.ns_errno == 0)
		(void) printf("%llu\n", (u_longlong_t)index);
	return (finish("add", status));
}

static int
cmd_delete(const char *number)
{
	if (number == NULL)
		usage();
	return (finish("delete", nsp_delete(sock, side, tunnel, owner,
	    strtoull(number, NULL, 0))));
}

static int
cmd_count(void)
{
	nsp_dump_t dump;
	nst_status_t status;

	status = nsp_dump(side, tunnel, owner, 10, &dump);
	if (status.ns_errno == 0)
		(void) printf("%u\n", dump.pd_rules);
	nsp_dump_free(&dump);
	return (finish("count", status));
}

/*
 * Is it time to stop?
 */
static boolean_t
goes_on(ulong_t done)
{
	if (loops != 0)
		return (done < loops);
	return (getppid() == parent);
}

static uint32_t
peer_of(const char *base, uint_t set, uint_t rule)
{
	/* Each owner has a 240.base.0.0/16, half of it for each set. */
	return (PEERS + ((uint32_t)strtoul(base, NULL, 0) << 16) +
	    set * 0x8000 + rule + 1);
}

/*
 * Is each rule of a set on this side?
 */
static void
must_have(uint8_t where, const char *base, uint_t set, ulong_t round,
    const char *when)
{
	nst_status_t status;
	uint_t i;

	for (i = 0; i < nrules; i++) {
		status = nsp_add_rule(sock, where, tunnel, owner, flags(),
		    peer_of(base, set, i), action, NULL);
		if (status.ns_errno == EEXIST && status.ns_diag == 0)
			continue;
		errx(EXIT_FAILURE, "%s, round %lu, %s: rule %u of set %u is "
		    "not on side %u: error %d, diagnostic %d",
		    owner == NULL ? "nobody" : owner, round, when, i, set,
		    where, status.ns_errno, status.ns_diag);
	}
}

static void
must_add(uint8_t where, const char *base, uint_t set, ulong_t round)
{
	nst_status_t status;
	uint_t i;

	for (i = 0; i < nrules; i++) {
		status = nsp_add_rule(sock, where, tunnel, owner, flags(),
		    peer_of(base, set, i), action, NULL);
		if (status.ns_errno == 0)
			continue;
		errx(EXIT_FAILURE, "%s, round %lu: cannot add rule %u of set "
		    "%u to side %u: error %d, diagnostic %d",
		    owner == NULL ? "nobody" : owner, round, i, set, where,
		    status.ns_errno, status.ns_diag);
	}
}

static void
must_do(uint8_t type, ulong_t round)
{
	nst_status_t status = nsp_do(sock, type, SPD_STANDBY, tunnel, owner);

	if (status.ns_errno != 0)
		errx(EXIT_FAILURE, "%s, round %lu: request %u: error %d, "
		    "diagnostic %d", owner == NULL ? "nobody" : owner, round,
		    type, status.ns_errno, status.ns_diag);
}

/*
 * Two sets take turns.  Every fourth time standby is a copy of what is in
 * force before it is emptied, as ipsecconf does it.
 */
static int
cmd_reload(const char *base)
{
	ulong_t round;
	uint_t set = 0;

	if (base == NULL)
		usage();
	must_add(SPD_ACTIVE, base, set, 0);
	for (round = 0; goes_on(round); round++) {
		if (round % 4 == 0) {
			must_do(SPD_CLONE, round);
			must_have(SPD_STANDBY, base, set, round, "copied");
		}
		must_do(SPD_FLUSH, round);
		must_have(SPD_ACTIVE, base, set, round, "standby emptied");
		set = 1 - set;
		must_add(SPD_STANDBY, base, set, round);
		must_have(SPD_ACTIVE, base, 1 - set, round, "standby filled");
		must_have(SPD_STANDBY, base, set, round, "standby filled");
		must_do(SPD_FLIP, round);
		must_have(SPD_ACTIVE, base, set, round, "flipped");
		must_have(SPD_STANDBY, base, 1 - set, round, "flipped");
	}
	return (EXIT_SUCCESS);
}

static int
cmd_keep(const char *base)
{
	ulong_t round;

	if (base == NULL)
		usage();
	must_add(SPD_ACTIVE, base, 0, 0);
	must_add(SPD_STANDBY, base, 1, 0);
	for (round = 0; goes_on(round); round++) {
		must_have(SPD_ACTIVE, base, 0, round, "kept");
		must_have(SPD_STANDBY, base, 1, round, "kept");
	}
	return (EXIT_SUCCESS);
}

/*
 * Most of the dumps here end with EAGAIN, which is what they should do.
 */
static int
cmd_watch(void)
{
	ulong_t round, whole = 0;
	nst_status_t status;
	nsp_dump_t dump;

	for (round = 0; goes_on(round); round++) {
		status = nsp_dump(round % 2 == 0 ? SPD_ACTIVE : SPD_STANDBY,
		    tunnel, round % 3 == 0 ? NULL : NST_ANY, 1, &dump);
		if (status.ns_errno == 0) {
			whole++;
			if (tunnel != NULL && *tunnel == '\0') {
				/* The count is that of the last table only. */
			} else if (dump.pd_count != dump.pd_rules) {
				errx(EXIT_FAILURE, "a dump of %u rules says "
				    "that it has %u", dump.pd_rules,
				    dump.pd_count);
			}
		} else if (status.ns_errno != EAGAIN &&
		    status.ns_errno != ENOENT) {
			errx(EXIT_FAILURE, "dump: error %d, diagnostic %d",
			    status.ns_errno, status.ns_diag);
		}
		nsp_dump_free(&dump);
	}
	(void) printf("%lu dumps, %lu of them not disturbed\n", round, whole);
	return (EXIT_SUCCESS);
}

static nsp_action_t
to_action(const char *text)
{
	static const char *const names[] = {
		[NSP_PASS] = "pass", [NSP_DROP] = "drop", [NSP_AH] = "ah",
		[NSP_ESP] = "esp", [NSP_UNKNOWN_ALG] = "bad"
	};
	uint_t i;

	for (i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
		if (strcmp(text, names[i]) == 0)
			return ((nsp_action_t)i);
	}
	usage();
	return (NSP_DROP);
}

static int
do_command(const char *command, const char *argument)
{
	if (strcmp(command, "add") == 0)
		return (cmd_add(argument));
	if (strcmp(command, "delete") == 0)
		return (cmd_delete(argument));
	if (strcmp(command, "flush") == 0)
		return (finish(command, nsp_do(sock, SPD_FLUSH, side, tunnel,
		    owner)));
	if (strcmp(command, "flip") == 0)
		return (finish(command, nsp_do(sock, SPD_FLIP, side, tunnel,
		    owner)));
	if (strcmp(command, "clone") == 0)
		return (finish(command, nsp_do(sock, SPD_CLONE, side, tunnel,
		    owner)));
	if (strcmp(command, "count") == 0)
		return (cmd_count());
	if (strcmp(command, "none") == 0)
		return (nsp_count_all() == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	if (strcmp(command, "probe") == 0) {
		nsp_probe(sock);
		return (EXIT_SUCCESS);
	}
	if (strcmp(command, "reload") == 0)
		return (cmd_reload(argument));
	if (strcmp(command, "keep") == 0)
		return (cmd_keep(argument));
	if (strcmp(command, "watch") == 0)
		return (cmd_watch());
	usage();
	return (EXIT_FAILURE);
}

int
main(int argc, char *argv[])
{
	const char *command;
	int c, result;

	if (argc < 2)
		usage();
	command = argv[1];
	argc--;
	argv++;
	while ((c = getopt(argc, argv, "a:e:l:mn:o:st:")) != -1) {
		switch (c) {
		case 'a':
			action = to_action(optarg);
			break;
		case 'e':
			expected = atoi(optarg);
			break;
		case 'l':
			loops = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			transport = B_TRUE;
			break;
		case 'n':
			nrules = (uint_t)strtoul(optarg, NULL, 0);
			break;
		case 'o':
			owner = optarg;
			break;
		case 's':
			side = SPD_STANDBY;
			break;
		case 't':
			tunnel = optarg;
			break;
		default:
			usage();
		}
	}
	parent = getppid();
	sock = nsp_open();
	result = do_command(command, argv[optind]);
	(void) close(sock);
	return (nst_clean() ? result : EXIT_FAILURE);
}
