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
 * What stands in for inet/ip/spd.c with its edits: rules, selectors and
 * actions that are shared, heads, tunnels.
 */

#include <sys/kmem.h>
#include <sys/errno.h>
#include <sys/systm.h>
#include <inet/ip.h>
#include <inet/ipsec_ns_spd.h>
#include <stdio.h>
#include <stdlib.h>
#include "stand_in_spd.h"

#define	NOHASH		UINT32_MAX
#define	SYSTEM_CHAINS	251
#define	TUNNEL_CHAINS	5

uint_t spd_tunnels;
void (*spd_before_unlink)(ipsec_tun_pol_t *);

static ipsec_sel_t *selectors;
static ipsec_action_t *actions;

/* Protects both; the last lock but that of the table of owners. */
static kmutex_t shared_lock;

/* Selectors and actions. */

static uint32_t
key_hash(const ipsec_selkey_t *key, uint_t chains)
{
	uint32_t tail;

	if (!(key->ipsl_valid & IPSL_REMOTE_ADDR) || key->ipsl_remote_pfxlen !=
	    ((key->ipsl_valid & IPSL_IPV4) ? 32 : 128))
		return (NOHASH);
	bcopy(key->ipsl_remote + ((key->ipsl_valid & IPSL_IPV4) ? 0 : 12),
	    &tail, sizeof (tail));
	return (tail % chains);
}

static ipsec_sel_t *
find_sel_locked(const ipsec_selkey_t *key, boolean_t make)
{
	ipsec_sel_t *sel;

	VERIFY(!(key->ipsl_valid & IPSL_IPV4) !=
	    !(key->ipsl_valid & IPSL_IPV6));
	for (sel = selectors; sel != NULL; sel = sel->ipsl_next) {
		if (memcmp(&sel->ipsl_key, key,
		    offsetof(ipsec_selkey_t, ipsl_pol_hval)) == 0) {
			sel->ipsl_refs++;
			return (sel);
		}
	}
	if (!make)
		return (NULL);
	sel = kmem_alloc(sizeof (*sel), KM_NOSLEEP);
	if (sel == NULL)
		return (NULL);
	sel->ipsl_key = *key;
	sel->ipsl_key.ipsl_sel_hval = key_hash(key, SYSTEM_CHAINS);
	/* That of the head in which it was looked for last. */
	sel->ipsl_key.ipsl_pol_hval =
	    (sel->ipsl_key.ipsl_sel_hval == NOHASH) ? NOHASH : 0;
	sel->ipsl_refs = 1;
	sel->ipsl_next = selectors;
	selectors = sel;
	return (sel);
}

static ipsec_sel_t *
find_sel(const ipsec_selkey_t *key, boolean_t make)
{
	ipsec_sel_t *sel;

	mutex_enter(&shared_lock);
	sel = find_sel_locked(key, make);
	mutex_exit(&shared_lock);
	return (sel);
}

static void
sel_rele_locked(ipsec_sel_t *sel)
{
	ipsec_sel_t **at;

	VERIFY(sel->ipsl_refs > 0);
	if (--sel->ipsl_refs > 0)
		return;
	for (at = &selectors; *at != sel; at = &(*at)->ipsl_next)
		continue;
	*at = sel->ipsl_next;
	kmem_free(sel, sizeof (*sel));
}

static void
sel_rele(ipsec_sel_t *sel)
{
	mutex_enter(&shared_lock);
	sel_rele_locked(sel);
	mutex_exit(&shared_lock);
}

static ipsec_action_t *
find_action_locked(const void *bytes, size_t size, uint8_t type)
{
	ipsec_action_t *act;

	for (act = actions; act != NULL; act = act->ipa_next) {
		if (act->ipa_size == size &&
		    memcmp(act->ipa_bytes, bytes, size) == 0) {
			act->ipa_refs++;
			return (act);
		}
	}
	act = kmem_alloc(sizeof (*act) + size, KM_NOSLEEP);
	if (act == NULL)
		return (NULL);
	act->ipa_next = actions;
	act->ipa_act.ipa_type = type;
	act->ipa_want_ah = 0;
	act->ipa_want_esp = (type == IPSEC_ACT_APPLY);
	act->ipa_refs = 1;
	act->ipa_size = size;
	bcopy(bytes, act->ipa_bytes, size);
	actions = act;
	return (act);
}

