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
 * Policy rules and their owners.
 *
 * Each rule has an owner, or none: ipsp_ns.  A request changes the rules of
 * its own owner only.  What is enforced does not depend on owners at all:
 * look-ups never see them.
 *
 * Lists of a head
 * ---------------
 *
 * The rules of a head are in a tree by number, and in lists by direction and
 * selector: one list for each bucket of the hash, and one for each address
 * family for rules that have no place in the hash.  A list is named here by
 * direction and slot; slots are the buckets first, then the families.  The
 * two sides of a policy have the same number of buckets, so a rule belongs
 * into the same slot on both.
 *
 * Locking
 * -------
 *
 * Order: itp_lock, iph_lock of the standby side, iph_lock of the active side,
 * the lock of the table of owners.  That is the order of ipsec_swap_policy().
 * ipsp_ns is set before a rule is entered into a head, and does not change
 * afterwards.
 *
 * The exchange of an owner's rules is asked for first, for all heads
 * concerned, and then carried out.  In between nobody may add rules; the
 * caller sees to that (see spdsock_ns.c).  Only the policy that comes with
 * the parameters of a tunnel could still come in between.  It is refused as
 * long as there are rules with an owner; if it was first, a head whose rules
 * would meet is left as it is: what is in force stays in force.
 *
 * Nothing that is exchanged is allocated, so an exchange cannot fail half
 * way.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/atomic.h>
#include <sys/avl.h>
#include <sys/netstack.h>
#include <inet/ipsec_ns.h>
#include <inet/ipsec_impl.h>
#include <inet/ip.h>
#include <inet/ipsec_ns_spd.h>

/* Two functions that spd.c keeps to itself. */
static ipsec_ns_spd_copy_t	ipsec_ns_spd_copy;
static ipsec_ns_spd_present_t	ipsec_ns_spd_present;

/*
 * Rules with an owner, in all heads of all stacks.  As long as there are
 * none, nobody has to look for them.
 */
static volatile uint_t		ipsec_ns_spd_named;

void
ipsec_ns_spd_g_init(ipsec_ns_spd_copy_t copy, ipsec_ns_spd_present_t present)
{
	ipsec_ns_g_init();
	ipsec_ns_spd_copy = copy;
	ipsec_ns_spd_present = present;
}

void
ipsec_ns_spd_g_destroy(void)
{
	ASSERT0(ipsec_ns_spd_named);
	ipsec_ns_g_destroy();
}

/*
 * Gives a rule to an owner; it is not in a head yet.
 */
void
ipsec_ns_spd_own(ipsec_policy_t *rule, ipsec_ns_t *owner)
{
	rule->ipsp_ns = owner;
	if (owner != NULL) {
		ipsec_ns_hold(owner);
		atomic_inc_uint(&ipsec_ns_spd_named);
	}
}

/*
 * Called when a rule is freed, which may be under the lock of a head.
 */
void
ipsec_ns_spd_disown(ipsec_policy_t *rule)
{
	if (rule->ipsp_ns != NULL) {
		atomic_dec_uint(&ipsec_ns_spd_named);
		ipsec_ns_rele(rule->ipsp_ns);
		rule->ipsp_ns = NULL;
	}
}

static uint_t
ipsec_ns_spd_slots(const ipsec_policy_head_t *php, uint_t dir)
{
	return (php->iph_root[dir].ipr_nchains + IPSEC_NAF);
}

/*
 * The list in a slot.
 */
static ipsec_policy_t **
ipsec_ns_spd_list(ipsec_policy_head_t *php, uint_t dir, uint_t slot)
{
	ipsec_policy_root_t *root = &php->iph_root[dir];

	ASSERT(slot < ipsec_ns_spd_slots(php, dir));
	if (slot < root->ipr_nchains)
		return (&root->ipr_hash[slot].hash_head);
	return (&root->ipr_nonhash[slot - root->ipr_nchains]);
}

/*
 * Takes a rule out of list and tree; it is not released.
 */
static void
ipsec_ns_spd_take(ipsec_policy_head_t *php, ipsec_policy_t *rule)
{
	ASSERT(RW_WRITE_HELD(&php->iph_lock));
	HASHLIST_UNCHAIN(rule, ipsp_hash);
	avl_remove(&php->iph_rulebyid, rule);
}

/*
 * Enters a rule into a slot.
 */
