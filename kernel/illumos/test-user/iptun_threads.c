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
 * Tunnels at work at the same time: inet/iptun/iptun_secure.c.
 *
 * Packets leave and arrive, tunnels come and go, are plumbed, modified and
 * renamed, and policy is added, removed and told, all at once.  The task queue
 * has a thread, as in the kernel.  What every packet of a secure tunnel rests
 * on is looked at where IP would act upon it.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/stream.h>
#include <inet/ipdrop.h>
#include <inet/ipsec_ns_spd.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include "iptun_impl.h"
#include "stand_in_iptun.h"
#include "stand_in_spd.h"
#include "threads.h"

#define	NAMES	6

static const char *const names[NAMES] = { "a", "b", "c", "d", "e", "f" };

/*
 * Creation, deletion, and what the MAC layer and the data-link layer do come
 * one after the other for each tunnel.
 */
static pthread_mutex_t control[TUNNELS];

/* Packets that passed, so that it can be seen that there were some. */
static uint_t sent, received;

static boolean_t
is_secure(const iptun_t *iptun)
{
	return ((iptun->iptun_flags & IPTUN_SECURE) != 0);
}

/* A rule of the active side for what leaves, with a hold. */
static ipsec_policy_t *
find_rule(ipsec_tun_pol_t *itp)
{
	ipsec_policy_head_t *php = itp->itp_policy;
	ipsec_policy_t *rule;

	rw_enter(&php->iph_lock, RW_READER);
	rule = avl_first(&php->iph_rulebyid);
	if (rule != NULL)
		IPPOL_REFHOLD(rule);
	rw_exit(&php->iph_lock);
	return (rule);
}

/* As iptun_output_common() does, with its edits. */
static void
output(iptun_t *iptun)
{
	ipsec_tun_pol_t *itp = iptun->iptun_itp;
	ip_xmit_attr_t ixa = { 0 };
	ipsec_policy_t *rule;

	if (!iptun_secure_tx_ok(iptun))
		return;
	if (itp == NULL || !(itp->itp_flags & ITPF_P_ACTIVE)) {
		/* The way of the policy of the system. */
		return;
	}
	/* Much can happen now. */
	(void) sched_yield();
	VERIFY(itp->itp_policy->iph_refs == 1);
	/* ipsec_tun_outbound() reads it again, and relies on it. */
	itp = iptun->iptun_itp;
	VERIFY(itp != NULL);
	(void) sched_yield();
	rule = find_rule(itp);
	if (rule == NULL)
		return;
	ixa.ixa_flags = IXAF_IPSEC_SECURE;
	ixa.ixa_ipsec_policy = rule;
	if (iptun_secure_protects(iptun, &ixa)) {
		VERIFY(!is_secure(iptun) ||
		    (rule->ipsp_act->ipa_act.ipa_type == IPSEC_ACT_APPLY &&
		    rule->ipsp_act->ipa_want_esp));
		atomic_inc_uint(&sent);
	}
	IPPOL_REFRELE(rule);
}

static void
input(iptun_t *iptun, worker_t *w)
{
	ip_recv_attr_t ira = { random_below(w, 4) };
	boolean_t icmp = (random_below(w, 2) != 0);
	mblk_t *mp;

	shim_kmem_pause(B_TRUE);
	mp = allocb(8, BPRI_HI);
	shim_kmem_pause(B_FALSE);
	mp = iptun_secure_rx(iptun, mp, &ira, icmp);
	if (mp == NULL)
		return;
	VERIFY(!is_secure(iptun) || (ira.ira_flags & IRAF_IPSEC_SECURE) ||
	    (icmp && (ira.ira_flags & IRAF_TRUSTED_ICMP)));
	atomic_inc_uint(&received);
	freemsg(mp);
}

static void
packet(worker_t *w, tunnel_t *t)
{
	iptun_t *iptun;

	VERIFY(pthread_rwlock_rdlock(&t->t_use) == 0);
	iptun = t->t_iptun;
	if (iptun != NULL && random_below(w, 2) != 0) {
		input(iptun, w);
	} else if (iptun != NULL) {
		if (IS_IPTUN_RUNNING(iptun))
			output(iptun);
		else
			iptun_secure_notice(iptun);
	}
	VERIFY(pthread_rwlock_unlock(&t->t_use) == 0);
}

/*
 * Nobody sees to it that names are unique, so tunnels have one node together
 * more often than in the kernel.
 */
static void
rename_tunnel(tunnel_t *t, const char *name)
{
	iptun_t *iptun = t->t_iptun;

	if (iptun->iptun_flags & IPTUN_MAC_STARTED)
		return;
	(void) iptun_secure_getcapab(iptun, IPTUN_CAPAB_KEEPS_NAME, NULL);
	tunnel_set_name(t, name);
}

