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
 * Tunnels that require IPsec.
 *
 * Such a tunnel says so when it is created, and until it is deleted nothing
 * passes through it in clear, whatever becomes of its policy.  Policy is
 * attached to a tunnel if it has a policy node whose active side is in use
 * and has at least one rule.  Without, the link is down and every packet is
 * dropped in both directions.
 *
 * What secrecy rests on
 * ---------------------
 *
 * Whether policy is attached is looked at for each packet, without a lock,
 * and can have changed a moment later: somebody flushes the policy, or
 * exchanges its two sides.  Therefore no packet ever passes because policy is
 * attached.  A packet that leaves passes because of the rule that it carries
 * in its transmit attributes, with a reference, and which is what IP will act
 * upon (iptun_secure_protects()); the other way out, under the policy of the
 * system, is closed.  A packet that arrives passes because it came through
 * IPsec (iptun_secure_rx()).  Both are facts about the packet that nobody
 * changes.  Looking at the policy before only means that a packet which has
 * no chance is dropped early, for a reason that can be told.
 *
 * The state of the link is information for those above, nothing more.
 *
 * What is read without a lock
 * ---------------------------
 *
 * iptun_flags		IPTUN_SECURE is set before anybody else knows the
 *			tunnel and never changes.  The other bits are hints.
 * iptun_itp		goes from NULL to a node and from one node to another,
 *			never back to NULL while the tunnel is in use:
 *			ipsec_tun_outbound() reads it again and relies on
 *			that.  A node that was attached once keeps a
 *			reference until the tunnel is freed, when no packet
 *			is under way any more; so whatever a packet has read
 *			here stays valid for as long as the packet is here.
 * itp_flags		one word; changed under itp_lock.
 * itp_policy		the head belongs to the node for all its life; FLIP
 *			exchanges what is in the heads, not the heads.
 * iph_rulebyid		only the number of nodes, one word; changed under
 *			iph_lock.
 *
 * Nodes and tunnels
 * -----------------
 *
 * Nodes have names, and tunnels have names that can change.  The node of a
 * tunnel is that of its name; a renamed tunnel keeps the node it has until
 * another one is attached.  So two tunnels can have the same node, the
 * renamed one and a new one that has the old name.  itp_tunnels counts them.
 * The node leaves the tree of its stack with the last of them, and no tunnel
 * takes it up afterwards.  The count is protected by iptun_policy_lock, which
 * is a leaf: nothing is taken and nothing is allocated under it.
 *
 * A secure tunnel that is plumbed compares names.  If it has the node of
 * another name, and there is none of its own, it is marked with
 * IPTUN_POLICY_OTHER, and counts as one without policy.  With policy attached
 * it refuses to be renamed (iptun_secure_getcapab()), so it takes somebody
 * who renames links behind the back of the kernel to come that far.
 *
 * Lock order: iptun_lock, itp_lock, iph_lock; iptun_policy_lock last.  Nodes
 * are looked up by name, which takes ipsec_tunnel_policy_lock, without
 * iptun_lock, because walks over all nodes hold the first and take the
 * second.  There is one exception, which was there before: the node of a
 * simple policy is made under iptun_lock, and iptun_policy_adopt_new() takes
 * it out again there if it cannot be attached.  The MAC layer is called
 * without any of these.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/avl.h>
#include <sys/atomic.h>
#include <sys/mac_provider.h>
#include <inet/ip.h>
#include <inet/ipdrop.h>
#include <inet/ipsec_impl.h>
#include <inet/ipsec_ns_spd.h>
#include <inet/iptun.h>
#include "iptun_impl.h"

/*
 * A policy node that was attached to a tunnel before, with the reference
 * that was the tunnel's.
 */
struct iptun_old_policy {
	struct iptun_old_policy	*iop_next;
	ipsec_tun_pol_t		*iop_itp;
};

/* itp_tunnels of a node that is leaving, or has left, the tree of its stack */
#define	IPTUN_POLICY_GONE	UINT32_MAX

