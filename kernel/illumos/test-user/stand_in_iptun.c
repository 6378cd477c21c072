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

/*
 * What stands in for inet/iptun/iptun.c and the MAC layer with their edits.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <inet/ipdrop.h>
#include <inet/ipsec_ns_spd.h>
#include <stdlib.h>
#include <string.h>
#include "iptun_impl.h"
#include "stand_in_iptun.h"
#include "stand_in_spd.h"

#define	NODES	64

/* One node that a tunnel had before, as iptun_secure.c has it. */
struct iptun_old_policy {
	struct iptun_old_policy	*iop_next;
	ipsec_tun_pol_t		*iop_itp;
};
#define	GONE	UINT32_MAX

netstack_t *tunnel_stack;
cred_t tunnel_cred;
tunnel_t tunnels[TUNNELS];
boolean_t tunnel_no_names;
ipsec_tun_pol_t *tunnel_found_before;

static taskq_ent_t *queued;

void *iptun_taskq = &queued;
ipsec_dropstats_t shim_drops;

/* The rest of the kernel. */

zoneid_t
crgetzoneid(const cred_t *cr)
{
	return (cr->cr_zoneid);
}

netstack_t *
netstack_find_by_cred(const cred_t *cr)
{
	return (cr->cr_netstack);
}

void
netstack_rele(netstack_t *ns)
{
	VERIFY(ns == tunnel_stack);
}

uint32_t
ipsec_act_ovhd(const ipsec_act_t *act)
{
	VERIFY(act->ipa_type == IPSEC_ACT_APPLY);
	return (act->ipa_apply.ipp_use_esp ? 100 : 0);
}

void
ip_drop_packet(mblk_t *mp, boolean_t in, void *ill, ulong_t *counter,
    ipdropper_t *dropper)
{
	VERIFY(in && ill == NULL &&
	    dropper == &tunnel_stack->netstack_ipsec->ipsec_spd_dropper);
	(*counter)++;
	freemsg(mp);
}

int
dls_mgmt_get_linkinfo(datalink_id_t linkid, char *name, void *a, void *b,
    void *c)
{
	VERIFY(a == NULL && b == NULL && c == NULL);
	/* An up-call is made without locks. */
	VERIFY(shim_locks_held() == 0);
	VERIFY(linkid >= 1 && linkid <= TUNNELS);
	if (tunnel_no_names)
		return (ENOENT);
	(void) strncpy(name, tunnels[linkid - 1].t_name, MAXLINKNAMELEN);
	return (0);
}

void
mac_link_update(mac_handle_t mh, link_state_t state)
{
	VERIFY(shim_locks_held() == 0);
	((tunnel_t *)mh)->t_link = state;
}

void
taskq_dispatch_ent(taskq_t *tq, task_func_t *func, void *arg, uint_t flags,
    taskq_ent_t *ent)
{
	taskq_ent_t **at;

	VERIFY((void *)tq == iptun_taskq && flags == 0);
	for (at = &queued; *at != NULL; at = &(*at)->tqent_next)
		VERIFY(*at != ent);
	ent->tqent_func = func;
	ent->tqent_arg = arg;
	ent->tqent_next = NULL;
	*at = ent;
}

void
tunnel_run_tasks(void)
{
	taskq_ent_t *ent;

	while ((ent = queued) != NULL) {
		queued = ent->tqent_next;
		ent->tqent_func(ent->tqent_arg);
	}
}

/* Tunnels. */

void
iptun_set_policy(datalink_id_t linkid, ipsec_tun_pol_t *itp)
{
	iptun_t *iptun = tunnels[linkid - 1].t_iptun;

	if (iptun == NULL)
		return;
	mutex_enter(&iptun->iptun_lock);
	if (iptun_policy_admit(iptun, itp)) {
		VERIFY(iptun->iptun_itp != itp);
		ITP_REFHOLD(itp);
		iptun->iptun_itp = itp;
	}
	(void) iptun_secure_dispatch(iptun);
	mutex_exit(&iptun->iptun_lock);
}

