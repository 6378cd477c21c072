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
 * What stands in for inet/ip/spdsock.c with its edits.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <inet/ip.h>
#include <inet/spdsock.h>
#include <inet/ipsec_ns_spd.h>
#include <inet/spdsock_ns.h>
#include "stand_in_spd.h"
#include "stand_in_spdsock.h"

static netstack_t *stack;
static spd_stack_t spds;

void
spdsock_init(spdsock_t *sockets, uint_t n)
{
	uint_t i;

	stack = spd_init();
	spds.spds_netstack = stack;
	mutex_init(&spds.spds_ns_lock, NULL, MUTEX_DEFAULT, NULL);
	for (i = 0; i < n; i++)
		sockets[i].spdsock_spds = &spds;
}

void
spdsock_fini(spdsock_t *sockets, uint_t n)
{
	uint_t i;

	for (i = 0; i < n; i++) {
		VERIFY(sockets[i].spdsock_dump_req == NULL);
		ipsec_ns_req_fini(&sockets[i].spdsock_ns);
	}
	mutex_destroy(&spds.spds_ns_lock);
	spd_fini(stack);
}

static void
refuse(request_t *r, int error, int diag)
{
	VERIFY(r->r_error == 0);
	r->r_error = error;
	r->r_diag = diag;
}

static uint32_t
u32_at(const uint8_t *ext, size_t at)
{
	uint32_t value;

	bcopy(ext + at, &value, sizeof (value));
	return (value);
}

/* What of a request is read before anything is done. */
static boolean_t
read_extensions(request_t *r)
{
	const uint8_t *at = (const uint8_t *)(r->r_msg + 1);
	const uint8_t *end = (const uint8_t *)r->r_msg + r->r_size;
	const spd_ext_t *ext;
	int diag;

	VERIFY(r->r_size >= sizeof (spd_msg_t) && r->r_size % 8 == 0 &&
	    r->r_size == (size_t)SPD_64TO8(r->r_msg->spd_msg_len));
	for (; at < end; at += SPD_64TO8(ext->spd_ext_len)) {
		ext = (const void *)at;
		if (ext->spd_ext_type == SPD_EXT_NAMESPACE) {
			diag = ipsec_ns_ext_check(r->r_msg, r->r_size, ext);
			if (diag == 0)
				continue;
			refuse(r, EINVAL, diag == IPSEC_NS_BAD_LENGTH ?
			    SPD_DIAGNOSTIC_BAD_EXTLEN : diag);
			return (B_FALSE);
		}
		if (ext->spd_ext_type == 0 || ext->spd_ext_type > SPD_EXT_MAX) {
			refuse(r, EINVAL, SPD_DIAGNOSTIC_UNKNOWN_EXT);
			return (B_FALSE);
		}
		if (ext->spd_ext_len == 0 ||
		    SPD_64TO8(ext->spd_ext_len) > end - at) {
			refuse(r, EINVAL, SPD_DIAGNOSTIC_BAD_EXTLEN);
			return (B_FALSE);
		}
		VERIFY(r->r_exts[ext->spd_ext_type] == NULL);
		r->r_exts[ext->spd_ext_type] = at;
	}
	return (B_TRUE);
}

static void
read_address(const uint8_t *ext, ipsec_selkey_t *key, uint32_t bit,
    uint8_t *addr, uint8_t *len)
{
	boolean_t v6 = (ext[4] == 26);

	key->ipsl_valid |= bit | (v6 ? IPSL_IPV6 : IPSL_IPV4);
	bcopy(ext + 8, addr, v6 ? 16 : 4);
	*len = ext[5];
}

