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
 * Drives inet/iptun/iptun_secure.c: tunnels that come, go, get other names
 * and other policy, their links, and packets.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <inet/ipdrop.h>
#include <inet/ipsec_ns_spd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"
#include "iptun_impl.h"
#include "stand_in_iptun.h"
#include "stand_in_spd.h"

/* Tunnels. */

static tunnel_t *
tunnel_of(const char *word)
{
	ulong_t n = driver_number(word);

	VERIFY(n < TUNNELS);
	return (&tunnels[n]);
}

static iptun_t *
iptun_of(const char *word)
{
	iptun_t *iptun = tunnel_of(word)->t_iptun;

	VERIFY(iptun != NULL);
	return (iptun);
}

/*
 * Somebody has looked a node up that is about to leave the tree, and comes
 * to the tunnel of its name right now.
 */
static void
too_late(ipsec_tun_pol_t *itp)
{
	uint_t i;

	/* With a lock of a tunnel, this one is in the way. */
	if (shim_locks_held() != 0)
		return;
	tunnel_tell(itp);
	for (i = 0; i < TUNNELS; i++) {
		VERIFY(tunnels[i].t_iptun == NULL ||
		    tunnels[i].t_iptun->iptun_itp != itp);
	}
}

/* For each tunnel its name, that of its node, and what follows from that. */
static void
put_state(void)
{
	iptun_t *iptun;
	uint_t i;

	tunnel_verify();
	for (i = 0; i < TUNNELS; i++) {
		iptun = tunnels[i].t_iptun;
		if (iptun == NULL) {
			(void) printf("; -");
			continue;
		}
		(void) printf("; %s %s %s %s %d", tunnels[i].t_name,
		    iptun->iptun_itp == NULL ? "-" :
		    iptun->iptun_itp->itp_name,
		    (iptun->iptun_flags & IPTUN_POLICY_OTHER) ? "other" :
		    "own", iptun_secure_may_run(iptun) ? "runs" : "waits",
		    tunnels[i].t_link);
	}
}

/* The end of most commands: what is queued is told, then comes the state. */
static void
answer(int error)
{
	tunnel_run_tasks();
	(void) printf("%d", error);
	put_state();
}

/* Commands. */

/* make TUNNEL NAME KFLAGS TYPE FAILS */
static void
do_make(char **words)
{
	iptun_kparams_t ik;
	int error;

	ik.iptun_kparam_flags = (uint32_t)driver_number(words[2]);
	ik.iptun_kparam_type = (iptun_type_t)driver_number(words[3]);
	error = tunnel_make(tunnel_of(words[0]), words[1], &ik,
	    driver_number(words[4]) != 0);
	answer(error);
}

/* remove TUNNEL */
static void
do_remove(char **words)
{
	VERIFY(iptun_of(words[0]) != NULL);
	tunnel_remove(tunnel_of(words[0]));
	answer(0);
}

/* start TUNNEL: it is plumbed */
static void
do_start(char **words)
{
	iptun_t *iptun = iptun_of(words[0]);

	tunnel_start(tunnel_of(words[0]), B_TRUE);
	tunnel_run_tasks();
	if (!tunnel_no_names && (iptun->iptun_flags & IPTUN_SECURE))
		tunnel_verify_names(tunnel_of(words[0]));
	answer(0);
}

static void
do_stop(char **words)
{
	VERIFY(iptun_of(words[0]) != NULL);
	tunnel_start(tunnel_of(words[0]), B_FALSE);
	answer(0);
}

/* modify TUNNEL: nothing, but what comes with its end */
static void
do_modify(char **words)
{
	iptun_t *iptun = iptun_of(words[0]);

	mutex_enter(&iptun->iptun_lock);
	iptun_modify_exit(iptun, &tunnel_cred);
	answer(0);
}

/* rename TUNNEL NAME ANYHOW */
static void
do_rename(char **words)
{
	tunnel_t *t = tunnel_of(words[0]);
	iptun_t *iptun = iptun_of(words[0]);
	boolean_t keeps = iptun_secure_getcapab(iptun, IPTUN_CAPAB_KEEPS_NAME,
	    NULL);

	VERIFY(!iptun_secure_getcapab(iptun, 1, NULL));
	VERIFY(keeps == ((iptun->iptun_flags & IPTUN_SECURE) &&
	    tunnel_in_force(iptun)));
	/* Who is busy keeps its name. */
	mutex_enter(&iptun->iptun_lock);
	mutex_exit(&iptun->iptun_lock);
	if ((iptun->iptun_flags & IPTUN_MAC_STARTED) ||
	    (keeps && driver_number(words[2]) == 0)) {
		(void) printf("%d", EBUSY);
	} else {
		tunnel_set_name(t, words[1]);
		(void) printf("0");
	}
	put_state();
}