static void
ipsec_ns_spd_put(ipsec_policy_head_t *php, uint_t dir, uint_t slot,
    ipsec_policy_t *rule)
{
	ipsec_policy_t **list = ipsec_ns_spd_list(php, dir, slot);

	ASSERT(RW_WRITE_HELD(&php->iph_lock));
	HASHLIST_INSERT(rule, ipsp_hash, *list);
	ipsec_insert_always(&php->iph_rulebyid, rule);
}

/*
 * How many rules of a head are those of others?
 */
static uint_t
ipsec_ns_spd_others(ipsec_policy_head_t *php, const ipsec_ns_t *owner)
{
	ipsec_policy_t *rule;
	uint_t others = 0;

	ASSERT(RW_LOCK_HELD(&php->iph_lock));
	if (ipsec_ns_spd_named == 0)
		return (owner == NULL ? 0 : avl_numnodes(&php->iph_rulebyid));
	for (rule = avl_first(&php->iph_rulebyid); rule != NULL;
	    rule = AVL_NEXT(&php->iph_rulebyid, rule)) {
		if (!IPSEC_NS_SAME(rule->ipsp_ns, owner))
			others++;
	}
	return (others);
}

/*
 * Has the head rules that belong to somebody?
 */
boolean_t
ipsec_ns_spd_has_named(ipsec_policy_head_t *php)
{
	boolean_t found;

	rw_enter(&php->iph_lock, RW_READER);
	found = (ipsec_ns_spd_others(php, NULL) != 0);
	rw_exit(&php->iph_lock);
	return (found);
}

/*
 * A new rule has been refused because another one of this head is in the
 * way.  Is that the rule of another owner?
 */
boolean_t
ipsec_ns_spd_conflict(ipsec_policy_head_t *php, const ipsec_policy_t *rule,
    uint_t dir)
{
	const ipsec_selkey_t *key = &rule->ipsp_sel->ipsl_key;
	ipsec_policy_root_t *root = &php->iph_root[dir];
	ipsec_policy_t *list, *other, *meets = NULL;
	uint8_t icmp;
	int af;

	ASSERT(RW_LOCK_HELD(&php->iph_lock));
	if (key->ipsl_valid & IPSL_IPV6) {
		af = IPSEC_AF_V6;
		icmp = IPPROTO_ICMPV6;
	} else {
		af = IPSEC_AF_V4;
		icmp = IPPROTO_ICMP;
	}
	/* What has no place in the hash has a value that no bucket has. */
	if (key->ipsl_pol_hval < root->ipr_nchains)
		list = root->ipr_hash[key->ipsl_pol_hval].hash_head;
	else
		list = root->ipr_nonhash[af];

	/*
	 * The same traffic.  A copy may have brought two owners together
	 * here; then its own rule is the better answer.
	 */
	for (other = list; other != NULL; other = other->ipsp_hash.hash_next) {
		if (other->ipsp_sel != rule->ipsp_sel)
			continue;
		if (meets == NULL || other->ipsp_ns == rule->ipsp_ns)
			meets = other;
	}
	if (meets != NULL)
		return (!IPSEC_NS_SAME(meets->ipsp_ns, rule->ipsp_ns));

	/* The first rule that protects ICMP decides how all of them do. */
	for (other = list; other != NULL; other = other->ipsp_hash.hash_next) {
		const ipsec_selkey_t *theirs = &other->ipsp_sel->ipsl_key;

		if ((theirs->ipsl_valid & IPSL_PROTOCOL) &&
		    theirs->ipsl_proto == icmp &&
		    other->ipsp_act->ipa_act.ipa_type == IPSEC_ACT_APPLY)
			return (!IPSEC_NS_SAME(other->ipsp_ns, rule->ipsp_ns));
	}
	return (B_FALSE);
}

/*
 * Removes the rules of an owner with a number.  Rules of several owners with
 * one number are on one side only if one was copied there.
 */