static void
read_selectors(request_t *r, ipsec_selkey_t *key)
{
	const uint8_t *ext;

	bzero(key, sizeof (*key));
	if ((ext = r->r_exts[SPD_EXT_LCLADDR]) != NULL) {
		read_address(ext, key, IPSL_LOCAL_ADDR, key->ipsl_local,
		    &key->ipsl_local_pfxlen);
	}
	if ((ext = r->r_exts[SPD_EXT_REMADDR]) != NULL) {
		read_address(ext, key, IPSL_REMOTE_ADDR, key->ipsl_remote,
		    &key->ipsl_remote_pfxlen);
	}
	if ((ext = r->r_exts[SPD_EXT_PROTO]) != NULL) {
		key->ipsl_valid |= IPSL_PROTOCOL;
		key->ipsl_proto = ext[4];
	}
	if ((ext = r->r_exts[SPD_EXT_LCLPORT]) != NULL) {
		key->ipsl_valid |= IPSL_LOCAL_PORT;
		key->ipsl_lport = (uint16_t)(ext[4] << 8 | ext[5]);
	}
	if ((ext = r->r_exts[SPD_EXT_REMPORT]) != NULL) {
		key->ipsl_valid |= IPSL_REMOTE_PORT;
		key->ipsl_rport = (uint16_t)(ext[4] << 8 | ext[5]);
	}
}

/* The first alternative decides what kind of rule it is. */
static uint8_t
action_type(const uint8_t *ext)
{
	VERIFY(u32_at(ext, 8) == 0x100);
	switch (u32_at(ext, 12)) {
	case 1:
		return (IPSEC_ACT_DISCARD);
	case 2:
		return (IPSEC_ACT_BYPASS);
	default:
		return (IPSEC_ACT_APPLY);
	}
}

typedef struct made_rule {
	ipsec_policy_t	*mr_rule;
	uint_t		mr_dir;
} made_rule_t;

static int
make_rule(request_t *r, ipsec_policy_head_t *php, ipsec_selkey_t *key,
    uint32_t family, uint_t dir, uint64_t *index, made_rule_t **made)
{
	const uint8_t *action = r->r_exts[SPD_EXT_ACTION];
	size_t size = (size_t)SPD_64TO8(((spd_ext_t *)action)->spd_ext_len);
	ipsec_policy_t *rule;

	key->ipsl_valid &= ~(uint32_t)(IPSL_IPV4 | IPSL_IPV6);
	key->ipsl_valid |= family;
	rule = ipsec_policy_create(key, action, size, action_type(action),
	    u32_at(r->r_exts[SPD_EXT_RULE], 4), index, stack);
	if (rule == NULL)
		return (ENOMEM);
	(*made)->mr_rule = rule;
	(*made)->mr_dir = dir;
	(*made)++;
	if (!ipsec_check_policy(php, rule, dir))
		return (EEXIST);
	r->r_index = rule->ipsp_index;
	return (0);
}

