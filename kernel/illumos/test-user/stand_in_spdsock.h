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

#ifndef	_TEST_STAND_IN_SPDSOCK_H
#define	_TEST_STAND_IN_SPDSOCK_H

#include <net/pfpolicy.h>
#include <inet/spdsock.h>

typedef struct request {
	spdsock_t	*r_socket;
	spd_msg_t	*r_msg;
	size_t		r_size;
	const uint8_t	*r_exts[SPD_EXT_MAX + 1];
	/* The answer. */
	int		r_error;
	int		r_diag;
	uint64_t	r_index;
} request_t;

/* Sockets of a stack of their own. */
extern void spdsock_init(spdsock_t *, uint_t);
extern void spdsock_fini(spdsock_t *, uint_t);

/* Carries a request out; a dump keeps its message. */
extern void spd_request(request_t *);

/* A dump: enters a head; the next rule, whose ever it is. */
extern void spd_dump_enter(spdsock_t *, ipsec_policy_head_t *);
extern ipsec_policy_t *spd_dump_step(spdsock_t *, ipsec_policy_head_t *);

#endif	/* _TEST_STAND_IN_SPDSOCK_H */