int
ipsec_ns_spd_delete_index(ipsec_policy_head_t *php, uint64_t index,
    ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_policy_t key, *rule, *next;
	avl_index_t where;
	boolean_t found = B_FALSE;

	/* A key without selector comes before all rules with its number. */
	bzero(&key, sizeof (key));
	key.ipsp_index = index;

	rw_enter(&php->iph_lock, RW_WRITER);
	rule = avl_find(&php->iph_rulebyid, &key, &where);
	ASSERT(rule == NULL);
	rule = avl_nearest(&php->iph_rulebyid, where, AVL_AFTER);
	for (; rule != NULL && rule->ipsp_index == index; rule = next) {
		next = AVL_NEXT(&php->iph_rulebyid, rule);
		if (!IPSEC_NS_SAME(rule->ipsp_ns, owner))
			continue;
		ipsec_ns_spd_take(php, rule);
		IPPOL_REFRELE(rule);
		found = B_TRUE;
	}
	if (found) {
		php->iph_gen++;
		ipsec_ns_spd_present(ns->netstack_ipsec);
	}
	rw_exit(&php->iph_lock);
	return (found ? 0 : ESRCH);
}

/*
 * Removes all rules of an owner.  The lists stay chained to those of others,
 * so heads of lists are never just set to NULL.
 */
void
ipsec_ns_spd_flush(ipsec_policy_head_t *php, ipsec_ns_t *owner,
    netstack_t *ns)
{
	ipsec_policy_t *rule, *next;

	ASSERT(RW_WRITE_HELD(&php->iph_lock));
	for (rule = avl_first(&php->iph_rulebyid); rule != NULL; rule = next) {
		next = AVL_NEXT(&php->iph_rulebyid, rule);
		if (!IPSEC_NS_SAME(rule->ipsp_ns, owner))
			continue;
		ipsec_ns_spd_take(php, rule);
		IPPOL_REFRELE(rule);
	}
	php->iph_gen++;
	ipsec_ns_spd_present(ns->netstack_ipsec);
}

/*
 * Replaces the rules of an owner on one side by copies of those on the
 * other.  Without memory the copies go again, and the owner has no rules
 * there.
 */
int
ipsec_ns_spd_clone(ipsec_policy_head_t *from, ipsec_policy_head_t *to,
    ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_policy_t *rule, *copy;
	uint_t dir, slot;
	int error = 0;

	rw_enter(&to->iph_lock, RW_WRITER);
	ipsec_ns_spd_flush(to, owner, ns);
	rw_enter(&from->iph_lock, RW_READER);

	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		ASSERT3U(ipsec_ns_spd_slots(from, dir), ==,
		    ipsec_ns_spd_slots(to, dir));
		for (slot = 0; slot < ipsec_ns_spd_slots(from, dir); slot++) {
			for (rule = *ipsec_ns_spd_list(from, dir, slot);
			    rule != NULL; rule = rule->ipsp_hash.hash_next) {
				if (!IPSEC_NS_SAME(rule->ipsp_ns, owner))
					continue;
				copy = ipsec_ns_spd_copy(rule);
				if (copy == NULL) {
					error = ENOMEM;
					goto out;
				}
				ipsec_ns_spd_put(to, dir, slot, copy);
			}
		}
	}
	to->iph_gen++;
	ipsec_ns_spd_present(ns->netstack_ipsec);
out:
	rw_exit(&from->iph_lock);
	if (error != 0)
		ipsec_ns_spd_flush(to, owner, ns);
	rw_exit(&to->iph_lock);
	return (error);
}

int
ipsec_ns_spd_clone_global(ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;

	return (ipsec_ns_spd_clone(&ipss->ipsec_system_policy,
	    &ipss->ipsec_inactive_policy, owner, ns));
}

/*
 * Does an owner have rules on one side that would meet rules of others for
 * the same traffic on the other side?
 */
static boolean_t
ipsec_ns_spd_meets(ipsec_policy_head_t *mine, ipsec_policy_head_t *theirs,
    const ipsec_ns_t *owner)
{
	ipsec_policy_t *rule, *other;
	uint_t dir, slot;

	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		for (slot = 0; slot < ipsec_ns_spd_slots(mine, dir); slot++) {
			for (rule = *ipsec_ns_spd_list(mine, dir, slot);
			    rule != NULL; rule = rule->ipsp_hash.hash_next) {
				if (!IPSEC_NS_SAME(rule->ipsp_ns, owner))
					continue;
				for (other = *ipsec_ns_spd_list(theirs, dir,
				    slot); other != NULL;
				    other = other->ipsp_hash.hash_next) {
					if (other->ipsp_sel == rule->ipsp_sel &&
					    !IPSEC_NS_SAME(other->ipsp_ns,
					    owner))
						return (B_TRUE);
				}
			}
		}
	}
	return (B_FALSE);
}

