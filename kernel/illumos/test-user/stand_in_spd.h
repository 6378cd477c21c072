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

#ifndef	_TEST_STAND_IN_SPD_H
#define	_TEST_STAND_IN_SPD_H

/*
 * What stands in for inet/ip/spd.c with its edits.
 */

#include <inet/ipsec_impl.h>

extern netstack_t *spd_init(void);
extern void spd_fini(netstack_t *);

/*
 * Insists on everything that must hold between two requests.  After requests
 * of many threads at once, whether there is policy at all need not be right;
 * see update_present().
 */
extern void spd_verify(netstack_t *, boolean_t);

extern ipsec_policy_t *ipsec_policy_create(const ipsec_selkey_t *,
    const void *, size_t, uint8_t, uint32_t, uint64_t *, netstack_t *);
extern boolean_t ipsec_check_policy(ipsec_policy_head_t *, ipsec_policy_t *,
    uint_t);
extern void ipsec_enter_policy(ipsec_policy_head_t *, ipsec_policy_t *,
    uint_t, netstack_t *);
extern boolean_t ipsec_policy_delete(ipsec_policy_head_t *, ipsec_selkey_t *,
    uint_t, netstack_t *, ipsec_ns_t *);
extern ipsec_tun_pol_t *create_tunnel_policy(const char *, netstack_t *);

/* Tunnels that have not been freed. */
extern uint_t spd_tunnels;

/* Called at the beginning of itp_unlink(), if it is set. */
extern void (*spd_before_unlink)(ipsec_tun_pol_t *);

/* The lists of a direction by number: the chains, then the families. */
extern uint_t spd_lists(ipsec_policy_head_t *, uint_t);
extern ipsec_policy_t **spd_list(ipsec_policy_head_t *, uint_t, uint_t);

#endif	/* _TEST_STAND_IN_SPD_H */