static ipsec_action_t *
find_action(const void *bytes, size_t size, uint8_t type)
{
	ipsec_action_t *act;

	mutex_enter(&shared_lock);
	act = find_action_locked(bytes, size, type);
	mutex_exit(&shared_lock);
	return (act);
}

static void
action_rele_locked(ipsec_action_t *act)
{
	ipsec_action_t **at;

	VERIFY(act->ipa_refs > 0);
	if (--act->ipa_refs > 0)
		return;
	for (at = &actions; *at != act; at = &(*at)->ipa_next)
		continue;
	*at = act->ipa_next;
	kmem_free(act, sizeof (*act) + act->ipa_size);
}

static void
action_rele(ipsec_action_t *act)
{
	mutex_enter(&shared_lock);
	action_rele_locked(act);
	mutex_exit(&shared_lock);
}

/* Rules. */

void
ipsec_policy_free(ipsec_policy_t *rule)
{
	VERIFY(rule->ipsp_refs == 0);
	VERIFY(!rule->ipsp_byid.avl_in);
	sel_rele(rule->ipsp_sel);
	ipsec_ns_spd_disown(rule);
	action_rele(rule->ipsp_act);
	kmem_free(rule, sizeof (*rule));
}

/*
 * Without memory the number of the rule is not used up; that keeps the
 * numbers of this kernel and of the one it is compared with together.
 */
ipsec_policy_t *
ipsec_policy_create(const ipsec_selkey_t *key, const void *bytes, size_t size,
    uint8_t type, uint32_t prio, uint64_t *index, netstack_t *ns)
{
	ipsec_sel_t *sel = find_sel(key, B_TRUE);
	ipsec_action_t *act;
	ipsec_policy_t *rule;

	if (sel == NULL)
		return (NULL);
	act = find_action(bytes, size, type);
	if (act == NULL) {
		sel_rele(sel);
		return (NULL);
	}
	rule = kmem_alloc(sizeof (*rule), KM_NOSLEEP);
	if (rule == NULL) {
		action_rele(act);
		sel_rele(sel);
		return (NULL);
	}
	rule->ipsp_hash.hash_next = NULL;
	rule->ipsp_hash.hash_pp = NULL;
	bzero(&rule->ipsp_byid, sizeof (rule->ipsp_byid));
	rule->ipsp_index = (*index)++;
	rule->ipsp_prio = prio;
	rule->ipsp_refs = 1;
	rule->ipsp_sel = sel;
	rule->ipsp_act = act;
	rule->ipsp_netstack = ns;
	rule->ipsp_ns = NULL;
	return (rule);
}

static ipsec_policy_t *
copy_policy(const ipsec_policy_t *from)
{
	ipsec_policy_t *rule = kmem_alloc(sizeof (*rule), KM_NOSLEEP);

	if (rule == NULL)
		return (NULL);
	mutex_enter(&shared_lock);
	from->ipsp_sel->ipsl_refs++;
	from->ipsp_act->ipa_refs++;
	mutex_exit(&shared_lock);
	*rule = *from;
	rule->ipsp_hash.hash_next = NULL;
	rule->ipsp_hash.hash_pp = NULL;
	bzero(&rule->ipsp_byid, sizeof (rule->ipsp_byid));
	rule->ipsp_refs = 1;
	ipsec_ns_spd_own(rule, from->ipsp_ns);
	return (rule);
}

/* By number; a key without selectors comes before all with its number. */
static int
policy_order(const void *a, const void *b)
{
	const ipsec_policy_t *left = a, *right = b;

	if (left->ipsp_index != right->ipsp_index)
		return (left->ipsp_index < right->ipsp_index ? -1 : 1);
	if (left->ipsp_sel == NULL || right->ipsp_sel == NULL) {
		VERIFY(left->ipsp_sel != right->ipsp_sel);
		return (left->ipsp_sel == NULL ? -1 : 1);
	}
	return (left < right ? -1 : left > right);
}