/*
 * Can the two sides exchange the rules of an owner?  For a tunnel `flags'
 * are its flags, for the host there are none.
 *
 * EBUSY	rules of tunnel mode and of transport mode would come together
 * EEXIST	a rule would meet one of another owner for the same traffic
 */
static int
ipsec_ns_spd_can_flip(ipsec_policy_head_t *active, ipsec_policy_head_t *standby,
    uint32_t flags, const ipsec_ns_t *owner)
{
	uint_t active_others, standby_others;
	boolean_t from_active, from_standby;

	ASSERT(RW_LOCK_HELD(&active->iph_lock));
	ASSERT(RW_LOCK_HELD(&standby->iph_lock));
	active_others = ipsec_ns_spd_others(active, owner);
	standby_others = ipsec_ns_spd_others(standby, owner);
	if (active_others == 0 && standby_others == 0)
		return (0);

	from_active = (avl_numnodes(&active->iph_rulebyid) > active_others);
	from_standby = (avl_numnodes(&standby->iph_rulebyid) > standby_others);
	if (((flags & ITPF_P_TUNNEL) != 0) != ((flags & ITPF_I_TUNNEL) != 0) &&
	    ((from_standby && active_others > 0) ||
	    (from_active && standby_others > 0)))
		return (EBUSY);

	if ((active_others > 0 && ipsec_ns_spd_meets(standby, active, owner)) ||
	    (standby_others > 0 && ipsec_ns_spd_meets(active, standby, owner)))
		return (EEXIST);
	return (0);
}

/*
 * Exchanges the rules of an owner, one by one.  Both locks are held as
 * writer.
 */
static void
ipsec_ns_spd_move(ipsec_policy_head_t *a, ipsec_policy_head_t *b,
    const ipsec_ns_t *owner)
{
	ipsec_policy_head_t *heads[2] = { a, b };
	ipsec_policy_t *taken[2], **last[2], *rule, *next;
	uint_t dir, slot;
	int i;

	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		ASSERT3U(ipsec_ns_spd_slots(a, dir), ==,
		    ipsec_ns_spd_slots(b, dir));
		for (slot = 0; slot < ipsec_ns_spd_slots(a, dir); slot++) {
			/* Take both before either is given. */
			for (i = 0; i < 2; i++) {
				taken[i] = NULL;
				last[i] = &taken[i];
				for (rule = *ipsec_ns_spd_list(heads[i], dir,
				    slot); rule != NULL; rule = next) {
					next = rule->ipsp_hash.hash_next;
					if (!IPSEC_NS_SAME(rule->ipsp_ns,
					    owner))
						continue;
					ipsec_ns_spd_take(heads[i], rule);
					*last[i] = rule;
					last[i] = &rule->ipsp_hash.hash_next;
				}
				*last[i] = NULL;
			}
			for (i = 0; i < 2; i++) {
				for (rule = taken[i]; rule != NULL;
				    rule = next) {
					next = rule->ipsp_hash.hash_next;
					ipsec_ns_spd_put(heads[1 - i], dir,
					    slot, rule);
				}
			}
		}
	}
	a->iph_gen++;
	b->iph_gen++;
}

/*
 * The side of a tunnel's policy: where its flags are.
 */
typedef struct ipsec_ns_spd_side {
	uint32_t	inss_all;
	uint32_t	inss_active;
	uint32_t	inss_tunnel;
	uint32_t	inss_ports;
} ipsec_ns_spd_side_t;

static const ipsec_ns_spd_side_t ipsec_ns_spd_active = {
	ITPF_PFLAGS, ITPF_P_ACTIVE, ITPF_P_TUNNEL, ITPF_P_PER_PORT_SECURITY
};

static const ipsec_ns_spd_side_t ipsec_ns_spd_standby = {
	ITPF_IFLAGS, ITPF_I_ACTIVE, ITPF_I_TUNNEL, ITPF_I_PER_PORT_SECURITY
};

/*
 * Works the flags of one side out of the rules that are really there.  With
 * rules of others left, a side stays in use: else the tunnel would pass their
 * traffic in clear.
 *
 * Rules do not say which mode they are for; `tunnel' does.  Without rules of
 * an owner, the flag for ports stays once it is set, as it always did.
 */
