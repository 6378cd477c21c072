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

#ifndef	_TEST_INET_SADB_H
#define	_TEST_INET_SADB_H

/*
 * Associations, with the members that our files use.
 */

#include <sys/types.h>
#include <sys/atomic.h>
#include <sys/debug.h>
#include <sys/mutex.h>
#include <sys/netstack.h>
#include <sys/stream.h>
#include <sys/systm.h>
#include <inet/ipsec_ns.h>
#include <net/pfkeyv2.h>

#define	IPSA_STATE_LARVAL		0
#define	IPSA_STATE_MATURE		1
#define	IPSA_STATE_DYING		2
#define	IPSA_STATE_DEAD			3
#define	IPSA_STATE_IDLE			4
#define	IPSA_STATE_ACTIVE_ELSEWHERE	5

typedef struct ipsa_s {
	struct ipsa_s	*ipsa_next;
	struct ipsa_s	**ipsa_ptpn;
	kmutex_t	*ipsa_linklock;	/* of its bucket; NULL without one */
	kmutex_t	ipsa_lock;
	uint32_t	ipsa_refcnt;
	uint8_t		ipsa_type;
	uint_t		ipsa_state;
	uint32_t	ipsa_spi;
	uint32_t	ipsa_srcaddr[4];
	uint32_t	ipsa_dstaddr[4];
	uint8_t		ipsa_addrfam;
	boolean_t	ipsa_haspeer;
	uint32_t	ipsa_otherspi;
	netstack_t	*ipsa_netstack;
	ipsec_ns_t	*ipsa_ns;
} ipsa_t;

typedef struct isaf_s {
	ipsa_t		*isaf_ipsa;
	kmutex_t	isaf_lock;
	uint64_t	isaf_gen;
} isaf_t;

typedef struct ipsa_query {
	uint8_t		af;
	uint32_t	*srcaddr;
	uint32_t	*dstaddr;
	ipsec_ns_t	*owner;
} ipsa_query_t;

typedef struct keysock_in {
	int		ks_in_serial;
	ipsec_ns_req_t	*ks_in_ns;
} keysock_in_t;

#define	IPSA_ARE_ADDR_EQUAL(a, b, family)	\
	(memcmp(a, b, (family) == AF_INET ? 4 : 16) == 0)

extern void sadb_freeassoc(ipsa_t *);

#define	IPSA_REFHOLD(sa)	atomic_inc_32(&(sa)->ipsa_refcnt)
#define	IPSA_REFRELE(sa)	\
	do {								\
		ASSERT((sa)->ipsa_refcnt != 0);				\
		if (atomic_dec_32_nv(&(sa)->ipsa_refcnt) == 0)		\
			sadb_freeassoc(sa);				\
	} while (0)

extern void sadb_unlinkassoc(ipsa_t *);
extern void sadb_pfkey_error(queue_t *, mblk_t *, int, int, uint_t);

#endif	/* _TEST_INET_SADB_H */