/* What a request to create a secure tunnel may say. */
#define	IPTUN_KPARAM_KNOWN						\
	(IPTUN_KPARAM_TYPE | IPTUN_KPARAM_LADDR | IPTUN_KPARAM_RADDR |	\
	IPTUN_KPARAM_SECINFO | IPTUN_KPARAM_IMPLICIT |			\
	IPTUN_KPARAM_IPSECPOL | IPTUN_KPARAM_SECURE)

/* Protects itp_tunnels of all nodes. */
static kmutex_t	iptun_policy_lock;

static void	iptun_secure_task(void *);

/*
 * Rules, on plain values
 */

/*
 * Can a tunnel of this type be created with these flags?  6to4 tunnels talk
 * to anybody, and implicit ones are made by plumbing a name, without a word
 * about IPsec.
 */
int
iptun_secure_check_create(uint32_t kflags, int type)
{
	if (!(kflags & IPTUN_KPARAM_SECURE))
		return (0);
	if (type == IPTUN_TYPE_6TO4 || (kflags & IPTUN_KPARAM_IMPLICIT))
		return (EINVAL);
	return (0);
}

/*
 * The old command ignores flags that it does not know.  The new one does
 * not, so that what is added one day does not fail open here.
 */
int
iptun_secure_check_command(uint32_t kflags)
{
	return ((kflags & ~IPTUN_KPARAM_KNOWN) != 0 ? EINVAL : 0);
}

/*
 * Can a tunnel with these iptun_flags be modified by a request with these
 * flags?  The type and the requirement are for life.  Saying again that
 * IPsec is required changes nothing, and saying nothing takes nothing away.
 */
boolean_t
iptun_secure_check_modify(uint32_t flags, uint32_t kflags)
{
	if (kflags & IPTUN_KPARAM_TYPE)
		return (B_FALSE);
	return (!(kflags & IPTUN_KPARAM_SECURE) || (flags & IPTUN_SECURE));
}

/*
 * Is a policy node with these flags and so many active rules one that is in
 * force?  ADDRULE marks a side as in use before it enters the rules, and
 * leaves the mark if there are none to enter.
 */
boolean_t
iptun_secure_in_force(uint32_t itp_flags, ulong_t rules)
{
	return ((itp_flags & ITPF_P_ACTIVE) && rules > 0);
}

/*
 * Does IP protect what it sends under this action?  It lets a bypass pass,
 * and otherwise does what any alternative of the chain asks for, and nothing
 * if none does.  The two values are collected over the chain.
 */
boolean_t
iptun_secure_action_protects(uint_t type, boolean_t want_ah,
    boolean_t want_esp)
{
	return (type != IPSEC_ACT_BYPASS && (want_ah || want_esp));
}

/*
 * What becomes of a packet that arrives at a secure tunnel.  ICMP errors that
 * this host made itself are trusted; they come in clear.
 */
iptun_verdict_t
iptun_secure_verdict(boolean_t in_force, boolean_t secure, boolean_t trusted)
{
	if (!in_force)
		return (IPTUN_VERDICT_NO_POLICY);
	if (!secure && !trusted)
		return (IPTUN_VERDICT_GOT_CLEAR);
	return (IPTUN_VERDICT_PASS);
}

/*
 * The policy that is attached
 */

/*
 * Is policy attached to the tunnel?  See above for what is read without a
 * lock.
 */
static boolean_t
iptun_policy_attached(const iptun_t *iptun)
{
	const ipsec_tun_pol_t *itp = iptun->iptun_itp;

	if (itp == NULL || (iptun->iptun_flags & IPTUN_POLICY_OTHER))
		return (B_FALSE);
	return (iptun_secure_in_force(itp->itp_flags,
	    avl_numnodes(&itp->itp_policy->iph_rulebyid)));
}

/*
 * One more tunnel for a node, unless it is leaving.
 */
