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

#ifndef	_TEST_IPTUN_IMPL_H
#define	_TEST_IPTUN_IMPL_H

/*
 * Tunnels, with the members that our file uses.
 */

#include <sys/condvar.h>
#include <sys/cred.h>
#include <sys/mac_provider.h>
#include <sys/mutex.h>
#include <sys/stream.h>
#include <inet/ip.h>
#include <inet/ipsec_impl.h>
#include <inet/iptun.h>
#include <inet/iptun/iptun_secure.h>

typedef struct iptun_addr {
	uint8_t		ia_bytes[16];
} iptun_addr_t;

typedef struct iptun_ends_s {
	uint32_t	ie_flags;
	iptun_addr_t	ie_laddr;
	iptun_addr_t	ie_raddr;
} iptun_ends_t;

typedef struct iptun_typeinfo {
	iptun_type_t	iti_type;
} iptun_typeinfo_t;

typedef struct iptun_s {
	datalink_id_t	iptun_linkid;
	kmutex_t	iptun_lock;
	kcondvar_t	iptun_upcall_cv;
	uint32_t	iptun_flags;
	mac_handle_t	iptun_mh;
	void		*iptun_connp;
	zoneid_t	iptun_zoneid;
	netstack_t	*iptun_ns;
	ipsec_tun_pol_t	*iptun_itp;
	iptun_typeinfo_t *iptun_typeinfo;
	iptun_addr_t	iptun_laddr;
	iptun_addr_t	iptun_raddr;
	uint64_t	iptun_ierrors;
	iptun_secure_t	iptun_secure;
} iptun_t;

#define	IPTUN_BOUND		0x0001
#define	IPTUN_LADDR		0x0002
#define	IPTUN_RADDR		0x0004
#define	IPTUN_MAC_REGISTERED	0x0008
#define	IPTUN_MAC_STARTED	0x0010
#define	IPTUN_CONDEMNED		0x0800
#define	IPTUN_SECURE		0x1000
#define	IPTUN_POLICY_OTHER	0x2000

#define	IS_IPTUN_STARTED(iptun)	\
	(((iptun)->iptun_flags & IPTUN_BOUND) &&			\
	    ((iptun)->iptun_flags & IPTUN_MAC_STARTED))
#define	IS_IPTUN_RUNNING(iptun)	\
	(IS_IPTUN_STARTED(iptun) && iptun_secure_may_run(iptun))

extern void *iptun_taskq;

extern int iptun_create(iptun_kparams_t *, cred_t *);
extern void iptun_set_policy(datalink_id_t, ipsec_tun_pol_t *);

#endif	/* _TEST_IPTUN_IMPL_H */
