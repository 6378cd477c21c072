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

#ifndef	_TEST_INET_IPDROP_H
#define	_TEST_INET_IPDROP_H

#include <sys/stream.h>
#include <inet/ipsec_impl.h>

/* Why packets are dropped, counted here instead of in kstats. */
typedef struct ipsec_dropstats {
	ulong_t		ipds_spd_got_clear;
	ulong_t		ipds_spd_explicit;
} ipsec_dropstats_t;

extern __thread ipsec_dropstats_t shim_drops;

#define	DROPPER(ipss, what)	((void)(ipss), &shim_drops.what)

extern void ip_drop_packet(mblk_t *, boolean_t, void *, ulong_t *,
    ipdropper_t *);

#endif	/* _TEST_INET_IPDROP_H */
