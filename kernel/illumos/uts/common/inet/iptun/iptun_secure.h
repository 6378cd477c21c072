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

#ifndef	_INET_IPTUN_SECURE_H
#define	_INET_IPTUN_SECURE_H

/*
 * Tunnels that require IPsec, and the policy that is attached to a tunnel.
 * See iptun_secure.c.
 */

#include <sys/types.h>
#include <sys/cred.h>
#include <sys/stream.h>
#include <sys/mac_provider.h>
#include <sys/taskq.h>
#include <sys/taskq_impl.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifdef	_KERNEL

struct iptun_s;
struct iptun_ends_s;
struct iptun_kparams;
struct iptun_old_policy;
struct ipsec_tun_pol_s;
struct ip_recv_attr_s;
struct ip_xmit_attr_s;

/*
 * What iptun_t has for this.  Protected by iptun_lock.
 *
 * is_task	whether the request is queued, and whether it is at work
 * is_told	what the MAC layer was told last; read without the lock as a
 *		hint
 * is_policy	what becomes of the policy node when the tunnel is freed
 * is_ent	the request to tell the MAC layer the state of the link
 * is_old	policy nodes that were attached before
 */
typedef struct iptun_secure_s {
	uint8_t		is_task;
	uint8_t		is_told;
	uint8_t		is_policy;
	taskq_ent_t	is_ent;
	struct iptun_old_policy	*is_old;
} iptun_secure_t;

/* is_task */
#define	IPTUN_LINK_QUEUED	0x1
#define	IPTUN_LINK_AT_WORK	0x2

/* is_told */
#define	IPTUN_TOLD_NOTHING	0
#define	IPTUN_TOLD_DOWN		1
#define	IPTUN_TOLD_UP		2

/* is_policy */
#define	IPTUN_POLICY_GOES	0	/* with the tunnel */
#define	IPTUN_POLICY_FOUND	1	/* it was there before the tunnel */
#define	IPTUN_POLICY_STAYS	2	/* and the tunnel never came to be */

/*
 * Asked by the data-link layer before it gives a link another name.  Has no
 * data.  This is private to misc/dls and iptun; the value is far from those
 * of <sys/mac_provider.h>.
 */
#define	IPTUN_CAPAB_KEEPS_NAME	((mac_capab_t)0x40000000)

/* What becomes of a packet that arrives. */
typedef enum {
	IPTUN_VERDICT_PASS,
	IPTUN_VERDICT_NO_POLICY,
	IPTUN_VERDICT_GOT_CLEAR
} iptun_verdict_t;

/* Rules, on plain values. */
extern int	iptun_secure_check_create(uint32_t, int);
extern int	iptun_secure_check_command(uint32_t);
extern boolean_t iptun_secure_check_modify(uint32_t, uint32_t);
extern boolean_t iptun_secure_in_force(uint32_t, ulong_t);
extern boolean_t iptun_secure_action_protects(uint_t, boolean_t, boolean_t);
extern iptun_verdict_t iptun_secure_verdict(boolean_t, boolean_t, boolean_t);

/* Interface. */
extern int	iptun_ioc_create_secure(void *, intptr_t, int, cred_t *,
    int *);
extern int	iptun_secure_init(struct iptun_s *,
    const struct iptun_kparams *);
extern void	iptun_secure_created(const struct iptun_kparams *, char *,
    cred_t *);
extern uint32_t	iptun_secure_kparam(const struct iptun_s *);
extern boolean_t iptun_secure_getcapab(void *, mac_capab_t, void *);

/* Addresses during a modification. */
extern void	iptun_ends_save(const struct iptun_s *,
    struct iptun_ends_s *);
extern boolean_t iptun_ends_restore(struct iptun_s *,
    const struct iptun_ends_s *);
extern void	iptun_modify_exit(struct iptun_s *, cred_t *);

/* The policy node. */
extern boolean_t iptun_policy_admit(struct iptun_s *,
    struct ipsec_tun_pol_s *);
extern void	iptun_policy_adopt(struct iptun_s *,
    struct ipsec_tun_pol_s *);
extern int	iptun_policy_adopt_new(struct iptun_s *,
    struct ipsec_tun_pol_s *);
extern void	iptun_policy_found(struct iptun_s *,
    struct ipsec_tun_pol_s *);
extern void	iptun_policy_stays(struct iptun_s *);
extern void	iptun_policy_leave(struct iptun_s *);
extern void	iptun_policy_look(struct iptun_s *);
extern boolean_t iptun_policy_owned(struct ipsec_tun_pol_s *);

/* State of the link. */
extern boolean_t iptun_secure_may_run(const struct iptun_s *);
extern boolean_t iptun_secure_dispatch(struct iptun_s *);
extern void	iptun_secure_drain(struct iptun_s *);
extern void	iptun_secure_notice(struct iptun_s *);
extern uint32_t	iptun_secure_overhead(void);

/* Packets. */
extern boolean_t iptun_secure_tx_ok(struct iptun_s *);
extern boolean_t iptun_secure_protects(const struct iptun_s *,
    const struct ip_xmit_attr_s *);
extern mblk_t	*iptun_secure_rx(struct iptun_s *, mblk_t *,
    const struct ip_recv_attr_s *, boolean_t);

#endif	/* _KERNEL */

#ifdef	__cplusplus
}
#endif

#endif	/* _INET_IPTUN_SECURE_H */