/* policy NAME RULES TOLD: a node, with a rule or without */
static void
do_policy(char **words)
{
	ipsec_tun_pol_t *itp = get_tunnel_policy(words[0], tunnel_stack);

	if (itp == NULL)
		itp = create_tunnel_policy(words[0], tunnel_stack);
	if (driver_number(words[2]) != 0 && !tunnel_no_names)
		tunnel_tell(itp);
	tunnel_set_rules(itp, driver_number(words[1]) != 0 ? TUNNEL_PROTECTS :
	    TUNNEL_NO_RULE);
	if (driver_number(words[2]) != 0 && !tunnel_no_names)
		tunnel_tell(itp);
	ITP_REFRELE(itp, tunnel_stack);
	answer(0);
}

/* simple TUNNEL: policy that comes with the parameters of a tunnel */
static void
do_simple(char **words)
{
	tunnel_t *t = tunnel_of(words[0]);
	iptun_t *iptun = iptun_of(words[0]);
	int error;

	mutex_enter(&iptun->iptun_lock);
	error = tunnel_set_simple(t, iptun);
	if (error == 0)
		(void) iptun_secure_dispatch(iptun);
	mutex_exit(&iptun->iptun_lock);
	if (tunnel_found_before != NULL) {
		iptun_set_policy(iptun->iptun_linkid, tunnel_found_before);
		VERIFY(iptun->iptun_itp != tunnel_found_before);
		ITP_REFRELE(tunnel_found_before, tunnel_stack);
		tunnel_found_before = NULL;
	}
	answer(error);
}

/* foreign TUNNEL: a node of its name, but of another stack */
static void
do_foreign(char **words)
{
	tunnel_t *t = tunnel_of(words[0]);
	iptun_t *iptun = iptun_of(words[0]), before = *iptun;
	netstack_t other;
	ipsec_tun_pol_t *itp = create_tunnel_policy("other", tunnel_stack);

	(void) strncpy(itp->itp_name, t->t_name, MAXLINKNAMELEN - 1);
	itp->itp_ns = &other;
	iptun_set_policy(iptun->iptun_linkid, itp);
	VERIFY(iptun->iptun_itp == before.iptun_itp);
	VERIFY(iptun->iptun_flags == before.iptun_flags);
	VERIFY(itp->itp_tunnels == 0 && itp->itp_refcnt == 2);
	itp->itp_ns = tunnel_stack;
	(void) strncpy(itp->itp_name, "other", MAXLINKNAMELEN - 1);
	itp_unlink(itp, tunnel_stack);
	ITP_REFRELE(itp, tunnel_stack);
	answer(0);
}

/* owned: do rules of an owner keep simple policy away? */
static void
do_owned(char **words)
{
	ipsec_tun_pol_t *itp = create_tunnel_policy("owned", tunnel_stack);
	ipsec_policy_head_t *php;
	ipsec_selkey_t key;
	ipsec_policy_t *rule;
	ipsec_ns_t *owner;
	uint_t i;

	VERIFY(ipsec_ns_intern("svc:/vpn:a", 10, &owner) == 0);
	bzero(&key, sizeof (key));
	key.ipsl_valid = IPSL_IPV6;
	for (i = 0; i < 4; i++) {
		/* First nobody's rule, then the owner's. */
		php = (i < 2) ? itp->itp_inactive : itp->itp_policy;
		rule = ipsec_policy_create(&key, "12345678", 8,
		    IPSEC_ACT_APPLY, 1, &itp->itp_next_policy_index,
		    tunnel_stack);
		ipsec_ns_spd_own(rule, i % 2 == 0 ? NULL : owner);
		rw_enter(&php->iph_lock, RW_WRITER);
		ipsec_enter_policy(php, rule, 1, tunnel_stack);
		rw_exit(&php->iph_lock);

		mutex_enter(&itp->itp_lock);
		(void) printf("%s%d", i == 0 ? "" : " ",
		    iptun_policy_owned(itp));
		mutex_exit(&itp->itp_lock);

		rw_enter(&php->iph_lock, RW_WRITER);
		ipsec_ns_spd_flush(php, NULL, tunnel_stack);
		ipsec_ns_spd_flush(php, owner, tunnel_stack);
		rw_exit(&php->iph_lock);
	}
	ipsec_ns_rele(owner);
	itp_unlink(itp, tunnel_stack);
	ITP_REFRELE(itp, tunnel_stack);
}

