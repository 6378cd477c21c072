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

#ifndef	_TEST_SYS_NETSTACK_H
#define	_TEST_SYS_NETSTACK_H

/* A stack has nothing but its number and its IPsec part. */

typedef struct netstack {
	int			netstack_stackid;
	struct ipsec_stack	*netstack_ipsec;
} netstack_t;

#endif	/* _TEST_SYS_NETSTACK_H */