/* Heads. */

uint_t
spd_lists(ipsec_policy_head_t *php, uint_t dir)
{
	return ((uint_t)php->iph_root[dir].ipr_nchains + IPSEC_NAF);
}

ipsec_policy_t **
spd_list(ipsec_policy_head_t *php, uint_t dir, uint_t n)
{
	ipsec_policy_root_t *root = &php->iph_root[dir];

	if (n < (uint_t)root->ipr_nchains)
		return (&root->ipr_hash[n].hash_head);
	return (&root->ipr_nonhash[n - (uint_t)root->ipr_nchains]);
}

/* The number of the list in which rules with these selectors are. */
static uint_t
list_of(ipsec_policy_head_t *php, uint_t dir, const ipsec_selkey_t *key)
{
	uint_t chains = (uint_t)php->iph_root[dir].ipr_nchains;
	uint32_t hash = key_hash(key, chains);

	if (hash != NOHASH)
		return (hash);
	return (chains + ((key->ipsl_valid & IPSL_IPV4) ? IPSEC_AF_V4 :
	    IPSEC_AF_V6));
}

static void
head_init(ipsec_policy_head_t *php, int chains)
{
	uint_t dir;

	php->iph_refs = 1;
	php->iph_gen = 0;
	rw_init(&php->iph_lock, NULL, RW_DEFAULT, NULL);
	avl_create(&php->iph_rulebyid, policy_order, sizeof (ipsec_policy_t),
	    offsetof(ipsec_policy_t, ipsp_byid));
	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		bzero(&php->iph_root[dir], sizeof (php->iph_root[dir]));
		php->iph_root[dir].ipr_nchains = chains;
		php->iph_root[dir].ipr_hash = calloc((size_t)chains,
		    sizeof (ipsec_policy_hash_t));
	}
}

static void
head_fini(ipsec_policy_head_t *php)
{
	ipsec_policy_t *rule;
	uint_t dir;

	VERIFY(php->iph_refs == 1);
	while ((rule = avl_first(&php->iph_rulebyid)) != NULL) {
		HASHLIST_UNCHAIN(rule, ipsp_hash);
		avl_remove(&php->iph_rulebyid, rule);
		IPPOL_REFRELE(rule);
	}
	for (dir = 0; dir < IPSEC_NTYPES; dir++)
		free(php->iph_root[dir].ipr_hash);
	avl_destroy(&php->iph_rulebyid);
	rw_destroy(&php->iph_lock);
}

static boolean_t
any_rules(ipsec_stack_t *ipss)
{
	return (avl_numnodes(&ipss->ipsec_system_policy.iph_rulebyid) > 0);
}

/*
 * As the kernel's, this looks at the policy of the host while only the lock
 * of the head that has changed is held, whichever that is.
 */
static void __attribute__((no_sanitize("thread")))
update_present(ipsec_stack_t *ipss)
{
	ipss->ipsec_policy_present =
	    ipss->ipsec_system_policy.iph_rulebyid.avl_count > 0;
}

void
ipsec_insert_always(avl_tree_t *tree, void *rule)
{
	avl_add(tree, rule);
}

/*
 * Are two actions the same as far as protection goes?  Here that is: are
 * they one.
 */