static void
ipsec_ns_spd_set_flags(ipsec_tun_pol_t *itp, ipsec_policy_head_t *php,
    const ipsec_ns_spd_side_t *side, boolean_t tunnel, boolean_t ports)
{
	ipsec_policy_t *rule;
	uint32_t flags = 0;
	boolean_t named = B_FALSE, uses_ports = B_FALSE;

	ASSERT(MUTEX_HELD(&itp->itp_lock));
	ASSERT(RW_LOCK_HELD(&php->iph_lock));
	if (avl_numnodes(&php->iph_rulebyid) > 0) {
		flags = side->inss_active;
		if (tunnel)
			flags |= side->inss_tunnel;
		/* The same as long as nobody has a name. */
		if (ipsec_ns_spd_named == 0) {
			if (ports)
				flags |= side->inss_ports;
			goto out;
		}
		for (rule = avl_first(&php->iph_rulebyid); rule != NULL;
		    rule = AVL_NEXT(&php->iph_rulebyid, rule)) {
			if (rule->ipsp_ns != NULL)
				named = B_TRUE;
			if (rule->ipsp_sel->ipsl_key.ipsl_valid &
			    (IPSL_REMOTE_PORT | IPSL_LOCAL_PORT))
				uses_ports = B_TRUE;
		}
		if (uses_ports || (ports && !named))
			flags |= side->inss_ports;
	}
out:
	itp->itp_flags = (itp->itp_flags & ~side->inss_all) | flags;
}

/*
 * After rules of one side of a tunnel have gone.
 */
void
ipsec_ns_spd_settle_locked(ipsec_tun_pol_t *itp, ipsec_policy_head_t *php)
{
	const ipsec_ns_spd_side_t *side = (php == itp->itp_policy) ?
	    &ipsec_ns_spd_active : &ipsec_ns_spd_standby;

	ASSERT(php == itp->itp_policy || php == itp->itp_inactive);
	ipsec_ns_spd_set_flags(itp, php, side,
	    (itp->itp_flags & side->inss_tunnel) != 0,
	    (itp->itp_flags & side->inss_ports) != 0);
}

void
ipsec_ns_spd_settle(ipsec_tun_pol_t *itp, ipsec_policy_head_t *php)
{
	rw_enter(&php->iph_lock, RW_READER);
	ipsec_ns_spd_settle_locked(itp, php);
	rw_exit(&php->iph_lock);
}

/*
 * CLONE of a tunnel; itp_lock is held.  Without memory a standby side that
 * is left without rules is marked as in use all the same: were it exchanged
 * now, the tunnel would drop everything, and not pass it.
 */
int
ipsec_ns_spd_clone_itp(ipsec_tun_pol_t *itp, ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_policy_head_t *active = itp->itp_policy;
	ipsec_policy_head_t *standby = itp->itp_inactive;
	boolean_t tunnel, ports;
	uint_t others;
	int error;

	ASSERT(MUTEX_HELD(&itp->itp_lock));
	error = ipsec_ns_spd_clone(active, standby, owner, ns);

	rw_enter(&standby->iph_lock, RW_READER);
	rw_enter(&active->iph_lock, RW_READER);
	others = ipsec_ns_spd_others(standby, owner);
	if (others == 0 && (error != 0 ||
	    ipsec_ns_spd_others(active, owner) == 0)) {
		/* All of it is the owner's: flags go with the rules. */
		ITPF_CLONE(itp->itp_flags);
	} else {
		tunnel = (itp->itp_flags & (others > 0 ? ITPF_I_TUNNEL :
		    ITPF_P_TUNNEL)) != 0;
		ports = (itp->itp_flags & (others > 0 ?
		    ITPF_I_PER_PORT_SECURITY : ITPF_P_PER_PORT_SECURITY)) != 0;
		ipsec_ns_spd_set_flags(itp, standby, &ipsec_ns_spd_standby,
		    tunnel, ports);
	}
	rw_exit(&active->iph_lock);
	rw_exit(&standby->iph_lock);
	return (error);
}

int
ipsec_ns_spd_can_flip_global(ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	int error;

	rw_enter(&ipss->ipsec_inactive_policy.iph_lock, RW_READER);
	rw_enter(&ipss->ipsec_system_policy.iph_lock, RW_READER);
	error = ipsec_ns_spd_can_flip(&ipss->ipsec_system_policy,
	    &ipss->ipsec_inactive_policy, 0, owner);
	rw_exit(&ipss->ipsec_system_policy.iph_lock);
	rw_exit(&ipss->ipsec_inactive_policy.iph_lock);
	return (error);
}

