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

#ifndef	_TEST_SYS_CRED_H
#define	_TEST_SYS_CRED_H

#include <sys/types.h>
#include <sys/netstack.h>

typedef struct cred {
	zoneid_t	cr_zoneid;
	netstack_t	*cr_netstack;
} cred_t;

extern zoneid_t crgetzoneid(const cred_t *);
extern netstack_t *netstack_find_by_cred(const cred_t *);
extern void netstack_rele(netstack_t *);

#endif	/* _TEST_SYS_CRED_H */
