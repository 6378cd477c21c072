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

#ifndef	_TEST_INET_IPSEC_IMPL_H
#define	_TEST_INET_IPSEC_IMPL_H

/*
 * Policy heads, rules and tunnels, with the members that our files use.
 */

#include <sys/types.h>
#include <sys/debug.h>
#include <sys/atomic.h>
#include <sys/avl.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/netstack.h>
#include <inet/ipsec_ns.h>

#define	IPSEC_NTYPES		2
#define	IPSEC_TYPE_OUTBOUND	0
#define	IPSEC_TYPE_INBOUND	1

#define	IPSEC_NAF		2
#define	IPSEC_AF_V4		0
#define	IPSEC_AF_V6		1

#define	LIFNAMSIZ		32

/* Actions. */

#define	IPSEC_ACT_APPLY		1
#define	IPSEC_ACT_DISCARD	2
#define	IPSEC_ACT_BYPASS	3
#define	IPSEC_ACT_REJECT	4
#define	IPSEC_ACT_CLEAR		5

typedef struct ipsec_prot {
	uint_t		ipp_use_esp;
	uint_t		ipp_use_espa;
} ipsec_prot_t;

typedef struct ipsec_act {
	uint8_t		ipa_type;
	ipsec_prot_t	ipa_apply;
} ipsec_act_t;

typedef struct ipsec_action {
	struct ipsec_action *ipa_next;
	ipsec_act_t	ipa_act;
	uint_t		ipa_want_ah;
	uint_t		ipa_want_esp;
	/* What this one is to the test: its attributes as they came. */
	uint_t		ipa_refs;
	size_t		ipa_size;
	uint8_t		ipa_bytes[];
} ipsec_action_t;

/* Selectors, each there once. */

#define	IPSL_REMOTE_ADDR	0x0001
#define	IPSL_LOCAL_ADDR		0x0002
#define	IPSL_REMOTE_PORT	0x0004
#define	IPSL_LOCAL_PORT		0x0008
#define	IPSL_PROTOCOL		0x0010
#define	IPSL_IPV6		0x0080
#define	IPSL_IPV4		0x0100
#define	IPSL_WILDCARD		0x007f

typedef struct ipsec_selkey {
	uint32_t	ipsl_valid;
	uint8_t		ipsl_local[16];
	uint8_t		ipsl_remote[16];
	uint16_t	ipsl_lport;
	uint16_t	ipsl_rport;
	uint8_t		ipsl_proto;
	uint8_t		ipsl_local_pfxlen;
	uint8_t		ipsl_remote_pfxlen;
	uint8_t		ipsl_mbz;
	/* What follows is not compared. */
	uint32_t	ipsl_pol_hval;
	uint32_t	ipsl_sel_hval;
} ipsec_selkey_t;

typedef struct ipsec_sel {
	struct ipsec_sel *ipsl_next;
	uint32_t	ipsl_refs;
	ipsec_selkey_t	ipsl_key;
} ipsec_sel_t;

/* Rules. */

typedef struct ipsec_policy_s ipsec_policy_t;

struct ipsec_policy_s {
	struct {
		ipsec_policy_t	*hash_next;
		ipsec_policy_t	**hash_pp;
	} ipsp_hash;
	avl_node_t	ipsp_byid;
	uint64_t	ipsp_index;
	uint32_t	ipsp_prio;
	uint32_t	ipsp_refs;
	ipsec_sel_t	*ipsp_sel;
	ipsec_action_t	*ipsp_act;
	netstack_t	*ipsp_netstack;
	ipsec_ns_t	*ipsp_ns;
};

typedef struct ipsec_policy_hash {
	ipsec_policy_t	*hash_head;
} ipsec_policy_hash_t;

typedef struct ipsec_policy_root_s {
	ipsec_policy_t	*ipr_nonhash[IPSEC_NAF];
	int		ipr_nchains;
	ipsec_policy_hash_t *ipr_hash;
} ipsec_policy_root_t;

typedef struct ipsec_policy_head_s {
	uint32_t	iph_refs;
	krwlock_t	iph_lock;
	uint64_t	iph_gen;
	ipsec_policy_root_t iph_root[IPSEC_NTYPES];
	avl_tree_t	iph_rulebyid;
} ipsec_policy_head_t;

/* Puts something at the head of a list; takes it out. */
#define	HASHLIST_INSERT(what, link, list)	\
	do {								\
		(what)->link.hash_pp = &(list);				\
		(what)->link.hash_next = (list);			\
		if ((list) != NULL)					\
			(list)->link.hash_pp = &(what)->link.hash_next;	\
		(list) = (what);					\
	} while (0)