static boolean_t
iptun_policy_count(ipsec_tun_pol_t *itp)
{
	boolean_t stays;

	mutex_enter(&iptun_policy_lock);
	stays = (itp->itp_tunnels != IPTUN_POLICY_GONE);
	if (stays)
		itp->itp_tunnels++;
	mutex_exit(&iptun_policy_lock);
	return (stays);
}

/*
 * One tunnel less for a node.  If the node should go with its last tunnel,
 * and this was the last one, no other tunnel gets it any more, and the result
 * is B_TRUE.
 */
static boolean_t
iptun_policy_uncount(ipsec_tun_pol_t *itp, boolean_t goes)
{
	boolean_t last;

	mutex_enter(&iptun_policy_lock);
	ASSERT(itp->itp_tunnels > 0 && itp->itp_tunnels != IPTUN_POLICY_GONE);
	last = (--itp->itp_tunnels == 0 && goes);
	if (last)
		itp->itp_tunnels = IPTUN_POLICY_GONE;
	mutex_exit(&iptun_policy_lock);
	return (last);
}

/*
 * Keeps a node that is about to be replaced until the tunnel is freed, with
 * the reference that the tunnel has.  A node is kept only once, so there are
 * as many as the tunnel has had names.
 */
static boolean_t
iptun_policy_park(iptun_t *iptun, ipsec_tun_pol_t *itp)
{
	struct iptun_old_policy *old;

	for (old = iptun->iptun_secure.is_old; old != NULL;
	    old = old->iop_next) {
		if (old->iop_itp == itp) {
			/* Not the last one; the list has one, too. */
			ITP_REFRELE(itp, iptun->iptun_ns);
			return (B_TRUE);
		}
	}
	old = kmem_alloc(sizeof (*old), KM_NOSLEEP);
	if (old == NULL)
		return (B_FALSE);
	old->iop_itp = itp;
	old->iop_next = iptun->iptun_secure.is_old;
	iptun->iptun_secure.is_old = old;
	return (B_TRUE);
}

/*
 * The link has this name.  Is the node that is attached of another one?
 */
static void
iptun_policy_mark(iptun_t *iptun, const char *name)
{
	if (iptun->iptun_itp != NULL &&
	    strncmp(iptun->iptun_itp->itp_name, name, LIFNAMSIZ) != 0)
		iptun->iptun_flags |= IPTUN_POLICY_OTHER;
	else
		iptun->iptun_flags &= ~IPTUN_POLICY_OTHER;
}

/*
 * The node of the name of this tunnel, or NULL.  Should the caller attach
 * it?  If so, everything is ready for that: the node that it replaces is
 * taken care of, and the caller only has to add a reference and to store it.
 * The mark for nodes of other names is set as it has to be afterwards.
 *
 * Not attached is what is attached already, what is leaving, and what belongs
 * to another stack: names of links are resolved for the zone of whoever asks,
 * and a tunnel that was lent to a zone has the name that it has there, but is
 * part of the stack in which it was made.
 *
 * The caller holds iptun_lock, or nobody knows the tunnel yet.
 */
boolean_t
iptun_policy_admit(iptun_t *iptun, ipsec_tun_pol_t *itp)
{
	ipsec_tun_pol_t *before = iptun->iptun_itp;

	if (itp == NULL || itp->itp_ns != iptun->iptun_ns)
		return (B_FALSE);
	if (itp == before || !iptun_policy_count(itp)) {
		iptun_policy_mark(iptun, itp->itp_name);
		return (B_FALSE);
	}
	if (before != NULL) {
		if (!iptun_policy_park(iptun, before)) {
			/*
			 * The old one stays; it cannot be let go of while
			 * packets may look at it.  The next request for this
			 * policy tries again, and a secure tunnel is down
			 * until then.
			 */
			(void) iptun_policy_uncount(itp, B_FALSE);
			iptun_policy_mark(iptun, itp->itp_name);
			return (B_FALSE);
		}
		/* Its rules wait for another tunnel of that name. */
		(void) iptun_policy_uncount(before, B_FALSE);
	}
	iptun->iptun_flags &= ~IPTUN_POLICY_OTHER;
	return (B_TRUE);
}