static void
add_rule(request_t *r, ipsec_policy_head_t *php, ipsec_tun_pol_t *itp)
{
	spdsock_t *ss = r->r_socket;
	const uint8_t *ext = r->r_exts[SPD_EXT_RULE];
	made_rule_t all[4], *made = all;
	ipsec_selkey_t key;
	boolean_t active = B_FALSE, first = B_FALSE;
	uint64_t *index, before;
	uint32_t flags, families, mode, present, flags_before = 0;
	uint_t dir, way, af;
	int error = 0, diag = 0;

	if (ext == NULL) {
		refuse(r, EINVAL, SPD_DIAGNOSTIC_NO_RULE_EXT);
		return;
	}
	flags = u32_at(ext, 8);
	index = (itp == NULL) ? &stack->netstack_ipsec->
	    ipsec_next_policy_index : &itp->itp_next_policy_index;
	before = *index;
	if (itp != NULL) {
		mutex_enter(&itp->itp_lock);
		active = (php == itp->itp_policy);
		flags_before = itp->itp_flags;
		mode = ITPF_P_ACTIVE;
		if (flags & SPD_RULE_FLAG_TUNNEL)
			mode |= ITPF_P_TUNNEL;
		if (!active)
			mode <<= ITPF_SHIFT;
		present = itp->itp_flags & (active ? ITPF_PFLAGS :
		    ITPF_IFLAGS);
		if (present & (ITPF_P_ACTIVE | ITPF_I_ACTIVE)) {
			if ((present ^ mode) & (ITPF_P_TUNNEL |
			    ITPF_I_TUNNEL)) {
				mutex_exit(&itp->itp_lock);
				refuse(r, EBUSY, 0);
				return;
			}
		} else {
			first = B_TRUE;
			itp->itp_flags &= ~(uint32_t)(active ? ITPF_PFLAGS :
			    ITPF_IFLAGS);
			itp->itp_flags |= mode;
		}
	}
	if (u32_at(ext, 16) != 0 || u32_at(ext, 20) != 0) {
		error = EINVAL;
		diag = SPD_DIAGNOSTIC_INVALID_RULE_INDEX;
		goto out;
	}
	read_selectors(r, &key);
	if (itp != NULL && (flags & SPD_RULE_FLAG_TUNNEL)) {
		if (key.ipsl_valid & (IPSL_LOCAL_PORT | IPSL_REMOTE_PORT)) {
			itp->itp_flags |= active ? ITPF_P_PER_PORT_SECURITY :
			    ITPF_I_PER_PORT_SECURITY;
		}
	} else if (itp != NULL && (key.ipsl_valid & IPSL_WILDCARD)) {
		error = EINVAL;
		diag = SPD_DIAGNOSTIC_NO_TUNNEL_SELECTORS;
		goto out;
	}
	if (r->r_exts[SPD_EXT_ACTION] == NULL) {
		error = EINVAL;
		diag = SPD_DIAGNOSTIC_NO_ACTION_EXT;
		goto out;
	}

	families = key.ipsl_valid & (IPSL_IPV4 | IPSL_IPV6);
	if (families == 0)
		families = IPSL_IPV4 | IPSL_IPV6;
	rw_enter(&php->iph_lock, RW_WRITER);
	for (dir = 0; dir < IPSEC_NTYPES && error == 0; dir++) {
		way = (dir == IPSEC_TYPE_OUTBOUND) ? SPD_RULE_FLAG_OUTBOUND :
		    SPD_RULE_FLAG_INBOUND;
		for (af = IPSL_IPV4; af != 0 && error == 0;
		    af = (af == IPSL_IPV4) ? IPSL_IPV6 : 0) {
			if ((flags & way) && (families & af)) {
				error = make_rule(r, php, &key, af, dir, index,
				    &made);
			}
		}
	}
	if (error == 0) {
		while (made > all) {
			made--;
			ipsec_ns_spd_own(made->mr_rule, ss->spdsock_ns.inr_ns);
			ipsec_enter_policy(php, made->mr_rule, made->mr_dir,
			    stack);
		}
	}
	if (error == EEXIST) {
		ipsec_ns_spd_own(made[-1].mr_rule, ss->spdsock_ns.inr_ns);
		if (ipsec_ns_spd_conflict(php, made[-1].mr_rule,
		    made[-1].mr_dir))
			diag = IPSEC_NAMESPACE_DIAG_CONFLICT;
	}
	rw_exit(&php->iph_lock);
	while (made > all) {
		made--;
		IPPOL_REFRELE(made->mr_rule);
	}
	/*
	 * See ipsec_policy_create().  That the side has looked at ports is
	 * taken back as well; the kernel leaves it, which does no harm.
	 */
	if (error == ENOMEM) {
		*index = before;
		if (itp != NULL && !first)
			itp->itp_flags = flags_before;
	}
out:
	if (error != 0)
		refuse(r, error, diag);
	if (itp != NULL) {
		if (error != 0 && first) {
			itp->itp_flags &= ~(uint32_t)(active ? ITPF_PFLAGS :
			    ITPF_IFLAGS);
		}
		mutex_exit(&itp->itp_lock);
	}
}