static void
create_or_delete(worker_t *w, tunnel_t *t, const char *name)
{
	iptun_kparams_t ik;
	int error;

	if (t->t_iptun != NULL) {
		tunnel_remove(t);
		return;
	}
	ik.iptun_kparam_flags = IPTUN_KPARAM_TYPE;
	if (random_below(w, 4) != 0)
		ik.iptun_kparam_flags |= IPTUN_KPARAM_SECURE;
	if (random_below(w, 4) == 0)
		ik.iptun_kparam_flags |= IPTUN_KPARAM_SECINFO;
	ik.iptun_kparam_type = IPTUN_TYPE_IPV4;
	error = tunnel_make(t, name, &ik, random_below(w, 8) == 0);
	VERIFY(error == 0 || error == EIO || error == EEXIST);
}

static void
controlled(worker_t *w, uint_t n)
{
	const char *name = names[random_below(w, NAMES)];
	tunnel_t *t = &tunnels[n];

	VERIFY(pthread_mutex_lock(&control[n]) == 0);
	switch (random_below(w, 8)) {
	case 0:
	case 1:
		create_or_delete(w, t, name);
		break;
	case 2:
		if (t->t_iptun != NULL)
			rename_tunnel(t, name);
		break;
	default:
		if (t->t_iptun != NULL)
			tunnel_start(t, random_below(w, 3) != 0);
		break;
	}
	VERIFY(pthread_mutex_unlock(&control[n]) == 0);
}

/* A request to modify: with simple policy, or with nothing. */
static void
modify(worker_t *w, uint_t n)
{
	iptun_t *iptun = tunnel_enter(n + 1);
	int error = 0;

	if (iptun == NULL)
		return;
	if (random_below(w, 2) == 0) {
		error = tunnel_set_simple(&tunnels[n], iptun);
		if (error == 0)
			(void) iptun_secure_dispatch(iptun);
	}
	VERIFY(error == 0 || error == EEXIST || error == ENOMEM);
	iptun_modify_exit(iptun, &tunnel_cred);
}

static void
policy(worker_t *w)
{
	char name[MAXLINKNAMELEN] = "";
	ipsec_tun_pol_t *itp;

	(void) strcpy(name, names[random_below(w, NAMES)]);
	itp = create_tunnel_policy(name, tunnel_stack);
	if (itp == NULL)
		itp = get_tunnel_policy(name, tunnel_stack);
	if (itp == NULL)
		return;
	tunnel_set_rules(itp, random_below(w, 4) == 0 ? TUNNEL_NO_RULE :
	    random_below(w, 3) == 0 ? TUNNEL_PASSES : TUNNEL_PROTECTS);
	(void) sched_yield();
	if (random_below(w, 4) != 0)
		tunnel_tell(itp);
	ITP_REFRELE(itp, tunnel_stack);
}

static void
step(worker_t *w)
{
	uint_t n = random_below(w, TUNNELS);

	/* Memory is short now and then, for whoever comes next. */
	if (random_below(w, 8) == 0)
		shim_kmem_fail(1);
	switch (random_below(w, 16)) {
	case 0:
	case 1:
		controlled(w, n);
		break;
	case 2:
		modify(w, n);
		break;
	case 3:
	case 4:
		policy(w);
		break;
	default:
		packet(w, &tunnels[n]);
		break;
	}
	VERIFY(shim_locks_held() == 0);
}

/* The next packet has the state told, if nobody else has. */
static void
verify_link(tunnel_t *t)
{
	iptun_t *iptun = t->t_iptun;

	if (iptun == NULL || !is_secure(iptun))
		return;
	iptun_secure_notice(iptun);
	tunnel_run_tasks();
	VERIFY3S(t->t_link, ==, IS_IPTUN_RUNNING(iptun) ? LINK_STATE_UP :
	    LINK_STATE_DOWN);
}

int
main(int argc, char **argv)
{
	uint_t i;

	tunnel_init();
	for (i = 0; i < TUNNELS; i++)
		VERIFY(pthread_mutex_init(&control[i], NULL) == 0);
	tunnel_start_queue();
	threads_run(argc, argv, step);
	tunnel_end_queue();
	tunnel_verify();
	for (i = 0; i < TUNNELS; i++)
		verify_link(&tunnels[i]);
	VERIFY(sent != 0 && received != 0);
	tunnel_fini();
	for (i = 0; i < TUNNELS; i++)
		VERIFY(pthread_mutex_destroy(&control[i]) == 0);
	(void) puts("ok");
	return (0);
}
