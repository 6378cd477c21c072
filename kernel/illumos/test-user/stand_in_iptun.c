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
#include <sched.h>
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

/* As iptun_hash_lock: whoever finds a tunnel here has entered it, too. */
static kmutex_t hash_lock;

/* Protects the names; stands for the link daemon. */
static pthread_mutex_t name_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_more = PTHREAD_COND_INITIALIZER;
static pthread_t queue_thread;
static boolean_t queue_ends;
static taskq_ent_t *queued;

static iptun_typeinfo_t types[] = {
	{ IPTUN_TYPE_UNKNOWN }, { IPTUN_TYPE_IPV4 }, { IPTUN_TYPE_IPV6 },
	{ IPTUN_TYPE_6TO4 }
};

void *iptun_taskq = &queued;
__thread ipsec_dropstats_t shim_drops;

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
	tunnel_get_name(&tunnels[linkid - 1], name);
	return (0);
}

void
mac_link_update(mac_handle_t mh, link_state_t state)
{
	VERIFY(shim_locks_held() == 0);
	if (shim_threads)
		(void) sched_yield();
	((tunnel_t *)mh)->t_link = state;
}

void
taskq_dispatch_ent(taskq_t *tq, task_func_t *func, void *arg, uint_t flags,
    taskq_ent_t *ent)
{
	taskq_ent_t **at;

	VERIFY((void *)tq == iptun_taskq && flags == 0);
	VERIFY(pthread_mutex_lock(&queue_lock) == 0);
	for (at = &queued; *at != NULL; at = &(*at)->tqent_next)
		VERIFY(*at != ent);
	ent->tqent_func = func;
	ent->tqent_arg = arg;
	ent->tqent_next = NULL;
	*at = ent;
	VERIFY(pthread_cond_signal(&queue_more) == 0);
	VERIFY(pthread_mutex_unlock(&queue_lock) == 0);
}

/* Once the function has been called, the entry is no longer the queue's. */
static void
serve_queue(boolean_t waits)
{
	task_func_t *func;
	void *arg;

	VERIFY(pthread_mutex_lock(&queue_lock) == 0);
	for (;;) {
		while (waits && queued == NULL && !queue_ends) {
			VERIFY(pthread_cond_wait(&queue_more,
			    &queue_lock) == 0);
		}
		if (queued == NULL)
			break;
		func = queued->tqent_func;
		arg = queued->tqent_arg;
		queued = queued->tqent_next;
		VERIFY(pthread_mutex_unlock(&queue_lock) == 0);
		func(arg);
		VERIFY(pthread_mutex_lock(&queue_lock) == 0);
	}
	VERIFY(pthread_mutex_unlock(&queue_lock) == 0);
}

void
tunnel_run_tasks(void)
{
	serve_queue(B_FALSE);
}

static void *
serve_for_ever(void *arg)
{
	serve_queue(B_TRUE);
	return (arg);
}

void
tunnel_start_queue(void)
{
	shim_threads = B_TRUE;
	VERIFY(pthread_create(&queue_thread, NULL, serve_for_ever,
	    NULL) == 0);
}

void
tunnel_end_queue(void)
{
	VERIFY(pthread_mutex_lock(&queue_lock) == 0);
	queue_ends = B_TRUE;
	VERIFY(pthread_cond_signal(&queue_more) == 0);
	VERIFY(pthread_mutex_unlock(&queue_lock) == 0);
	VERIFY(pthread_join(queue_thread, NULL) == 0);
	shim_threads = B_FALSE;
}

/* Tunnels. */

void
tunnel_set_name(tunnel_t *t, const char *name)
{
	VERIFY(pthread_mutex_lock(&name_lock) == 0);
	bzero(t->t_name, sizeof (t->t_name));
	(void) strncpy(t->t_name, name, MAXLINKNAMELEN - 1);
	VERIFY(pthread_mutex_unlock(&name_lock) == 0);
}