boolean_t
ipsec_check_policy(ipsec_policy_head_t *php, ipsec_policy_t *rule, uint_t dir)
{
	ipsec_selkey_t *key = &rule->ipsp_sel->ipsl_key, *theirs;
	ipsec_policy_t *list, *other;
	uint8_t icmp = (key->ipsl_valid & IPSL_IPV4) ? IPPROTO_ICMP :
	    IPPROTO_ICMPV6;

	ASSERT(RW_WRITE_HELD(&php->iph_lock));
	if (key->ipsl_sel_hval != NOHASH) {
		key->ipsl_pol_hval = key_hash(key,
		    (uint_t)php->iph_root[dir].ipr_nchains);
	}
	list = *spd_list(php, dir, list_of(php, dir, key));
	for (other = list; other != NULL; other = other->ipsp_hash.hash_next) {
		if (other->ipsp_sel == rule->ipsp_sel)
			return (B_FALSE);
	}
	if (!(key->ipsl_valid & IPSL_PROTOCOL) || key->ipsl_proto != icmp ||
	    rule->ipsp_act->ipa_act.ipa_type != IPSEC_ACT_APPLY)
		return (B_TRUE);
	for (other = list; other != NULL; other = other->ipsp_hash.hash_next) {
		theirs = &other->ipsp_sel->ipsl_key;
		if ((theirs->ipsl_valid & IPSL_PROTOCOL) &&
		    theirs->ipsl_proto == icmp &&
		    other->ipsp_act->ipa_act.ipa_type == IPSEC_ACT_APPLY)
			return (other->ipsp_act == rule->ipsp_act);
	}
	return (B_TRUE);
}

void
ipsec_enter_policy(ipsec_policy_head_t *php, ipsec_policy_t *rule, uint_t dir,
    netstack_t *ns)
{
	ipsec_policy_t **list = spd_list(php, dir,
	    list_of(php, dir, &rule->ipsp_sel->ipsl_key));

	ASSERT(RW_WRITE_HELD(&php->iph_lock));
	php->iph_gen++;
	HASHLIST_INSERT(rule, ipsp_hash, *list);
	avl_add(&php->iph_rulebyid, rule);
	update_present(ns->netstack_ipsec);
}

boolean_t
ipsec_policy_delete(ipsec_policy_head_t *php, ipsec_selkey_t *key, uint_t dir,
    netstack_t *ns, ipsec_ns_t *owner)
{
	ipsec_sel_t *sel = find_sel(key, B_FALSE);
	ipsec_policy_t *rule;

	if (sel == NULL)
		return (B_FALSE);
	rw_enter(&php->iph_lock, RW_WRITER);
	rule = *spd_list(php, dir, list_of(php, dir, key));
	while (rule != NULL && (rule->ipsp_sel != sel ||
	    !IPSEC_NS_SAME(rule->ipsp_ns, owner)))
		rule = rule->ipsp_hash.hash_next;
	sel_rele(sel);
	if (rule == NULL) {
		rw_exit(&php->iph_lock);
		return (B_FALSE);
	}
	HASHLIST_UNCHAIN(rule, ipsp_hash);
	avl_remove(&php->iph_rulebyid, rule);
	IPPOL_REFRELE(rule);
	php->iph_gen++;
	update_present(ns->netstack_ipsec);
	rw_exit(&php->iph_lock);
	return (B_TRUE);
}

/* Exchanges all of two heads but their locks and generations. */
void
ipsec_swap_policy(ipsec_policy_head_t *active, ipsec_policy_head_t *standby,
    netstack_t *ns)
{
	ipsec_policy_root_t root;
	ipsec_policy_t *first;
	avl_tree_t tree;
	uint_t dir, af;

	rw_enter(&standby->iph_lock, RW_WRITER);
	rw_enter(&active->iph_lock, RW_WRITER);
	tree = active->iph_rulebyid;
	active->iph_rulebyid = standby->iph_rulebyid;
	standby->iph_rulebyid = tree;
	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		root = active->iph_root[dir];
		active->iph_root[dir] = standby->iph_root[dir];
		standby->iph_root[dir] = root;
		for (af = 0; af < IPSEC_NAF; af++) {
			first = active->iph_root[dir].ipr_nonhash[af];
			if (first != NULL) {
				first->ipsp_hash.hash_pp =
				    &active->iph_root[dir].ipr_nonhash[af];
			}
			first = standby->iph_root[dir].ipr_nonhash[af];
			if (first != NULL) {
				first->ipsp_hash.hash_pp =
				    &standby->iph_root[dir].ipr_nonhash[af];
			}
		}
	}
	active->iph_gen++;
	standby->iph_gen++;
	update_present(ns->netstack_ipsec);
	rw_exit(&active->iph_lock);
	rw_exit(&standby->iph_lock);
}

