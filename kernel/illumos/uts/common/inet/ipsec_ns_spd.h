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

#ifndef	_INET_IPSEC_NS_SPD_H
#define	_INET_IPSEC_NS_SPD_H

/*
 * Policy rules and their owners: what a request may touch.
 */

#include <inet/ipsec_ns.h>
#include <inet/ipsec_impl.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifdef	_KERNEL

/*
 * What a walk over all tunnels carries: whose rules, of which side, and what
 * came of it.
 */
typedef struct ipsec_ns_spd_walk {
	ipsec_ns_t	*insw_owner;
	boolean_t	insw_active;
	int		insw_error;
} ipsec_ns_spd_walk_t;

typedef ipsec_policy_t *(*ipsec_ns_spd_copy_t)(const ipsec_policy_t *);
typedef void (*ipsec_ns_spd_present_t)(ipsec_stack_t *);

extern void	ipsec_ns_spd_g_init(ipsec_ns_spd_copy_t,
    ipsec_ns_spd_present_t);
extern void	ipsec_ns_spd_g_destroy(void);

extern void	ipsec_ns_spd_own(ipsec_policy_t *, ipsec_ns_t *);
extern void	ipsec_ns_spd_disown(ipsec_policy_t *);

extern boolean_t ipsec_ns_spd_has_named(ipsec_policy_head_t *);
extern boolean_t ipsec_ns_spd_conflict(ipsec_policy_head_t *,
    const ipsec_policy_t *, uint_t);
extern int	ipsec_ns_spd_delete_index(ipsec_policy_head_t *, uint64_t,
    ipsec_ns_t *, netstack_t *);
extern void	ipsec_ns_spd_flush(ipsec_policy_head_t *, ipsec_ns_t *,
    netstack_t *);
extern int	ipsec_ns_spd_clone(ipsec_policy_head_t *,
    ipsec_policy_head_t *, ipsec_ns_t *, netstack_t *);

extern int	ipsec_ns_spd_clone_global(ipsec_ns_t *, netstack_t *);
extern int	ipsec_ns_spd_clone_itp(ipsec_tun_pol_t *, ipsec_ns_t *,
    netstack_t *);
extern int	ipsec_ns_spd_can_flip_global(ipsec_ns_t *, netstack_t *);
extern int	ipsec_ns_spd_can_flip_itp(ipsec_tun_pol_t *, ipsec_ns_t *);
extern void	ipsec_ns_spd_flip_global(ipsec_ns_t *, netstack_t *);
extern void	ipsec_ns_spd_flip_itp(ipsec_tun_pol_t *, ipsec_ns_t *,
    netstack_t *);
extern void	ipsec_ns_spd_settle(ipsec_tun_pol_t *, ipsec_policy_head_t *);
extern void	ipsec_ns_spd_settle_locked(ipsec_tun_pol_t *,
    ipsec_policy_head_t *);

#endif	/* _KERNEL */

#ifdef	__cplusplus
}
#endif

#endif	/* _INET_IPSEC_NS_SPD_H */