#define	HASHLIST_UNCHAIN(what, link)	\
	do {								\
		if ((what)->link.hash_next != NULL)			\
			(what)->link.hash_next->link.hash_pp =		\
			    (what)->link.hash_pp;			\
		*(what)->link.hash_pp = (what)->link.hash_next;		\
		(what)->link.hash_next = NULL;				\
		(what)->link.hash_pp = NULL;				\
	} while (0)

extern void ipsec_policy_free(ipsec_policy_t *);

#define	IPPOL_REFHOLD(rule)	atomic_inc_32(&(rule)->ipsp_refs)
#define	IPPOL_REFRELE(rule)	\
	do {								\
		ASSERT((rule)->ipsp_refs != 0);				\
		if (atomic_dec_32_nv(&(rule)->ipsp_refs) == 0)		\
			ipsec_policy_free(rule);			\
		(rule) = NULL;						\
	} while (0)

/* The policy of a tunnel: flags of the active side, then of the other. */

#define	ITPF_P_ACTIVE			0x01
#define	ITPF_P_TUNNEL			0x02
#define	ITPF_P_PER_PORT_SECURITY	0x04
#define	ITPF_PFLAGS			0x07
#define	ITPF_SHIFT			3
#define	ITPF_I_ACTIVE			0x08
#define	ITPF_I_TUNNEL			0x10
#define	ITPF_I_PER_PORT_SECURITY	0x20
#define	ITPF_IFLAGS			0x38

#define	ITPF_CLONE(flags)	\
	((flags) = ((flags) & ITPF_PFLAGS) * (1 + (1 << ITPF_SHIFT)))
#define	ITPF_SWAP(flags)	\
	((flags) = ((flags) & ITPF_IFLAGS) >> ITPF_SHIFT |		\
	    ((flags) & ITPF_PFLAGS) << ITPF_SHIFT)

typedef struct ipsec_tun_pol_s {
	avl_node_t	itp_node;
	kmutex_t	itp_lock;
	uint64_t	itp_next_policy_index;
	ipsec_policy_head_t *itp_policy;
	ipsec_policy_head_t *itp_inactive;
	uint32_t	itp_flags;
	uint32_t	itp_refcnt;
	char		itp_name[LIFNAMSIZ];
	netstack_t	*itp_ns;
	uint32_t	itp_tunnels;
} ipsec_tun_pol_t;

typedef struct ipdropper {
	uint_t		ipd_unused;
} ipdropper_t;

typedef struct ipsec_stack {
	netstack_t		*ipsec_netstack;
	ipsec_policy_head_t	ipsec_system_policy;
	ipsec_policy_head_t	ipsec_inactive_policy;
	uint64_t		ipsec_next_policy_index;
	krwlock_t		ipsec_tunnel_policy_lock;
	uint64_t		ipsec_tunnel_policy_gen;
	avl_tree_t		ipsec_tunnel_policies;
	/* One instead of four of them: is there any active rule? */
	boolean_t		ipsec_policy_present;
	ipdropper_t		ipsec_spd_dropper;
} ipsec_stack_t;

extern void itp_free(ipsec_tun_pol_t *, netstack_t *);

#define	ITP_REFHOLD(itp)	atomic_inc_32(&(itp)->itp_refcnt)
#define	ITP_REFRELE(itp, ns)	\
	do {								\
		ASSERT(__atomic_load_n(&(itp)->itp_refcnt,		\
		    __ATOMIC_RELAXED) != 0);				\
		if (atomic_dec_32_nv(&(itp)->itp_refcnt) == 0)		\
			itp_free(itp, ns);				\
	} while (0)

/* The attributes of packets that leave and that arrive. */

#define	IXAF_IPSEC_SECURE	0x01

typedef struct ip_xmit_attr_s {
	uint64_t	ixa_flags;
	ipsec_action_t	*ixa_ipsec_action;
	ipsec_policy_t	*ixa_ipsec_policy;
} ip_xmit_attr_t;

#define	IRAF_IPSEC_SECURE	0x01
#define	IRAF_TRUSTED_ICMP	0x02

typedef struct ip_recv_attr_s {
	uint64_t	ira_flags;
} ip_recv_attr_t;

extern void ipsec_insert_always(avl_tree_t *, void *);
extern void ipsec_swap_policy(ipsec_policy_head_t *, ipsec_policy_head_t *,
    netstack_t *);
extern ipsec_tun_pol_t *get_tunnel_policy(char *, netstack_t *);
extern void itp_unlink(ipsec_tun_pol_t *, netstack_t *);
extern uint32_t ipsec_act_ovhd(const ipsec_act_t *);
extern void itp_walk(void (*)(ipsec_tun_pol_t *, void *, netstack_t *),
    void *, netstack_t *);

#endif	/* _TEST_INET_IPSEC_IMPL_H */