/* Tunnels. */

static int
itp_order(const void *a, const void *b)
{
	const ipsec_tun_pol_t *left = a, *right = b;
	int order = strncmp(left->itp_name, right->itp_name, LIFNAMSIZ);

	return (order < 0 ? -1 : order > 0);
}

void
itp_free(ipsec_tun_pol_t *itp, netstack_t *ns)
{
	(void) ns;
	VERIFY(itp->itp_refcnt == 0);
	head_fini(itp->itp_policy);
	head_fini(itp->itp_inactive);
	free(itp->itp_policy);
	free(itp->itp_inactive);
	mutex_destroy(&itp->itp_lock);
	free(itp);
	atomic_dec_uint(&spd_tunnels);
}

ipsec_tun_pol_t *
get_tunnel_policy(char *name, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_tun_pol_t key, *itp;

	(void) strncpy(key.itp_name, name, LIFNAMSIZ);
	rw_enter(&ipss->ipsec_tunnel_policy_lock, RW_READER);
	itp = avl_find(&ipss->ipsec_tunnel_policies, &key, NULL);
	if (itp != NULL)
		ITP_REFHOLD(itp);
	rw_exit(&ipss->ipsec_tunnel_policy_lock);
	return (itp);
}

/* With a hold for the caller; NULL if there is one of that name. */
ipsec_tun_pol_t *
create_tunnel_policy(const char *name, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_tun_pol_t *itp = calloc(1, sizeof (*itp));
	avl_index_t where;

	(void) strncpy(itp->itp_name, name, LIFNAMSIZ - 1);
	itp->itp_policy = calloc(1, sizeof (*itp->itp_policy));
	itp->itp_inactive = calloc(1, sizeof (*itp->itp_inactive));
	head_init(itp->itp_policy, TUNNEL_CHAINS);
	head_init(itp->itp_inactive, TUNNEL_CHAINS);
	mutex_init(&itp->itp_lock, NULL, MUTEX_DEFAULT, NULL);
	itp->itp_next_policy_index = 1;
	itp->itp_ns = ns;
	atomic_inc_uint(&spd_tunnels);
	itp->itp_refcnt = 2;
	rw_enter(&ipss->ipsec_tunnel_policy_lock, RW_WRITER);
	if (avl_find(&ipss->ipsec_tunnel_policies, itp, &where) != NULL) {
		rw_exit(&ipss->ipsec_tunnel_policy_lock);
		itp->itp_refcnt = 0;
		itp_free(itp, ns);
		return (NULL);
	}
	ipss->ipsec_tunnel_policy_gen++;
	avl_insert(&ipss->ipsec_tunnel_policies, itp, where);
	rw_exit(&ipss->ipsec_tunnel_policy_lock);
	return (itp);
}

/* Takes it out of the tree, and gives back the reference of the tree. */
void
itp_unlink(ipsec_tun_pol_t *itp, netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;

	if (spd_before_unlink != NULL)
		spd_before_unlink(itp);
	rw_enter(&ipss->ipsec_tunnel_policy_lock, RW_WRITER);
	ipss->ipsec_tunnel_policy_gen++;
	avl_remove(&ipss->ipsec_tunnel_policies, itp);
	rw_exit(&ipss->ipsec_tunnel_policy_lock);
	ITP_REFRELE(itp, ns);
}

void
itp_walk(void (*act)(ipsec_tun_pol_t *, void *, netstack_t *), void *arg,
    netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_tun_pol_t *itp;

	rw_enter(&ipss->ipsec_tunnel_policy_lock, RW_READER);
	for (itp = avl_first(&ipss->ipsec_tunnel_policies); itp != NULL;
	    itp = AVL_NEXT(&ipss->ipsec_tunnel_policies, itp))
		act(itp, arg, ns);
	rw_exit(&ipss->ipsec_tunnel_policy_lock);
}

/* All of it. */