int
iptun_create(iptun_kparams_t *ik, cred_t *cr)
{
	VERIFY(cr == &tunnel_cred);
	return (ik->iptun_kparam_flags & IPTUN_KPARAM_TYPE ? 0 : EINVAL);
}

/* Names have just been compared. */
void
tunnel_verify_names(const tunnel_t *t)
{
	ipsec_tun_pol_t *itp = t->t_iptun->iptun_itp;

	VERIFY(!(t->t_iptun->iptun_flags & IPTUN_POLICY_OTHER) ==
	    (itp == NULL || strcmp(itp->itp_name, t->t_name) == 0));
}

/* The tunnel that has the name of a node hears of it. */
void
tunnel_tell(ipsec_tun_pol_t *itp)
{
	uint_t i;

	for (i = 0; i < TUNNELS; i++) {
		if (tunnels[i].t_iptun != NULL &&
		    strcmp(tunnels[i].t_name, itp->itp_name) == 0) {
			iptun_set_policy(i + 1, itp);
			tunnel_verify_names(&tunnels[i]);
		}
	}
}

void
tunnel_free(iptun_t *iptun)
{
	iptun->iptun_flags |= IPTUN_CONDEMNED;
	/* The queue has a thread of its own. */
	if (iptun->iptun_secure.is_task != 0)
		tunnel_run_tasks();
	iptun_secure_drain(iptun);
	/* It is unbound, which would be told. */
	mutex_enter(&iptun->iptun_lock);
	(void) iptun_secure_dispatch(iptun);
	mutex_exit(&iptun->iptun_lock);
	iptun_secure_drain(iptun);
	iptun->iptun_flags &= ~(uint32_t)IPTUN_MAC_REGISTERED;
	iptun->iptun_connp = NULL;
	if (iptun->iptun_itp != NULL) {
		iptun_policy_leave(iptun);
		ITP_REFRELE(iptun->iptun_itp, tunnel_stack);
		iptun->iptun_itp = NULL;
	}
	VERIFY(iptun->iptun_secure.is_old == NULL);
	mutex_destroy(&iptun->iptun_lock);
	free(iptun);
}

/* Adds one rule that is in force, or removes all. */
void
tunnel_set_rules(ipsec_tun_pol_t *itp, boolean_t some)
{
	ipsec_selkey_t key;
	ipsec_policy_t *rule;

	mutex_enter(&itp->itp_lock);
	rw_enter(&itp->itp_policy->iph_lock, RW_WRITER);
	if (!some) {
		ipsec_ns_spd_flush(itp->itp_policy, NULL, tunnel_stack);
		itp->itp_flags &= ~(uint32_t)ITPF_PFLAGS;
	} else {
		itp->itp_flags |= ITPF_P_ACTIVE;
		if (avl_is_empty(&itp->itp_policy->iph_rulebyid)) {
			bzero(&key, sizeof (key));
			key.ipsl_valid = IPSL_IPV4;
			shim_kmem_pause(B_TRUE);
			rule = ipsec_policy_create(&key, "12345678", 8,
			    IPSEC_ACT_APPLY, 1, &itp->itp_next_policy_index,
			    tunnel_stack);
			shim_kmem_pause(B_FALSE);
			VERIFY(ipsec_check_policy(itp->itp_policy, rule, 0));
			ipsec_enter_policy(itp->itp_policy, rule, 0,
			    tunnel_stack);
		}
	}
	rw_exit(&itp->itp_policy->iph_lock);
	mutex_exit(&itp->itp_lock);
}

/*
 * Policy that comes with the parameters of a tunnel: a node of its own, if it
 * has none, and a rule.
 */