static void
delete_rule(request_t *r, ipsec_policy_head_t *php, ipsec_tun_pol_t *itp)
{
	ipsec_ns_t *owner = r->r_socket->spdsock_ns.inr_ns;
	const uint8_t *ext = r->r_exts[SPD_EXT_RULE];
	ipsec_selkey_t key;
	uint64_t index;
	uint32_t flags;
	boolean_t found;

	if (ext == NULL) {
		refuse(r, EINVAL, SPD_DIAGNOSTIC_NO_RULE_EXT);
		return;
	}
	flags = u32_at(ext, 8);
	bcopy(ext + 16, &index, sizeof (index));
	if (itp != NULL)
		mutex_enter(&itp->itp_lock);
	if (index != 0) {
		found = (ipsec_ns_spd_delete_index(php, index, owner,
		    stack) == 0);
	} else {
		/* Without a family, nothing is found. */
		read_selectors(r, &key);
		found = (!(flags & (SPD_RULE_FLAG_INBOUND |
		    SPD_RULE_FLAG_OUTBOUND)) ||
		    (key.ipsl_valid & (IPSL_IPV4 | IPSL_IPV6)));
		if (found && (flags & SPD_RULE_FLAG_INBOUND)) {
			found = ipsec_policy_delete(php, &key,
			    IPSEC_TYPE_INBOUND, stack, owner);
		}
		if (found && (flags & SPD_RULE_FLAG_OUTBOUND)) {
			found = ipsec_policy_delete(php, &key,
			    IPSEC_TYPE_OUTBOUND, stack, owner);
		}
	}
	if (found && itp != NULL) {
		rw_enter(&php->iph_lock, RW_READER);
		ipsec_ns_spd_settle_locked(itp, php);
		rw_exit(&php->iph_lock);
	}
	if (itp != NULL)
		mutex_exit(&itp->itp_lock);
	if (!found)
		refuse(r, ESRCH, 0);
}

static void
flush_head(ipsec_policy_head_t *php, ipsec_ns_t *owner)
{
	rw_enter(&php->iph_lock, RW_WRITER);
	ipsec_ns_spd_flush(php, owner, stack);
	rw_exit(&php->iph_lock);
}

static void
flush_node(ipsec_tun_pol_t *itp, void *cookie, netstack_t *ns)
{
	ipsec_ns_spd_walk_t *walk = cookie;
	ipsec_policy_head_t *php = walk->insw_active ? itp->itp_policy :
	    itp->itp_inactive;

	(void) ns;
	mutex_enter(&itp->itp_lock);
	flush_head(php, walk->insw_owner);
	ipsec_ns_spd_settle(itp, php);
	mutex_exit(&itp->itp_lock);
}

static void
flip_node(ipsec_tun_pol_t *itp, void *cookie, netstack_t *ns)
{
	mutex_enter(&itp->itp_lock);
	ipsec_ns_spd_flip_itp(itp, cookie, ns);
	mutex_exit(&itp->itp_lock);
}

static void
flip(request_t *r, const char *name)
{
	ipsec_ns_t *owner = r->r_socket->spdsock_ns.inr_ns;
	ipsec_tun_pol_t *itp;
	int error;

	spdsock_ns_enter(r->r_socket);
	error = spdsock_ns_can_flip(r->r_socket,
	    (const spd_if_t *)r->r_exts[SPD_EXT_TUN_NAME]);
	if (error != 0) {
		refuse(r, error, error == EEXIST ?
		    IPSEC_NAMESPACE_DIAG_CONFLICT : 0);
	} else if (name == NULL || *name == '\0') {
		ipsec_ns_spd_flip_global(owner, stack);
		if (name != NULL)
			itp_walk(flip_node, owner, stack);
	} else if ((itp = get_tunnel_policy((char *)name, stack)) != NULL) {
		flip_node(itp, owner, stack);
		ITP_REFRELE(itp, stack);
	} else {
		refuse(r, ESRCH, 0);
	}
	spdsock_ns_exit(r->r_socket);
}