/*
 * Attaches a node with the reference that the caller has.
 */
void
iptun_policy_adopt(iptun_t *iptun, ipsec_tun_pol_t *itp)
{
	if (iptun_policy_admit(iptun, itp)) {
		/* Nobody is to see the node before what is in it. */
		membar_producer();
		iptun->iptun_itp = itp;
	} else {
		ITP_REFRELE(itp, iptun->iptun_ns);
	}
}

/*
 * Attaches a node that has just been made for a simple policy, with the
 * reference that the caller has.  If that fails nothing is left of it, unless
 * another tunnel has attached it in the meantime.
 *
 * The node has been in the tree since it was made.  Somebody may have found it
 * there, and wait for iptun_lock in order to attach it; so it leaves as any
 * other node does, and is not attached after that.
 */
int
iptun_policy_adopt_new(iptun_t *iptun, ipsec_tun_pol_t *itp)
{
	ITP_REFHOLD(itp);
	iptun_policy_adopt(iptun, itp);
	if (iptun->iptun_itp != itp) {
		if (iptun_policy_count(itp) &&
		    iptun_policy_uncount(itp, B_TRUE))
			itp_unlink(itp, iptun->iptun_ns);
		ITP_REFRELE(itp, iptun->iptun_ns);
		return (ENOMEM);
	}
	ITP_REFRELE(itp, iptun->iptun_ns);
	return (0);
}

/*
 * Attaches to a tunnel that is being created the node that has its name.  If
 * it was there before and nothing comes of the tunnel, it has to stay; it is
 * not the fault of the policy.  What the tunnel has made itself, because a
 * simple policy came with the request, goes with it.
 */
void
iptun_policy_found(iptun_t *iptun, ipsec_tun_pol_t *itp)
{
	if (iptun->iptun_itp == NULL)
		iptun->iptun_secure.is_policy = IPTUN_POLICY_FOUND;
	iptun_policy_adopt(iptun, itp);
}

/*
 * Nothing comes of the tunnel.
 */
void
iptun_policy_stays(iptun_t *iptun)
{
	if (iptun->iptun_secure.is_policy == IPTUN_POLICY_FOUND)
		iptun->iptun_secure.is_policy = IPTUN_POLICY_STAYS;
}

/*
 * The tunnel is about to be freed, and there are no packets any more: takes
 * its node out of the tree, if it was the last tunnel that had it, and lets
 * the nodes go that it had before.  The caller releases the reference of the
 * node that is attached.  A node that counts for nothing, because it is of
 * another name, waits for a tunnel of that name.
 */
void
iptun_policy_leave(iptun_t *iptun)
{
	ipsec_tun_pol_t *itp = iptun->iptun_itp;
	struct iptun_old_policy *old;
	boolean_t goes =
	    iptun->iptun_secure.is_policy != IPTUN_POLICY_STAYS &&
	    !((iptun->iptun_flags & IPTUN_SECURE) &&
	    (iptun->iptun_flags & IPTUN_POLICY_OTHER));

	ASSERT(iptun->iptun_flags & IPTUN_CONDEMNED);
	ASSERT(iptun->iptun_connp == NULL);

	if (iptun_policy_uncount(itp, goes))
		itp_unlink(itp, iptun->iptun_ns);
	while ((old = iptun->iptun_secure.is_old) != NULL) {
		iptun->iptun_secure.is_old = old->iop_next;
		ITP_REFRELE(old->iop_itp, iptun->iptun_ns);
		kmem_free(old, sizeof (*old));
	}
}

/*
 * Looks for the node that has the name that the link has now.  This is for
 * secure tunnels that are about to be plumbed.  It finds what the tunnel was
 * not told, because its name could not be resolved when that policy came, and
 * notices that the tunnel has been renamed.  The name of a link does not
 * change while it is plumbed.
 *
 * Called from below the MAC layer, which keeps the tunnel, and without
 * iptun_lock, as this asks the link management daemon.  Without an answer
 * everything stays as it is.
 */