int
tunnel_set_simple(tunnel_t *t, iptun_t *iptun)
{
	ipsec_tun_pol_t *itp = iptun->iptun_itp;
	int error;

	if (itp == NULL || (iptun->iptun_flags & IPTUN_POLICY_OTHER)) {
		itp = get_tunnel_policy(t->t_name, tunnel_stack);
		if (itp != NULL) {
			ITP_REFRELE(itp, tunnel_stack);
			return (EEXIST);
		}
		itp = create_tunnel_policy(t->t_name, tunnel_stack);
		ITP_REFHOLD(itp);
		error = iptun_policy_adopt_new(iptun, itp);
		VERIFY(error == 0 || error == ENOMEM);
		if (error != 0) {
			/* Nothing is left of it. */
			VERIFY(get_tunnel_policy(t->t_name,
			    tunnel_stack) == NULL);
			tunnel_found_before = itp;
			return (error);
		}
		ITP_REFRELE(itp, tunnel_stack);
		VERIFY(iptun->iptun_itp == itp);
	}
	mutex_enter(&itp->itp_lock);
	VERIFY(!iptun_policy_owned(itp));
	mutex_exit(&itp->itp_lock);
	tunnel_set_rules(itp, B_TRUE);
	return (0);
}

/* What must hold. */

static ipsec_tun_pol_t *nodes[NODES];
static uint_t nnodes;

static void
add_node(ipsec_tun_pol_t *itp)
{
	uint_t i;

	for (i = 0; i < nnodes; i++) {
		if (nodes[i] == itp)
			return;
	}
	VERIFY(nnodes < NODES);
	nodes[nnodes++] = itp;
}

static boolean_t
in_tree(const ipsec_tun_pol_t *node)
{
	avl_tree_t *tree = &tunnel_stack->netstack_ipsec->ipsec_tunnel_policies;
	ipsec_tun_pol_t *itp = avl_first(tree);

	while (itp != NULL && itp != node)
		itp = AVL_NEXT(tree, itp);
	return (itp != NULL);
}

boolean_t
tunnel_in_force(const iptun_t *iptun)
{
	ipsec_tun_pol_t *itp = iptun->iptun_itp;

	return (itp != NULL && !(iptun->iptun_flags & IPTUN_POLICY_OTHER) &&
	    (itp->itp_flags & ITPF_P_ACTIVE) &&
	    avl_numnodes(&itp->itp_policy->iph_rulebyid) > 0);
}

void
tunnel_verify(void)
{
	avl_tree_t *tree = &tunnel_stack->netstack_ipsec->ipsec_tunnel_policies;
	struct iptun_old_policy *old, *other;
	ipsec_tun_pol_t *itp;
	iptun_t *iptun;
	uint_t i, j, refs, attached;

	VERIFY(shim_locks_held() == 0);
	nnodes = 0;
	for (itp = avl_first(tree); itp != NULL; itp = AVL_NEXT(tree, itp))
		add_node(itp);
	for (i = 0; i < TUNNELS; i++) {
		if ((iptun = tunnels[i].t_iptun) == NULL)
			continue;
		if (iptun->iptun_itp != NULL)
			add_node(iptun->iptun_itp);
		VERIFY(iptun_secure_may_run(iptun) ==
		    (!(iptun->iptun_flags & IPTUN_SECURE) ||
		    tunnel_in_force(iptun)));
		for (old = iptun->iptun_secure.is_old; old != NULL;
		    old = old->iop_next) {
			add_node(old->iop_itp);
			for (other = old->iop_next; other != NULL;
			    other = other->iop_next)
				VERIFY(other->iop_itp != old->iop_itp);
		}
	}
	/* None has been lost. */
	VERIFY(nnodes == spd_tunnels);
	for (j = 0; j < nnodes; j++) {
		itp = nodes[j];
		attached = 0;
		refs = in_tree(itp);
		for (i = 0; i < TUNNELS; i++) {
			if ((iptun = tunnels[i].t_iptun) == NULL)
				continue;
			attached += (iptun->iptun_itp == itp);
			for (old = iptun->iptun_secure.is_old; old != NULL;
			    old = old->iop_next)
				refs += (old->iop_itp == itp);
		}
		VERIFY3U(itp->itp_refcnt, ==, refs + attached);
		if (itp->itp_tunnels == GONE)
			VERIFY(attached == 0 && !in_tree(itp));
		else
			VERIFY3U(itp->itp_tunnels, ==, attached);
	}
}