netstack_t *
spd_init(void)
{
	netstack_t *ns = calloc(1, sizeof (*ns));
	ipsec_stack_t *ipss = calloc(1, sizeof (*ipss));

	mutex_init(&shared_lock, NULL, MUTEX_DEFAULT, NULL);
	ipsec_ns_spd_g_init(copy_policy, update_present);
	shim_last_mutex_is_leaf();
	ns->netstack_ipsec = ipss;
	ipss->ipsec_netstack = ns;
	ipss->ipsec_next_policy_index = 1;
	head_init(&ipss->ipsec_system_policy, SYSTEM_CHAINS);
	head_init(&ipss->ipsec_inactive_policy, SYSTEM_CHAINS);
	rw_init(&ipss->ipsec_tunnel_policy_lock, NULL, RW_DEFAULT, NULL);
	avl_create(&ipss->ipsec_tunnel_policies, itp_order,
	    sizeof (ipsec_tun_pol_t), offsetof(ipsec_tun_pol_t, itp_node));
	return (ns);
}

void
spd_fini(netstack_t *ns)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_tun_pol_t *itp;

	while ((itp = avl_first(&ipss->ipsec_tunnel_policies)) != NULL) {
		avl_remove(&ipss->ipsec_tunnel_policies, itp);
		VERIFY(itp->itp_refcnt == 1);
		ITP_REFRELE(itp, ns);
	}
	avl_destroy(&ipss->ipsec_tunnel_policies);
	rw_destroy(&ipss->ipsec_tunnel_policy_lock);
	head_fini(&ipss->ipsec_system_policy);
	head_fini(&ipss->ipsec_inactive_policy);
	VERIFY(selectors == NULL && actions == NULL);
	VERIFY(ipsec_ns_count() == 0);
	VERIFY(shim_kmem_live() == 0);
	ipsec_ns_spd_g_destroy();
	mutex_destroy(&shared_lock);
	free(ipss);
	free(ns);
}

static void
verify_head(ipsec_policy_head_t *php)
{
	ipsec_policy_t *rule, **at, *last = NULL;
	boolean_t named = B_FALSE;
	uint_t dir, n, in_lists = 0;

	for (dir = 0; dir < IPSEC_NTYPES; dir++) {
		for (n = 0; n < spd_lists(php, dir); n++) {
			at = spd_list(php, dir, n);
			for (; (rule = *at) != NULL;
			    at = &rule->ipsp_hash.hash_next) {
				VERIFY(rule->ipsp_hash.hash_pp == at);
				VERIFY(rule->ipsp_refs == 1);
				VERIFY(rule->ipsp_byid.avl_in);
				VERIFY(list_of(php, dir,
				    &rule->ipsp_sel->ipsl_key) == n);
				VERIFY(avl_find(&php->iph_rulebyid, rule,
				    NULL) == rule);
				in_lists++;
			}
		}
	}
	VERIFY3U(in_lists, ==, avl_numnodes(&php->iph_rulebyid));
	for (rule = avl_first(&php->iph_rulebyid); rule != NULL;
	    rule = AVL_NEXT(&php->iph_rulebyid, rule)) {
		VERIFY(last == NULL || policy_order(last, rule) < 0);
		last = rule;
		if (rule->ipsp_ns != NULL)
			named = B_TRUE;
	}
	VERIFY(ipsec_ns_spd_has_named(php) == named);
}

void
spd_verify(netstack_t *ns, boolean_t threads)
{
	ipsec_stack_t *ipss = ns->netstack_ipsec;
	ipsec_tun_pol_t *itp;

	VERIFY(shim_locks_held() == 0);
	VERIFY(threads || ipss->ipsec_policy_present == any_rules(ipss));
	verify_head(&ipss->ipsec_system_policy);
	verify_head(&ipss->ipsec_inactive_policy);
	for (itp = avl_first(&ipss->ipsec_tunnel_policies); itp != NULL;
	    itp = AVL_NEXT(&ipss->ipsec_tunnel_policies, itp)) {
		verify_head(itp->itp_policy);
		verify_head(itp->itp_inactive);
	}
}