void
iptun_policy_look(iptun_t *iptun)
{
	char name[MAXLINKNAMELEN];
	ipsec_tun_pol_t *itp;

	if (!(iptun->iptun_flags & IPTUN_SECURE))
		return;
	ASSERT(MUTEX_NOT_HELD(&iptun->iptun_lock));
	if (dls_mgmt_get_linkinfo(iptun->iptun_linkid, name, NULL, NULL,
	    NULL) != 0)
		return;
	itp = get_tunnel_policy(name, iptun->iptun_ns);

	mutex_enter(&iptun->iptun_lock);
	if (iptun->iptun_flags & IPTUN_CONDEMNED) {
		if (itp != NULL)
			ITP_REFRELE(itp, iptun->iptun_ns);
	} else {
		if (itp != NULL)
			iptun_policy_adopt(iptun, itp);
		/* Another one may have been attached in the meantime. */
		iptun_policy_mark(iptun, name);
	}
	mutex_exit(&iptun->iptun_lock);
}

/*
 * Attaches to the tunnel with this link, if it is there, the node of this
 * name, if there is one, and tells the state of the link, if it is secure.
 *
 * The tunnel is found again by its link, since it can be deleted at any time.
 * The caller is somebody who may change it, and these are of its stack.
 */
static void
iptun_policy_look_by_name(datalink_id_t linkid, char *name, cred_t *cred,
    boolean_t is_secure)
{
	netstack_t *ns = netstack_find_by_cred(cred);
	ipsec_tun_pol_t *itp = get_tunnel_policy(name, ns);

	if (itp != NULL || is_secure)
		iptun_set_policy(linkid, itp);
	if (itp != NULL)
		ITP_REFRELE(itp, ns);
	netstack_rele(ns);
}

/*
 * Does somebody own rules in this node, on either side?  Then a simple policy
 * is not put in their place.  The caller holds itp_lock.
 */
boolean_t
iptun_policy_owned(ipsec_tun_pol_t *itp)
{
	ASSERT(MUTEX_HELD(&itp->itp_lock));
	return (ipsec_ns_spd_has_named(itp->itp_policy) ||
	    ipsec_ns_spd_has_named(itp->itp_inactive));
}

/*
 * Creation, modification, information
 */

/*
 * IPTUN_CREATE_SECURE.  The privilege has been checked.
 */
/* ARGSUSED */
int
iptun_ioc_create_secure(void *karg, intptr_t arg, int mode, cred_t *cred,
    int *rvalp)
{
	iptun_kparams_t *ik = karg;
	int err;

	if ((err = iptun_secure_check_command(ik->iptun_kparam_flags)) != 0)
		return (err);
	return (iptun_create(ik, cred));
}

/*
 * The tunnel is being created, and is not known to anybody.  It must be
 * secure before it can be bound, get policy, or be registered.
 */
int
iptun_secure_init(iptun_t *iptun, const iptun_kparams_t *ik)
{
	int err = iptun_secure_check_create(ik->iptun_kparam_flags,
	    iptun->iptun_typeinfo->iti_type);

	if (err == 0 && (ik->iptun_kparam_flags & IPTUN_KPARAM_SECURE))
		iptun->iptun_flags |= IPTUN_SECURE;
	return (err);
}

/*
 * The tunnel has been created.  Policy of its name that came after it had
 * been looked for, and before the tunnel could be found by its link, has not
 * been told to anybody.  So look again, now that whatever comes later finds
 * the tunnel.
 *
 * For a secure tunnel this also tells the state of the link for the first
 * time: down, in most cases.
 */
void
iptun_secure_created(const iptun_kparams_t *ik, char *name, cred_t *cred)
{
	iptun_policy_look_by_name(ik->iptun_kparam_linkid, name, cred,
	    (ik->iptun_kparam_flags & IPTUN_KPARAM_SECURE) != 0);
}

