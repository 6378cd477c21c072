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
 * Drives inet/ip/ipsec_ns_spd.c and inet/ip/spdsock_ns.c: requests of
 * PF_POLICY in, results and the whole policy out.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <inet/ip.h>
#include <inet/spdsock.h>
#include <inet/ipsec_ns_spd.h>
#include <inet/spdsock_ns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "stand_in_spd.h"
#include "stand_in_spdsock.h"

#define	SOCKETS	3

static netstack_t *stack;
static spdsock_t sockets[SOCKETS];

/* The records of a dump. */

static void
dump_end(spdsock_t *ss, int error)
{
	(void) printf("end %d %u %lu", error, ss->spdsock_dump_count,
	    (ulong_t)ss->spdsock_dump_head->iph_gen);
	if (ss->spdsock_itp != NULL)
		ITP_REFRELE(ss->spdsock_itp, stack);
	ss->spdsock_itp = NULL;
	spdsock_ns_dump_end(ss);
	free(ss->spdsock_dump_req);
	ss->spdsock_dump_req = NULL;
}

/* The number of the direction, of the rule, and its owner as it is sent. */
static void
put_record(spdsock_t *ss, const ipsec_policy_t *rule)
{
	uint_t size = spdsock_ns_encode(NULL, 24, ss->spdsock_dump_req, rule);
	uint8_t *record = malloc(size);

	(void) memset(record, 0xff, size);
	VERIFY(spdsock_ns_encode(record, 24, ss->spdsock_dump_req, rule) ==
	    size);
	(void) printf("%u %lu ", ss->spdsock_dump_type,
	    (ulong_t)rule->ipsp_index);
	driver_put_bytes(record + 24, size - 24);
	free(record);
}

/* next SOCKET */
static void
do_next(char **words)
{
	spdsock_t *ss = &sockets[driver_number(words[0])];
	ipsec_stack_t *ipss = stack->netstack_ipsec;
	ipsec_policy_head_t *php = ss->spdsock_dump_head;
	ipsec_tun_pol_t *itp;
	ipsec_policy_t *rule;

	VERIFY(ss->spdsock_dump_req != NULL);
	rw_enter(&php->iph_lock, RW_READER);
	if (php->iph_gen != ss->spdsock_dump_gen) {
		rw_exit(&php->iph_lock);
		dump_end(ss, EAGAIN);
		return;
	}
	while ((rule = spdsock_ns_next(ss, php, spd_dump_step)) == NULL) {
		rw_exit(&php->iph_lock);
		if (--ss->spdsock_dump_remaining_polheads == 0) {
			dump_end(ss, 0);
			return;
		}
		rw_enter(&ipss->ipsec_tunnel_policy_lock, RW_READER);
		itp = (ss->spdsock_itp == NULL) ?
		    avl_first(&ipss->ipsec_tunnel_policies) :
		    AVL_NEXT(&ipss->ipsec_tunnel_policies, ss->spdsock_itp);
		VERIFY(itp != NULL);
		ITP_REFHOLD(itp);
		if (ss->spdsock_itp != NULL)
			ITP_REFRELE(ss->spdsock_itp, stack);
		ss->spdsock_itp = itp;
		php = ss->spdsock_dump_active ? itp->itp_policy :
		    itp->itp_inactive;
		rw_exit(&ipss->ipsec_tunnel_policy_lock);
		rw_enter(&php->iph_lock, RW_READER);
		spd_dump_enter(ss, php);
	}
	put_record(ss, rule);
	rw_exit(&php->iph_lock);
}

/* State. */

static void
put_rule(const ipsec_policy_t *rule, uint_t dir)
{
	const ipsec_selkey_t *key = &rule->ipsp_sel->ipsl_key;
	uint32_t valid = key->ipsl_valid;

	(void) printf(" %c%lu,%u,%s,%c", dir == IPSEC_TYPE_OUTBOUND ? 'o' : 'i',
	    (ulong_t)rule->ipsp_index, rule->ipsp_prio,
	    ipsec_ns_name(rule->ipsp_ns), (valid & IPSL_IPV4) ? '4' : '6');
	if (valid & IPSL_LOCAL_ADDR) {
		(void) printf("l");
		driver_put_bytes(key->ipsl_local, 16);
		(void) printf("/%u", key->ipsl_local_pfxlen);
	}
	if (valid & IPSL_REMOTE_ADDR) {
		(void) printf("r");
		driver_put_bytes(key->ipsl_remote, 16);
		(void) printf("/%u", key->ipsl_remote_pfxlen);
	}
	if (valid & IPSL_PROTOCOL)
		(void) printf("p%u", key->ipsl_proto);
	if (valid & IPSL_LOCAL_PORT)
		(void) printf("L%u", key->ipsl_lport);
	if (valid & IPSL_REMOTE_PORT)
		(void) printf("R%u", key->ipsl_rport);
	(void) printf("a%u", rule->ipsp_act->ipa_act.ipa_type);
}

static void
put_side(ipsec_policy_head_t *php)
{
	ipsec_policy_t *rule;
	uint_t dir, n;

	(void) printf(" %lu", (ulong_t)php->iph_gen);
	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		for (n = 0; n < spd_lists(php, dir); n++) {
			for (rule = *spd_list(php, dir, n); rule != NULL;
			    rule = rule->ipsp_hash.hash_next)
				put_rule(rule, dir);
		}
	}
	(void) printf(";");
}

static void
put_state(void)
{
	ipsec_stack_t *ipss = stack->netstack_ipsec;
	ipsec_tun_pol_t *itp;

	(void) printf("; 0;");
	put_side(&ipss->ipsec_system_policy);
	put_side(&ipss->ipsec_inactive_policy);
	for (itp = avl_first(&ipss->ipsec_tunnel_policies); itp != NULL;
	    itp = AVL_NEXT(&ipss->ipsec_tunnel_policies, itp)) {
		(void) printf(" %u;", itp->itp_flags);
		put_side(itp->itp_policy);
		put_side(itp->itp_inactive);
	}
}

/*
 * request SOCKET FAIL MESSAGE: errno, diagnostic, number of the rule; state.
 * The allocation with this number fails.
 */
static void
do_request(char **words)
{
	request_t r;

	bzero(&r, sizeof (r));
	r.r_socket = &sockets[driver_number(words[0])];
	r.r_msg = driver_bytes(words[2], &r.r_size);
	VERIFY(r.r_socket->spdsock_dump_req == NULL);
	shim_kmem_fail(driver_number(words[1]));
	spd_request(&r);
	shim_kmem_fail(0);
	free(r.r_msg);
	spd_verify(stack, B_FALSE);
	(void) printf("%d %d %lu", r.r_error, r.r_diag,
	    (ulong_t)(r.r_error == 0 ? r.r_index : 0));
	put_state();
}

/* close SOCKET: also while it dumps */
static void
do_close(char **words)
{
	spdsock_t *ss = &sockets[driver_number(words[0])];

	if (ss->spdsock_dump_req != NULL)
		dump_end(ss, 0);
	ipsec_ns_req_fini(&ss->spdsock_ns);
}

static const driver_command_t commands[] = {
	{ "request", 3, do_request },
	{ "next", 1, do_next },
	{ "close", 1, do_close },
	{ NULL, 0, NULL }
};

int
main(void)
{
	spdsock_init(sockets, SOCKETS);
	stack = sockets[0].spdsock_spds->spds_netstack;
	driver_run(commands);
	spdsock_fini(sockets, SOCKETS);
	return (0);
}