/* names YES: can names of links be resolved? */
static void
do_names(char **words)
{
	tunnel_no_names = (driver_number(words[0]) == 0);
}

/* fail N */
static void
do_fail(char **words)
{
	shim_kmem_fail(driver_number(words[0]));
}

/* send TUNNEL: may it?  The state of the link is right afterwards. */
static void
do_send(char **words)
{
	tunnel_t *t = tunnel_of(words[0]);
	iptun_t *iptun = iptun_of(words[0]);
	boolean_t ok = iptun_secure_tx_ok(iptun);

	/* As iptun_m_tx() does. */
	iptun_secure_notice(iptun);
	tunnel_run_tasks();
	if (iptun->iptun_flags & IPTUN_SECURE) {
		VERIFY(iptun->iptun_secure.is_told ==
		    (IS_IPTUN_RUNNING(iptun) ? IPTUN_TOLD_UP :
		    IPTUN_TOLD_DOWN));
		VERIFY(t->t_link == (IS_IPTUN_RUNNING(iptun) ?
		    LINK_STATE_UP : LINK_STATE_DOWN));
	}
	VERIFY(iptun_secure_may_run(iptun) == ok);
	VERIFY(iptun_secure_overhead() == 100);
	(void) printf("%d", ok);
	put_state();
}

/* receive TUNNEL IRAFLAGS ICMP: passed, dropped without policy, got clear */
static void
do_receive(char **words)
{
	iptun_t *iptun = iptun_of(words[0]);
	uint64_t errors = iptun->iptun_ierrors;
	ip_recv_attr_t ira;
	mblk_t *mp, *passed;

	shim_kmem_pause(B_TRUE);
	mp = allocb(8, BPRI_HI);
	shim_kmem_pause(B_FALSE);
	ira.ira_flags = driver_number(words[1]);
	bzero(&shim_drops, sizeof (shim_drops));
	passed = iptun_secure_rx(iptun, mp, &ira, driver_number(words[2]) != 0);
	VERIFY(passed == NULL || passed == mp);
	VERIFY(iptun->iptun_ierrors == errors + (passed == NULL));
	if (passed != NULL)
		freemsg(passed);
	tunnel_run_tasks();
	(void) printf("%d %lu %lu", passed != NULL,
	    shim_drops.ipds_spd_explicit, shim_drops.ipds_spd_got_clear);
	put_state();
}

/*
 * protects TUNNEL SECURE FROM TYPE AH ESP: FROM is 0 for no action, 1 for
 * one in the attributes, 2 for one in a rule
 */
static void
do_protects(char **words)
{
	iptun_t *iptun = iptun_of(words[0]);
	ipsec_action_t act;
	ipsec_policy_t rule;
	ip_xmit_attr_t ixa;

	bzero(&act, sizeof (act));
	bzero(&rule, sizeof (rule));
	bzero(&ixa, sizeof (ixa));
	act.ipa_act.ipa_type = (uint8_t)driver_number(words[3]);
	act.ipa_want_ah = (uint_t)driver_number(words[4]);
	act.ipa_want_esp = (uint_t)driver_number(words[5]);
	rule.ipsp_act = &act;
	if (driver_number(words[1]) != 0)
		ixa.ixa_flags = IXAF_IPSEC_SECURE;
	if (driver_number(words[2]) == 1)
		ixa.ixa_ipsec_action = &act;
	if (driver_number(words[2]) == 2)
		ixa.ixa_ipsec_policy = &rule;
	(void) printf("%d", iptun_secure_protects(iptun, &ixa));
}

/* Rules on plain values. */

static void
do_check_create(char **words)
{
	(void) printf("%d", iptun_secure_check_create(
	    (uint32_t)driver_number(words[0]), (int)driver_number(words[1])));
}