static void
clone_node(ipsec_tun_pol_t *itp, void *cookie, netstack_t *ns)
{
	ipsec_ns_spd_walk_t *walk = cookie;

	if (walk->insw_error != 0)
		return;
	mutex_enter(&itp->itp_lock);
	walk->insw_error = ipsec_ns_spd_clone_itp(itp, walk->insw_owner, ns);
	mutex_exit(&itp->itp_lock);
}

static void
clone(request_t *r, const char *name)
{
	ipsec_ns_spd_walk_t walk = { 0 };
	ipsec_tun_pol_t *itp;

	walk.insw_owner = r->r_socket->spdsock_ns.inr_ns;
	spdsock_ns_enter(r->r_socket);
	if (name == NULL || *name == '\0') {
		walk.insw_error = ipsec_ns_spd_clone_global(walk.insw_owner,
		    stack);
		if (name != NULL && walk.insw_error == 0)
			itp_walk(clone_node, &walk, stack);
	} else if ((itp = get_tunnel_policy((char *)name, stack)) != NULL) {
		clone_node(itp, &walk, stack);
		ITP_REFRELE(itp, stack);
	} else {
		walk.insw_error = ENOENT;
	}
	spdsock_ns_exit(r->r_socket);
	if (walk.insw_error != 0)
		refuse(r, walk.insw_error, 0);
}

/* Dumps, one record at a time. */

void
spd_dump_enter(spdsock_t *ss, ipsec_policy_head_t *php)
{
	ASSERT(RW_READ_HELD(&php->iph_lock));
	ss->spdsock_dump_head = php;
	ss->spdsock_dump_gen = php->iph_gen;
	ss->spdsock_dump_type = 0;
	ss->spdsock_dump_slot = 0;
	ss->spdsock_dump_cur_rule = NULL;
	ss->spdsock_dump_count = 0;
}

/* Keeps the request. */
static void
dump_begin(request_t *r, ipsec_policy_head_t *php, ipsec_tun_pol_t *itp,
    uint_t heads)
{
	spdsock_t *ss = r->r_socket;

	ss->spdsock_dump_req = r->r_msg;
	r->r_msg = NULL;
	ss->spdsock_dump_active = (ss->spdsock_dump_req->spd_msg_spdid ==
	    SPD_ACTIVE);
	ss->spdsock_dump_remaining_polheads = heads;
	ss->spdsock_itp = itp;
	if (itp != NULL)
		ITP_REFHOLD(itp);
	rw_enter(&php->iph_lock, RW_READER);
	spd_dump_enter(ss, php);
	rw_exit(&php->iph_lock);
	spdsock_ns_dump_begin(ss);
}

ipsec_policy_t *
spd_dump_step(spdsock_t *ss, ipsec_policy_head_t *php)
{
	ipsec_policy_t *rule = ss->spdsock_dump_cur_rule;

	while (rule == NULL) {
		if (ss->spdsock_dump_type == IPSEC_NTYPES)
			return (NULL);
		if (ss->spdsock_dump_slot == spd_lists(php,
		    ss->spdsock_dump_type)) {
			ss->spdsock_dump_slot = 0;
			ss->spdsock_dump_type++;
			continue;
		}
		rule = *spd_list(php, ss->spdsock_dump_type,
		    ss->spdsock_dump_slot++);
	}
	ss->spdsock_dump_count++;
	ss->spdsock_dump_cur_rule = rule->ipsp_hash.hash_next;
	return (rule);
}

/* Requests. */

