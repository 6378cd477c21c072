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

#ifndef	_TEST_INET_SPDSOCK_H
#define	_TEST_INET_SPDSOCK_H

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/netstack.h>
#include <net/pfpolicy.h>
#include <inet/ipsec_impl.h>
#include <inet/ipsec_ns.h>

typedef struct spd_stack {
	netstack_t	*spds_netstack;
	kmutex_t	spds_ns_lock;
} spd_stack_t;

typedef struct spdsock_s {
	spd_msg_t	*spdsock_dump_req;
	ipsec_policy_head_t *spdsock_dump_head;
	uint64_t	spdsock_dump_gen;
	uint_t		spdsock_dump_type;
	uint_t		spdsock_dump_slot;
	ipsec_policy_t	*spdsock_dump_cur_rule;
	uint32_t	spdsock_dump_count;
	spd_stack_t	*spdsock_spds;
	boolean_t	spdsock_dump_active;
	uint_t		spdsock_dump_remaining_polheads;
	ipsec_tun_pol_t	*spdsock_itp;
	ipsec_ns_req_t	spdsock_ns;
	ipsec_ns_req_t	spdsock_dump_ns;
} spdsock_t;

#endif	/* _TEST_INET_SPDSOCK_H */