/*
 * What is said of a tunnel that requires IPsec.
 */
uint32_t
iptun_secure_kparam(const iptun_t *iptun)
{
	return ((iptun->iptun_flags & IPTUN_SECURE) ? IPTUN_KPARAM_SECURE : 0);
}

/*
 * The MAC layer asks what the driver can do.  There is one thing that it can:
 * refuse another name for a secure tunnel while policy is attached, because
 * policy is found by name.
 *
 * The caller may hold locks that a deletion of this tunnel waits for, and a
 * deletion makes others wait for the tunnel; therefore this waits for
 * nothing.  If the tunnel is busy, it keeps its name this time.
 */
/* ARGSUSED */
boolean_t
iptun_secure_getcapab(void *arg, mac_capab_t cap, void *data)
{
	iptun_t *iptun = arg;
	boolean_t keeps;

	if (cap != IPTUN_CAPAB_KEEPS_NAME ||
	    !(iptun->iptun_flags & IPTUN_SECURE))
		return (B_FALSE);
	if (!mutex_tryenter(&iptun->iptun_lock))
		return (B_TRUE);
	keeps = iptun_policy_attached(iptun);
	mutex_exit(&iptun->iptun_lock);
	return (keeps);
}

/*
 * The addresses of a tunnel before a modification.
 *
 * A modification unbinds the tunnel before it binds it again.  In between
 * nothing is sent in clear: the tunnel does not run, and a packet that is past
 * that test leaves because of its own rule, whichever addresses it has.  What
 * arrives then is not decapsulated by this tunnel.
 */
void
iptun_ends_save(const iptun_t *iptun, iptun_ends_t *ends)
{
	ends->ie_flags = iptun->iptun_flags &
	    (IPTUN_LADDR | IPTUN_RADDR | IPTUN_BOUND);
	ends->ie_laddr = iptun->iptun_laddr;
	ends->ie_raddr = iptun->iptun_raddr;
}

/*
 * The tunnel could not be bound to its new addresses, so it gets the old ones
 * back.  The result says that it was bound to them, and should be again.
 *
 * If that fails as well, because of lack of memory or because the old local
 * address has gone, the tunnel has its old addresses but is not bound, until
 * it is modified again.
 */
boolean_t
iptun_ends_restore(iptun_t *iptun, const iptun_ends_t *ends)
{
	ASSERT(MUTEX_HELD(&iptun->iptun_lock));
	ASSERT(!(iptun->iptun_flags & IPTUN_BOUND));
	iptun->iptun_laddr = ends->ie_laddr;
	iptun->iptun_raddr = ends->ie_raddr;
	iptun->iptun_flags &= ~(IPTUN_LADDR | IPTUN_RADDR);
	iptun->iptun_flags |= ends->ie_flags & (IPTUN_LADDR | IPTUN_RADDR);
	return ((ends->ie_flags & IPTUN_BOUND) != 0);
}

/*
 * The end of a modification: leaves the tunnel, and then has a secure one
 * without policy look for some.  Only the zone in which a tunnel was made may
 * modify it.
 */
void
iptun_modify_exit(iptun_t *iptun, cred_t *cred)
{
	datalink_id_t linkid = iptun->iptun_linkid;
	boolean_t look = (iptun->iptun_flags & IPTUN_SECURE) &&
	    (iptun->iptun_itp == NULL ||
	    (iptun->iptun_flags & IPTUN_POLICY_OTHER)) &&
	    iptun->iptun_zoneid == crgetzoneid(cred);
	char name[MAXLINKNAMELEN];

	ASSERT(MUTEX_HELD(&iptun->iptun_lock));
	mutex_exit(&iptun->iptun_lock);

	if (look && dls_mgmt_get_linkinfo(linkid, name, NULL, NULL,
	    NULL) == 0)
		iptun_policy_look_by_name(linkid, name, cred, B_TRUE);
}