void
tunnel_get_name(const tunnel_t *t, char *name)
{
	VERIFY(pthread_mutex_lock(&name_lock) == 0);
	(void) strncpy(name, t->t_name, MAXLINKNAMELEN);
	VERIFY(pthread_mutex_unlock(&name_lock) == 0);
}

iptun_t *
tunnel_enter(datalink_id_t linkid)
{
	iptun_t *iptun;

	mutex_enter(&hash_lock);
	iptun = tunnels[linkid - 1].t_iptun;
	if (iptun != NULL) {
		mutex_enter(&iptun->iptun_lock);
		if (iptun->iptun_flags & IPTUN_CONDEMNED) {
			mutex_exit(&iptun->iptun_lock);
			iptun = NULL;
		}
	}
	mutex_exit(&hash_lock);
	return (iptun);
}

void
iptun_set_policy(datalink_id_t linkid, ipsec_tun_pol_t *itp)
{
	iptun_t *iptun = tunnel_enter(linkid);

	if (iptun == NULL)
		return;
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
	char name[MAXLINKNAMELEN];
	uint_t i;

	for (i = 0; i < TUNNELS; i++) {
		tunnel_get_name(&tunnels[i], name);
		if (strcmp(name, itp->itp_name) != 0)
			continue;
		iptun_set_policy(i + 1, itp);
		if (!shim_threads && tunnels[i].t_iptun != NULL)
			tunnel_verify_names(&tunnels[i]);
	}
}

static void
publish(tunnel_t *t, iptun_t *iptun)
{
	VERIFY(pthread_rwlock_wrlock(&t->t_use) == 0);
	mutex_enter(&hash_lock);
	t->t_iptun = iptun;
	mutex_exit(&hash_lock);
	VERIFY(pthread_rwlock_unlock(&t->t_use) == 0);
}

