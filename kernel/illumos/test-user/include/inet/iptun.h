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

#ifndef	_TEST_INET_IPTUN_H
#define	_TEST_INET_IPTUN_H

#include <sys/types.h>

typedef enum {
	IPTUN_TYPE_UNKNOWN = 0, IPTUN_TYPE_IPV4, IPTUN_TYPE_IPV6,
	IPTUN_TYPE_6TO4
} iptun_type_t;

#define	IPTUN_KPARAM_TYPE	0x00000001
#define	IPTUN_KPARAM_LADDR	0x00000002
#define	IPTUN_KPARAM_RADDR	0x00000004
#define	IPTUN_KPARAM_SECINFO	0x00000008
#define	IPTUN_KPARAM_IMPLICIT	0x00000010
#define	IPTUN_KPARAM_IPSECPOL	0x00000020
#define	IPTUN_KPARAM_SECURE	0x80000000

typedef struct iptun_kparams {
	datalink_id_t	iptun_kparam_linkid;
	uint32_t	iptun_kparam_flags;
	iptun_type_t	iptun_kparam_type;
} iptun_kparams_t;

#endif	/* _TEST_INET_IPTUN_H */