/*
 * State of the link
 *
 * A secure tunnel has a request of its own in the task queue of the driver,
 * so that telling its state never fails.  The state is worked out when the
 * request is served, so a request that is queued covers every change until
 * then, and one is enough.  It is queued again while it is at work, which is
 * allowed: the queue does not touch it once it has called the function.
 *
 * The request has the address of the tunnel.  iptun_secure_drain() waits for
 * it before the tunnel is unregistered and freed.  It waits for nothing but
 * iptun_lock, in particular not for a deletion, and so does not hold up the
 * tunnels behind it.
 */

/*
 * Can a tunnel that is bound and started carry anything?
 */
boolean_t
iptun_secure_may_run(const iptun_t *iptun)
{
	return (!(iptun->iptun_flags & IPTUN_SECURE) ||
	    iptun_policy_attached(iptun));
}

/*
 * Queues the request of a secure tunnel to tell the state of its link.  The
 * result is B_FALSE for other tunnels.
 */
boolean_t
iptun_secure_dispatch(iptun_t *iptun)
{
	iptun_secure_t *is = &iptun->iptun_secure;

	if (!(iptun->iptun_flags & IPTUN_SECURE))
		return (B_FALSE);

	/*
	 * Before there is a MAC there is nobody to tell.  The end of the
	 * creation tells; the end of the tunnel is told by its absence.
	 */
	if (!(iptun->iptun_flags & IPTUN_MAC_REGISTERED) ||
	    (iptun->iptun_flags & IPTUN_CONDEMNED))
		return (B_TRUE);

	ASSERT(MUTEX_HELD(&iptun->iptun_lock));
	if (!(is->is_task & IPTUN_LINK_QUEUED)) {
		is->is_task |= IPTUN_LINK_QUEUED;
		/* A task queue by another name; see ddi_taskq_dispatch(). */
		taskq_dispatch_ent((taskq_t *)iptun_taskq, iptun_secure_task,
		    iptun, 0, &is->is_ent);
	}
	return (B_TRUE);
}

/*
 * Tells the MAC layer the state of the link.  There is one thread in the
 * queue, so states are told in the order in which they were found out.
 */
static void
iptun_secure_task(void *arg)
{
	iptun_t *iptun = arg;
	iptun_secure_t *is = &iptun->iptun_secure;
	boolean_t up;

	mutex_enter(&iptun->iptun_lock);
	ASSERT(is->is_task == IPTUN_LINK_QUEUED);
	is->is_task = IPTUN_LINK_AT_WORK;
	up = IS_IPTUN_RUNNING(iptun);
	is->is_told = up ? IPTUN_TOLD_UP : IPTUN_TOLD_DOWN;
	mutex_exit(&iptun->iptun_lock);

	mac_link_update(iptun->iptun_mh, up ? LINK_STATE_UP :
	    LINK_STATE_DOWN);

	mutex_enter(&iptun->iptun_lock);
	is->is_task &= ~IPTUN_LINK_AT_WORK;
	cv_broadcast(&iptun->iptun_upcall_cv);
	mutex_exit(&iptun->iptun_lock);
}

/*
 * Waits until the request is neither queued nor at work.  The tunnel is
 * condemned, so it is not queued again.
 */
void
iptun_secure_drain(iptun_t *iptun)
{
	ASSERT(iptun->iptun_flags & IPTUN_CONDEMNED);
	mutex_enter(&iptun->iptun_lock);
	while (iptun->iptun_secure.is_task != 0)
		cv_wait(&iptun->iptun_upcall_cv, &iptun->iptun_lock);
	mutex_exit(&iptun->iptun_lock);
}

/*
 * A packet is here.  If it sees another state than the one that was told
 * last, somebody has changed the policy without telling this tunnel: its name
 * could not be resolved, or it was told before the change and not after it.
 * So the state is told now.
 *
 * Called without a lock, possibly from an interrupt thread, and therefore
 * does not wait for iptun_lock; whoever has it now tells something himself,
 * or the next packet will.
 */
