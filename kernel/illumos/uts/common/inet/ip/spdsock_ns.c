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
 * PF_POLICY requests and the owners they are for.
 *
 * A socket has one request at a time (the perimeter of spdsock is a pair of
 * queues), so the owner of the request in progress is kept with the socket,
 * spdsock_ns, from the moment its extensions have been read until the next
 * request.  A dump goes on while later requests wait; it has an owner of its
 * own, spdsock_dump_ns, which lives as long as spdsock_dump_req.
 *
 * Locking
 * -------
 *
 * spds_ns_lock makes an exchange one step: it is held from the question
 * whether all heads can exchange their rules until they have, and by whoever
 * adds rules (ADDRULE, CLONE).  Removing rules is never in the way.  It is
 * the first of all locks of policy: ipsec_tunnel_policy_lock, itp_lock and
 * iph_lock come after it, and so does iptun_lock, which an exchange takes
 * when it tells the tunnels.  To tell a tunnel takes a call of the link
 * daemon; ipsec_tunnel_policy_lock is held during that as well, and always
 * was.  No answer is sent while the lock is held.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/stream.h>
#include <sys/netstack.h>
#include <net/pfpolicy.h>
#include <inet/common.h>
#include <inet/optcom.h>
#include <inet/ip.h>
#include <inet/ipsec_impl.h>
#include <inet/spdsock.h>
#include <inet/ipsec_ns_spd.h>
#include <inet/spdsock_ns.h>

/*
 * Keeps the owner that a request is for; that of the request before goes.
 * The extensions have been checked.  On failure nothing is kept, and *diag
 * is set.
 */
int
spdsock_ns_begin(spdsock_t *ss, const spd_msg_t *msg, size_t bytes, int *diag)
{
	const ipsec_namespace_ext_t *ext = ipsec_ns_find(msg, bytes);

	*diag = 0;
	ipsec_ns_req_fini(&ss->spdsock_ns);
	if (ext == NULL)
		return (0);

	switch (msg->spd_msg_type) {
	case SPD_ALGLIST:
	case SPD_DUMPALGS:
	case SPD_UPDATEALGS:
		/* Algorithms belong to nobody. */
		*diag = IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE;
		return (EINVAL);
	case SPD_DUMP:
		break;
	default:
		/* Nothing is done to the rules of all owners. */
		if (ext->ine_flags & IPSEC_NAMESPACE_ANY) {
			*diag = IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE;
			return (EINVAL);
		}
		break;
	}
	return (ipsec_ns_req_init(&ss->spdsock_ns, ext));
}

/*
 * A dump begins: what its request has asked for is kept until it ends.
 */
void
spdsock_ns_dump_begin(spdsock_t *ss)
{
	ASSERT(ss->spdsock_dump_ns.inr_ns == NULL);
	ss->spdsock_dump_ns = ss->spdsock_ns;
	/* The hold has moved. */
	ss->spdsock_ns.inr_ns = NULL;
	ipsec_ns_req_fini(&ss->spdsock_ns);
}

void
spdsock_ns_dump_end(spdsock_t *ss)
{
	ipsec_ns_req_fini(&ss->spdsock_dump_ns);
}

/*
 * The next rule that a dump shows.  `next' counts each rule that it steps
 * on; those that are not shown are not counted.
 */
ipsec_policy_t *
spdsock_ns_next(spdsock_t *ss, ipsec_policy_head_t *iph,
    spdsock_ns_next_t next)
{
	ipsec_policy_t *rule;

	ASSERT(RW_READ_HELD(&iph->iph_lock));
	while ((rule = next(ss, iph)) != NULL) {
		if (ipsec_ns_req_shows(&ss->spdsock_dump_ns, rule->ipsp_ns))
			break;
		ss->spdsock_dump_count--;
	}
	return (rule);
}

/*
 * Appends the owner of a rule to a record of a dump whose request has the
 * extension.  As with all parts of a record, without memory the size alone
 * is asked for.
 */
uint_t
spdsock_ns_encode(uint8_t *base, uint_t offset, const spd_msg_t *req,
    const ipsec_policy_t *rule)
{
	const ipsec_ns_t *owner = ipsec_ns_named(rule->ipsp_ns, req,
	    SPD_64TO8(req->spd_msg_len));

	if (base != NULL)
		(void) ipsec_ns_ext_put(base + offset, owner);
	return (offset + (uint_t)ipsec_ns_ext_size(owner));
}

/*
 * Nobody else adds or exchanges rules of this stack until spdsock_ns_exit().
 */
void
spdsock_ns_enter(spdsock_t *ss)
{
	mutex_enter(&ss->spdsock_spds->spds_ns_lock);
}

void
spdsock_ns_exit(spdsock_t *ss)
{
	mutex_exit(&ss->spdsock_spds->spds_ns_lock);
}

static void
spdsock_ns_can_flip_node(ipsec_tun_pol_t *itp, void *cookie, netstack_t *ns)
{
	ipsec_ns_spd_walk_t *walk = cookie;

	if (walk->insw_error == 0)
		walk->insw_error = ipsec_ns_spd_can_flip_itp(itp,
		    walk->insw_owner);
}

/*
 * Can the request exchange the rules of its owner, in all heads that it
 * names?  That a tunnel has no policy is found out later, as ever.
 */
int
spdsock_ns_can_flip(spdsock_t *ss, const spd_if_t *tunname)
{
	netstack_t *ns = ss->spdsock_spds->spds_netstack;
	ipsec_ns_spd_walk_t walk = { ss->spdsock_ns.inr_ns, B_FALSE, 0 };
	ipsec_tun_pol_t *itp;
	char *name;

	ASSERT(MUTEX_HELD(&ss->spdsock_spds->spds_ns_lock));
	name = (tunname == NULL) ? NULL : (char *)tunname->spd_if_name;
	if (name == NULL || *name == '\0')
		walk.insw_error = ipsec_ns_spd_can_flip_global(
		    walk.insw_owner, ns);
	if (name != NULL && *name == '\0' && walk.insw_error == 0)
		itp_walk(spdsock_ns_can_flip_node, &walk, ns);
	if (name != NULL && *name != '\0') {
		itp = get_tunnel_policy(name, ns);
		if (itp != NULL) {
			spdsock_ns_can_flip_node(itp, &walk, ns);
			ITP_REFRELE(itp, ns);
		}
	}
	return (walk.insw_error);
}