int
ipsec_ns_spd_can_flip_itp(ipsec_tun_pol_t *itp, ipsec_ns_t *owner)
{
	int error;

	mutex_enter(&itp->itp_lock);
	rw_enter(&itp->itp_inactive->iph_lock, RW_READER);
	rw_enter(&itp->itp_policy->iph_lock, RW_READER);
	error = ipsec_ns_spd_can_flip(itp->itp_policy, itp->itp_inactive,
	    itp->itp_flags, owner);
	rw_exit(&itp->itp_policy->iph_lock);
	rw_exit(&itp->itp_inactive->iph_lock);
	mutex_exit(&itp->itp_lock);
	return (error);
}

/*
 * Is everything on both sides the owner's?  Then the sides are exchanged as
 * a whole, which takes no time.
 */
static boolean_t
ipsec_ns_spd_is_all_of(ipsec_policy_head_t *active,
    ipsec_policy_head_t *standby, const ipsec_ns_t *owner)
{
	boolean_t all;

	rw_enter(&standby->iph_lock, RW_READER);
	rw_enter(&active->iph_lock, RW_READER);
	all = (ipsec_ns_spd_others(active, owner) == 0 &&
	    ipsec_ns_spd_others(standby, owner) == 0);
	rw_exit(&active->iph_lock);
	rw_exit(&standby->iph_lock);
	return (all);
}

void
ipsec_ns_spd_flip_global(ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_policy_head_t *active = &ipss->ipsec_system_policy;
	ipsec_policy_head_t *standby = &ipss->ipsec_inactive_policy;

	if (ipsec_ns_spd_is_all_of(active, standby, owner)) {
		ipsec_swap_policy(active, standby, ns);
		return;
	}
	rw_enter(&standby->iph_lock, RW_WRITER);
	rw_enter(&active->iph_lock, RW_WRITER);
	if (ipsec_ns_spd_can_flip(active, standby, 0, owner) == 0) {
		ipsec_ns_spd_move(active, standby, owner);
		ipsec_ns_spd_present(ipss);
	}
	rw_exit(&active->iph_lock);
	rw_exit(&standby->iph_lock);
}

/*
 * FLIP of a tunnel; itp_lock is held.
 *
 * A side that keeps rules of others keeps its mode, which is that of what
 * comes.  A side that changes completely takes over the mode of the other.
 */
void
ipsec_ns_spd_flip_itp(ipsec_tun_pol_t *itp, ipsec_ns_t *owner, netstack_t *ns)
{
	ipsec_policy_head_t *active = itp->itp_policy;
	ipsec_policy_head_t *standby = itp->itp_inactive;
	uint32_t p, i, active_mode, standby_mode;
	uint_t active_others, standby_others;

	ASSERT(MUTEX_HELD(&itp->itp_lock));
	if (ipsec_ns_spd_is_all_of(active, standby, owner)) {
		ITPF_SWAP(itp->itp_flags);
		ipsec_swap_policy(active, standby, ns);
		return;
	}

	rw_enter(&standby->iph_lock, RW_WRITER);
	rw_enter(&active->iph_lock, RW_WRITER);
	if (ipsec_ns_spd_can_flip(active, standby, itp->itp_flags,
	    owner) != 0)
		goto out;
	active_others = ipsec_ns_spd_others(active, owner);
	standby_others = ipsec_ns_spd_others(standby, owner);

	/* Both as flags of the active side. */
	p = itp->itp_flags & ITPF_PFLAGS;
	i = (itp->itp_flags & ITPF_IFLAGS) >> ITPF_SHIFT;
	active_mode = (active_others == 0 || !(p & ITPF_P_ACTIVE)) ? i : p;
	standby_mode = (standby_others == 0 || !(i & ITPF_P_ACTIVE)) ? p : i;

	ipsec_ns_spd_move(active, standby, owner);
	ipsec_ns_spd_set_flags(itp, active, &ipsec_ns_spd_active,
	    (active_mode & ITPF_P_TUNNEL) != 0,
	    (active_mode & ITPF_P_PER_PORT_SECURITY) != 0);
	ipsec_ns_spd_set_flags(itp, standby, &ipsec_ns_spd_standby,
	    (standby_mode & ITPF_P_TUNNEL) != 0,
	    (standby_mode & ITPF_P_PER_PORT_SECURITY) != 0);
	ipsec_ns_spd_present(ns->netstack_ipsec);
out:
	rw_exit(&active->iph_lock);
	rw_exit(&standby->iph_lock);
}