void
iptun_secure_notice(iptun_t *iptun)
{
	uint8_t seen;

	if (!(iptun->iptun_flags & IPTUN_SECURE))
		return;
	seen = IS_IPTUN_RUNNING(iptun) ? IPTUN_TOLD_UP : IPTUN_TOLD_DOWN;
	if (iptun->iptun_secure.is_told == seen)
		return;
	if (mutex_tryenter(&iptun->iptun_lock)) {
		(void) iptun_secure_dispatch(iptun);
		mutex_exit(&iptun->iptun_lock);
	}
}

/*
 * What policy will take of the MTU, as long as there is none.  Whatever comes
 * will protect, most likely with ESP; so the MTU need not change when it
 * comes, and connections do not start with one that is too large.
 */
uint32_t
iptun_secure_overhead(void)
{
	ipsec_act_t act;

	bzero(&act, sizeof (act));
	act.ipa_type = IPSEC_ACT_APPLY;
	act.ipa_apply.ipp_use_esp = 1;
	act.ipa_apply.ipp_use_espa = 1;
	return (ipsec_act_ovhd(&act));
}

/*
 * Packets
 */

/*
 * May the tunnel send at all?
 */
boolean_t
iptun_secure_tx_ok(iptun_t *iptun)
{
	if (iptun_secure_may_run(iptun))
		return (B_TRUE);
	iptun_secure_notice(iptun);
	return (B_FALSE);
}

/*
 * The policy of the tunnel has left its decision in the transmit attributes.
 * Is it one that protects?  This looks at the same thing as
 * ipsec_out_process(), which acts upon it; the references in the attributes
 * keep it as it is.
 */
boolean_t
iptun_secure_protects(const iptun_t *iptun, const ip_xmit_attr_t *ixa)
{
	const ipsec_action_t *act;

	if (!(iptun->iptun_flags & IPTUN_SECURE))
		return (B_TRUE);
	if (!(ixa->ixa_flags & IXAF_IPSEC_SECURE))
		return (B_FALSE);
	act = ixa->ixa_ipsec_action;
	if (act == NULL && ixa->ixa_ipsec_policy != NULL)
		act = ixa->ixa_ipsec_policy->ipsp_act;
	if (act == NULL)
		return (B_FALSE);
	return (iptun_secure_action_protects(act->ipa_act.ipa_type,
	    act->ipa_want_ah, act->ipa_want_esp));
}

/*
 * A packet arrives, or an ICMP error about one that was sent.  The result is
 * NULL if it has been dropped.
 *
 * A tunnel is found by its addresses as long as it is bound, also while its
 * link is down, in order to drop its packets; what no tunnel wants goes on to
 * others in IP.
 */
mblk_t *
iptun_secure_rx(iptun_t *iptun, mblk_t *mp, const ip_recv_attr_t *ira,
    boolean_t icmp)
{
	ipsec_stack_t *ipss;
	boolean_t secure, trusted;

	if (!(iptun->iptun_flags & IPTUN_SECURE))
		return (mp);

	iptun_secure_notice(iptun);
	ipss = iptun->iptun_ns->netstack_ipsec;
	secure = (ira->ira_flags & IRAF_IPSEC_SECURE) != 0;
	trusted = icmp && (ira->ira_flags & IRAF_TRUSTED_ICMP) != 0;
	switch (iptun_secure_verdict(iptun_policy_attached(iptun), secure,
	    trusted)) {
	case IPTUN_VERDICT_PASS:
		return (mp);
	case IPTUN_VERDICT_GOT_CLEAR:
		ip_drop_packet(mp, B_TRUE, NULL,
		    DROPPER(ipss, ipds_spd_got_clear),
		    &ipss->ipsec_spd_dropper);
		break;
	case IPTUN_VERDICT_NO_POLICY:
	default:
		ip_drop_packet(mp, B_TRUE, NULL,
		    DROPPER(ipss, ipds_spd_explicit),
		    &ipss->ipsec_spd_dropper);
		break;
	}
	atomic_inc_64(&iptun->iptun_ierrors);
	return (NULL);
}