static void
do_check_command(char **words)
{
	iptun_kparams_t ik;
	int error, rval = 0;

	bzero(&ik, sizeof (ik));
	ik.iptun_kparam_flags = (uint32_t)driver_number(words[0]);
	error = iptun_ioc_create_secure(&ik, 0, 0, &tunnel_cred, &rval);
	(void) printf("%d %d", iptun_secure_check_command(
	    ik.iptun_kparam_flags), error);
}

static void
do_check_modify(char **words)
{
	(void) printf("%d", iptun_secure_check_modify(
	    (uint32_t)driver_number(words[0]),
	    (uint32_t)driver_number(words[1])));
}

static void
do_in_force(char **words)
{
	(void) printf("%d", iptun_secure_in_force(
	    (uint32_t)driver_number(words[0]), driver_number(words[1])));
}

static void
do_action(char **words)
{
	(void) printf("%d", iptun_secure_action_protects(
	    (uint_t)driver_number(words[0]),
	    driver_number(words[1]) != 0 ? B_TRUE : B_FALSE,
	    driver_number(words[2]) != 0 ? B_TRUE : B_FALSE));
}

static void
do_verdict(char **words)
{
	(void) printf("%d", (int)iptun_secure_verdict(
	    driver_number(words[0]) != 0 ? B_TRUE : B_FALSE,
	    driver_number(words[1]) != 0 ? B_TRUE : B_FALSE,
	    driver_number(words[2]) != 0 ? B_TRUE : B_FALSE));
}

/* ends: the addresses of a tunnel whose modification fails */
static void
do_ends(char **words)
{
	iptun_t iptun, before;
	iptun_ends_t ends;
	uint32_t flags = (uint32_t)driver_number(words[0]);

	bzero(&iptun, sizeof (iptun));
	mutex_init(&iptun.iptun_lock, NULL, MUTEX_DEFAULT, NULL);
	iptun.iptun_flags = flags;
	(void) memset(&iptun.iptun_laddr, 1, sizeof (iptun.iptun_laddr));
	(void) memset(&iptun.iptun_raddr, 2, sizeof (iptun.iptun_raddr));
	before = iptun;
	iptun_ends_save(&iptun, &ends);
	(void) memset(&iptun.iptun_laddr, 3, sizeof (iptun.iptun_laddr));
	(void) memset(&iptun.iptun_raddr, 4, sizeof (iptun.iptun_raddr));
	iptun.iptun_flags ^= IPTUN_LADDR | IPTUN_RADDR;
	iptun.iptun_flags &= ~(uint32_t)IPTUN_BOUND;
	mutex_enter(&iptun.iptun_lock);
	(void) printf("%d ", iptun_ends_restore(&iptun, &ends));
	mutex_exit(&iptun.iptun_lock);
	(void) printf("%u", iptun.iptun_flags);
	VERIFY(memcmp(&iptun.iptun_laddr, &before.iptun_laddr,
	    sizeof (before.iptun_laddr)) == 0);
	VERIFY(memcmp(&iptun.iptun_raddr, &before.iptun_raddr,
	    sizeof (before.iptun_raddr)) == 0);
	mutex_destroy(&iptun.iptun_lock);
}

static const driver_command_t commands[] = {
	{ "make", 5, do_make },
	{ "remove", 1, do_remove },
	{ "start", 1, do_start },
	{ "stop", 1, do_stop },
	{ "modify", 1, do_modify },
	{ "rename", 3, do_rename },
	{ "policy", 3, do_policy },
	{ "simple", 1, do_simple },
	{ "foreign", 1, do_foreign },
	{ "owned", 0, do_owned },
	{ "names", 1, do_names },
	{ "fail", 1, do_fail },
	{ "send", 1, do_send },
	{ "receive", 3, do_receive },
	{ "protects", 6, do_protects },
	{ "check_create", 2, do_check_create },
	{ "check_command", 1, do_check_command },
	{ "check_modify", 2, do_check_modify },
	{ "in_force", 2, do_in_force },
	{ "action", 3, do_action },
	{ "verdict", 3, do_verdict },
	{ "ends", 1, do_ends },
	{ NULL, 0, NULL }
};

int
main(void)
{
	tunnel_init();
	spd_before_unlink = too_late;
	driver_run(commands);
	tunnel_run_tasks();
	tunnel_fini();
	return (0);
}