static void
free_tunnel(tunnel_t *t, iptun_t *iptun)
{
	mutex_enter(&iptun->iptun_lock);
	iptun->iptun_flags |= IPTUN_CONDEMNED;
	mutex_exit(&iptun->iptun_lock);
	/* Without a thread of its own, the queue is served here. */
	if (!shim_threads)
		tunnel_run_tasks();
	iptun_secure_drain(iptun);
	/* It is unbound, which would be told. */
	mutex_enter(&iptun->iptun_lock);
	(void) iptun_secure_dispatch(iptun);
	VERIFY(iptun->iptun_secure.is_task == 0);
	mutex_exit(&iptun->iptun_lock);
	/* Waits for packets. */
	publish(t, NULL);
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

int
tunnel_make(tunnel_t *t, const char *name, iptun_kparams_t *ik,
    boolean_t fails)
{
	char link[MAXLINKNAMELEN] = "";
	iptun_t *iptun = calloc(1, sizeof (*iptun));
	ipsec_tun_pol_t *itp;
	int error;

	VERIFY(t->t_iptun == NULL);
	tunnel_set_name(t, name);
	(void) strncpy(link, name, MAXLINKNAMELEN - 1);
	ik->iptun_kparam_linkid = (datalink_id_t)(t - tunnels) + 1;
	mutex_init(&iptun->iptun_lock, NULL, MUTEX_DEFAULT, NULL);
	iptun->iptun_linkid = ik->iptun_kparam_linkid;
	iptun->iptun_ns = tunnel_stack;
	iptun->iptun_typeinfo = &types[ik->iptun_kparam_type];
	iptun->iptun_mh = (mac_handle_t)t;
	t->t_link = LINK_STATE_UNKNOWN;
	error = iptun_secure_init(iptun, ik);
	if (error == 0 && (ik->iptun_kparam_flags & IPTUN_KPARAM_SECINFO))
		error = tunnel_set_simple(t, iptun);
	if (error == 0) {
		iptun->iptun_connp = iptun;
		itp = get_tunnel_policy(link, tunnel_stack);
		if (itp != NULL)
			iptun_policy_found(iptun, itp);
		if (fails)
			error = EIO;
	}
	if (error != 0) {
		iptun_policy_stays(iptun);
		free_tunnel(t, iptun);
		return (error);
	}
	VERIFY(iptun_secure_kparam(iptun) ==
	    (ik->iptun_kparam_flags & IPTUN_KPARAM_SECURE));
	iptun->iptun_flags |= IPTUN_BOUND | IPTUN_MAC_REGISTERED;
	publish(t, iptun);
	iptun_secure_created(ik, link, &tunnel_cred);
	return (0);
}

void
tunnel_remove(tunnel_t *t)
{
	free_tunnel(t, t->t_iptun);
}

void
tunnel_start(tunnel_t *t, boolean_t start)
{
	iptun_t *iptun = t->t_iptun;

	if (start)
		iptun_policy_look(iptun);
	mutex_enter(&iptun->iptun_lock);
	if (start)
		iptun->iptun_flags |= IPTUN_MAC_STARTED;
	else
		iptun->iptun_flags &= ~(uint32_t)IPTUN_MAC_STARTED;
	(void) iptun_secure_dispatch(iptun);
	mutex_exit(&iptun->iptun_lock);
}

void
tunnel_set_rules(ipsec_tun_pol_t *itp, tunnel_rules_t rules)
{
	ipsec_selkey_t key;
	ipsec_policy_t *rule;
	uint8_t type;

	mutex_enter(&itp->itp_lock);
	rw_enter(&itp->itp_policy->iph_lock, RW_WRITER);
	if (rules == TUNNEL_NO_RULE) {
		ipsec_ns_spd_flush(itp->itp_policy, NULL, tunnel_stack);
		itp->itp_flags &= ~(uint32_t)ITPF_PFLAGS;
	} else {
		itp->itp_flags |= ITPF_P_ACTIVE;
		if (avl_is_empty(&itp->itp_policy->iph_rulebyid)) {
			bzero(&key, sizeof (key));
			key.ipsl_valid = IPSL_IPV4;
			type = (rules == TUNNEL_PASSES) ? IPSEC_ACT_BYPASS :
			    IPSEC_ACT_APPLY;
			shim_kmem_pause(B_TRUE);
			rule = ipsec_policy_create(&key, &type, 1, type, 1,
			    &itp->itp_next_policy_index, tunnel_stack);
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
	char name[MAXLINKNAMELEN];
	int error;

	if (itp == NULL || (iptun->iptun_flags & IPTUN_POLICY_OTHER)) {
		tunnel_get_name(t, name);
		itp = create_tunnel_policy(name, tunnel_stack);
		if (itp == NULL)
			return (EEXIST);
		ITP_REFHOLD(itp);
		error = iptun_policy_adopt_new(iptun, itp);
		VERIFY(error == 0 || error == ENOMEM);
		if (error != 0 && !shim_threads) {
			/* Nothing is left of it. */
			VERIFY(get_tunnel_policy(name, tunnel_stack) == NULL);
			tunnel_found_before = itp;
			return (error);
		}
		ITP_REFRELE(itp, tunnel_stack);
		if (error != 0)
			return (error);
		VERIFY(iptun->iptun_itp == itp);
	}
	mutex_enter(&itp->itp_lock);
	VERIFY(!iptun_policy_owned(itp));
	mutex_exit(&itp->itp_lock);
	tunnel_set_rules(itp, TUNNEL_PROTECTS);
	return (0);
}

void
tunnel_init(void)
{
	uint_t i;

	tunnel_stack = spd_init();
	tunnel_cred.cr_netstack = tunnel_stack;
	mutex_init(&hash_lock, NULL, MUTEX_DEFAULT, NULL);
	for (i = 0; i < TUNNELS; i++)
		VERIFY(pthread_rwlock_init(&tunnels[i].t_use, NULL) == 0);
}

void
tunnel_fini(void)
{
	uint_t i;

	for (i = 0; i < TUNNELS; i++) {
		if (tunnels[i].t_iptun != NULL)
			tunnel_remove(&tunnels[i]);
		VERIFY(pthread_rwlock_destroy(&tunnels[i].t_use) == 0);
	}
	mutex_destroy(&hash_lock);
	spd_fini(tunnel_stack);
	VERIFY(spd_tunnels == 0);
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
