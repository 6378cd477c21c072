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

#ifndef	_INET_SPDSOCK_NS_H
#define	_INET_SPDSOCK_NS_H

/*
 * PF_POLICY requests and the owners they are for.
 */

#include <inet/spdsock.h>
#include <inet/ipsec_ns_spd.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifdef	_KERNEL

typedef ipsec_policy_t *(*spdsock_ns_next_t)(spdsock_t *,
    ipsec_policy_head_t *);

extern int	spdsock_ns_begin(spdsock_t *, const spd_msg_t *, size_t,
    int *);
extern void	spdsock_ns_dump_begin(spdsock_t *);
extern void	spdsock_ns_dump_end(spdsock_t *);
extern ipsec_policy_t *spdsock_ns_next(spdsock_t *, ipsec_policy_head_t *,
    spdsock_ns_next_t);
extern uint_t	spdsock_ns_encode(uint8_t *, uint_t, const spd_msg_t *,
    const ipsec_policy_t *);
extern void	spdsock_ns_enter(spdsock_t *);
extern void	spdsock_ns_exit(spdsock_t *);
extern int	spdsock_ns_can_flip(spdsock_t *, const spd_if_t *);

#endif	/* _KERNEL */

#ifdef	__cplusplus
}
#endif

#endif	/* _INET_SPDSOCK_NS_H */