static void
one_head(request_t *r, ipsec_policy_head_t *php, ipsec_tun_pol_t *itp)
{
	spdsock_t *ss = r->r_socket;

	switch (r->r_msg->spd_msg_type) {
	case SPD_FLUSH:
		flush_head(php, ss->spdsock_ns.inr_ns);
		if (itp != NULL) {
			mutex_enter(&itp->itp_lock);
			ipsec_ns_spd_settle(itp, php);
			mutex_exit(&itp->itp_lock);
		}
		break;
	case SPD_DUMP:
		dump_begin(r, php, itp, 1);
		break;
	case SPD_ADDRULE:
		spdsock_ns_enter(ss);
		add_rule(r, php, itp);
		spdsock_ns_exit(ss);
		break;
	case SPD_DELETERULE:
		delete_rule(r, php, itp);
		break;
	case SPD_LOOKUP:
		refuse(r, EINVAL, 0);
		break;
	default:
		refuse(r, EINVAL, SPD_DIAGNOSTIC_BAD_MSG_TYPE);
		break;
	}
}

static void
all_heads(request_t *r)
{
	ipsec_stack_t *ipss = stack->netstack_ipsec;
	ipsec_ns_spd_walk_t walk = { 0 };
	ipsec_policy_head_t *php;

	walk.insw_owner = r->r_socket->spdsock_ns.inr_ns;
	walk.insw_active = (r->r_msg->spd_msg_spdid == SPD_ACTIVE);
	php = walk.insw_active ? &ipss->ipsec_system_policy :
	    &ipss->ipsec_inactive_policy;
	if (r->r_msg->spd_msg_type == SPD_FLUSH) {
		flush_head(php, walk.insw_owner);
		itp_walk(flush_node, &walk, stack);
	} else {
		dump_begin(r, php, NULL,
		    1 + (uint_t)avl_numnodes(&ipss->ipsec_tunnel_policies));
	}
}

static void
execute(request_t *r)
{
	ipsec_stack_t *ipss = stack->netstack_ipsec;
	uint8_t type = r->r_msg->spd_msg_type, id = r->r_msg->spd_msg_spdid;
	ipsec_tun_pol_t *itp = NULL;
	ipsec_policy_head_t *php;
	const char *name;
	int error, diag;

	error = spdsock_ns_begin(r->r_socket, r->r_msg, r->r_size, &diag);
	if (error != 0) {
		refuse(r, error, diag);
		return;
	}
	name = (const char *)r->r_exts[SPD_EXT_TUN_NAME];
	if (name != NULL)
		name += 4;
	switch (type) {
	case SPD_ALGLIST:
	case SPD_DUMPALGS:
	case SPD_UPDATEALGS:
		return;
	case SPD_FLIP:
		flip(r, name);
		return;
	case SPD_CLONE:
		clone(r, name);
		return;
	}
	if (id != SPD_ACTIVE && id != SPD_STANDBY) {
		refuse(r, EINVAL, SPD_DIAGNOSTIC_BAD_SPDID);
		return;
	}
	if (name != NULL && *name == '\0') {
		if (type != SPD_FLUSH && type != SPD_DUMP)
			refuse(r, EINVAL, SPD_DIAGNOSTIC_NOT_GLOBAL_OP);
		else
			all_heads(r);
		return;
	}
	php = (id == SPD_ACTIVE) ? &ipss->ipsec_system_policy :
	    &ipss->ipsec_inactive_policy;
	if (name != NULL) {
		itp = get_tunnel_policy((char *)name, stack);
		if (itp == NULL && type != SPD_ADDRULE) {
			refuse(r, ENOENT, 0);
			return;
		}
		if (itp == NULL)
			itp = create_tunnel_policy(name, stack);
		php = (id == SPD_ACTIVE) ? itp->itp_policy :
		    itp->itp_inactive;
	}
	one_head(r, php, itp);
	if (itp != NULL)
		ITP_REFRELE(itp, stack);
}

void
spd_request(request_t *r)
{
	if (read_extensions(r))
		execute(r);
}
