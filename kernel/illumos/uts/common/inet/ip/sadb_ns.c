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
 * Owners of security associations, for AH and ESP.
 *
 * An association belongs to whom the request belonged that made it (ADD or
 * GETSPI).  The owner is set before the association can be found by anybody,
 * held by it, and never changed again.  So it may be read by whoever has the
 * association, through a reference or under the lock of its bucket, without
 * ipsa_lock.  The last reference lets it go, wherever that happens; the lock
 * of the table of owners is a leaf.
 *
 * A request finds the associations of its owner only, and that with no owner
 * finds those with none.  What a request may have found by its SPI and its
 * addresses but does not own is treated as if it were not there.  An SPI is
 * taken for all of them, whoever has it: packets know nothing of owners.
 *
 * Both halves of a pair have one owner.  The link between them is soft: it is
 * an SPI, and when its half has gone, another owner can get that SPI.  So
 * whoever follows a link looks at the owner of what he comes to, even where no
 * request is involved.  (The two entries of an association that is for both
 * directions need no such check.  They come and go together; as long as one of
 * them is there, nobody gets the SPI.)
 *
 * What the request says is kept in an ipsec_ns_req_t on the stack of the put
 * procedure of AH or ESP, and the KEYSOCK_IN that arrived with the request
 * points to it.  A request is done with when the put procedure returns.
 * Interning can fail, and it happens before anything else.
 */

#include <sys/types.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/mutex.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/systm.h>
#include <netinet/in.h>
#include <net/pfkeyv2.h>
#include <inet/common.h>
#include <inet/ip.h>
#include <inet/ipsec_ns.h>
#include <inet/sadb.h>
#include <inet/sadb_ns.h>

/*
 * Begins a request: mp is the KEYSOCK_IN with its message.  If this fails,
 * the request has been answered.
 *
 * The namespace is looked for in the message itself.  keysock sends copies of
 * FLUSH and DUMP to each of us; what its vector of extensions does not hold
 * cannot point into the wrong one of them.
 */
boolean_t
sadb_ns_enter(ipsec_ns_req_t *req, mblk_t *mp, queue_t *pfkey_q)
{
	keysock_in_t *ksi = (keysock_in_t *)mp->b_rptr;
	mblk_t *msg = mp->b_cont;

	ASSERT(msg != NULL);
	if (ipsec_ns_req_init(req,
	    ipsec_ns_find(msg->b_rptr, MBLKL(msg))) != 0) {
		sadb_pfkey_error(pfkey_q, mp, ENOMEM, SADB_X_DIAGNOSTIC_NONE,
		    ksi->ks_in_serial);
		return (B_FALSE);
	}
	ksi->ks_in_ns = req;
	return (B_TRUE);
}

/*
 * Whose request it is.
 */
ipsec_ns_t *
sadb_ns_owner(const keysock_in_t *ksi)
{
	return (ksi->ks_in_ns->inr_ns);
}

/*
 * Gives a new association, which nobody else can see, its owner.
 */
void
sadb_ns_own(const keysock_in_t *ksi, ipsa_t *sa)
{
	ASSERT(sa->ipsa_ns == NULL);
	ASSERT(sa->ipsa_linklock == NULL);
	ipsec_ns_hold(sadb_ns_owner(ksi));
	sa->ipsa_ns = sadb_ns_owner(ksi);
}

boolean_t
sadb_ns_owns(const keysock_in_t *ksi, const ipsa_t *sa)
{
	return (IPSEC_NS_SAME(sadb_ns_owner(ksi), sa->ipsa_ns));
}

/*
 * Does the dump that was asked for with this KEYSOCK_IN show an association?
 */
boolean_t
sadb_ns_shows(const mblk_t *mp, const ipsa_t *sa)
{
	const keysock_in_t *ksi = (const keysock_in_t *)mp->b_rptr;

	return (ipsec_ns_req_shows(ksi->ks_in_ns, sa->ipsa_ns));
}

/*
 * The owner as one of the things that a query compares.
 */
boolean_t
sadb_ns_match(ipsa_query_t *sq, ipsa_t *sa)
{
	return (IPSEC_NS_SAME(sq->owner, sa->ipsa_ns));
}

/*
 * Forgets what has been found if it belongs to somebody else.
 *
 * The lock of its bucket is still held, so the table has a reference as well,
 * and the one that is given back here is not the last.
 */
void
sadb_ns_keep(const ipsec_ns_t *owner, ipsa_t **sap)
{
	ipsa_t *sa = *sap;

	if (sa == NULL || IPSEC_NS_SAME(owner, sa->ipsa_ns))
		return;
	ASSERT(sa->ipsa_linklock != NULL && MUTEX_HELD(sa->ipsa_linklock));
	ASSERT(sa->ipsa_refcnt > 1);
	*sap = NULL;
	IPSA_REFRELE(sa);
}

/*
 * What has the SPI and the destination of an association, in a bucket.
 */
static const ipsa_t *
sadb_ns_taken(const isaf_t *bucket, const ipsa_t *newbie)
{
	const ipsa_t *sa;

	ASSERT(MUTEX_HELD(&bucket->isaf_lock));
	for (sa = bucket->isaf_ipsa; sa != NULL; sa = sa->ipsa_next) {
		if (sa != newbie && sa->ipsa_spi == newbie->ipsa_spi &&
		    IPSA_ARE_ADDR_EQUAL(sa->ipsa_dstaddr, newbie->ipsa_dstaddr,
		    newbie->ipsa_addrfam))
			break;
	}
	return (sa);
}

/*
 * An association could not be inserted into one of two buckets, both of which
 * are locked.  The result is the diagnostic.  Who does not use namespaces is
 * told no more than ever.
 */
int
sadb_ns_conflict(const keysock_in_t *ksi, const ipsa_t *newbie,
    const isaf_t *one, const isaf_t *other)
{
	const ipsa_t *taken;

	if (!ksi->ks_in_ns->inr_named)
		return (SADB_X_DIAGNOSTIC_NONE);
	taken = sadb_ns_taken(one, newbie);
	if (taken == NULL)
		taken = sadb_ns_taken(other, newbie);
	if (taken == NULL || sadb_ns_owns(ksi, taken))
		return (SADB_X_DIAGNOSTIC_NONE);
	return (IPSEC_NAMESPACE_DIAG_CONFLICT);
}

/*
 * Two questions of X_DELPAIR_STATE about an outbound association.  Is it half
 * of a pair of who asks, in this state?  ipsa_lock is held.
 */
boolean_t
sadb_ns_pair_in(const ipsa_query_t *sq, const ipsa_t *sa, uint_t state)
{
	ASSERT(MUTEX_HELD(&sa->ipsa_lock));
	return (IPSEC_NS_SAME(sq->owner, sa->ipsa_ns) &&
	    sa->ipsa_state == state &&
	    (sa->ipsa_haspeer || sa->ipsa_otherspi != 0));
}

/*
 * Is the source of the query that of one of the halves?  That of the inbound
 * half is where the outbound one leads to.
 */
boolean_t
sadb_ns_pair_of(const ipsa_query_t *sq, const ipsa_t *sa)
{
	ASSERT(MUTEX_HELD(&sa->ipsa_lock));
	return (IPSA_ARE_ADDR_EQUAL(sa->ipsa_srcaddr, sq->srcaddr, sq->af) ||
	    (!sa->ipsa_haspeer &&
	    IPSA_ARE_ADDR_EQUAL(sa->ipsa_dstaddr, sq->srcaddr, sq->af)));
}

/*
 * Tells the other nodes of a cluster that an inbound SPI is free.
 */
static void
sadb_ns_tell_cluster(const ipsa_t *sa)
{
	if (cl_inet_deletespi == NULL ||
	    sa->ipsa_state == IPSA_STATE_ACTIVE_ELSEWHERE ||
	    sa->ipsa_state == IPSA_STATE_IDLE)
		return;
	cl_inet_deletespi(sa->ipsa_netstack->netstack_stackid,
	    sa->ipsa_type == SADB_SATYPE_AH ? IPPROTO_AH : IPPROTO_ESP,
	    sa->ipsa_spi, NULL);
}

/*
 * FLUSH of one table: removes the associations of an owner, and steps over all
 * others.  Takes the lock of each bucket.
 *
 * Before owners, sadb_destroyer() did this.  It still removes everything when
 * a stack is taken down.
 */
void
sadb_ns_flush(isaf_t *table, uint_t numentries, const ipsec_ns_t *owner,
    boolean_t inbound)
{
	uint_t i;

	ASSERT(table != NULL);
	for (i = 0; i < numentries; i++) {
		isaf_t *bucket = &table[i];
		ipsa_t *sa, *next;

		mutex_enter(&bucket->isaf_lock);
		for (sa = bucket->isaf_ipsa; sa != NULL; sa = next) {
			next = sa->ipsa_next;
			if (!IPSEC_NS_SAME(owner, sa->ipsa_ns))
				continue;
			if (inbound)
				sadb_ns_tell_cluster(sa);
			sadb_unlinkassoc(sa);	/* may free it */
		}
		/* What has been cached is to be looked up again. */
		bucket->isaf_gen++;
		mutex_exit(&bucket->isaf_lock);
	}
}

/*
 * The owner to be named in the description of an association, or NULL.
 */
static const ipsec_ns_t *
sadb_ns_named(const ipsa_t *sa, const sadb_msg_t *samsg)
{
	return (ipsec_ns_named(sa->ipsa_ns, samsg,
	    SADB_64TO8(samsg->sadb_msg_len)));
}

/*
 * Room for the owner in a description that answers samsg.
 */
size_t
sadb_ns_ext_size(const ipsa_t *sa, const sadb_msg_t *samsg)
{
	return (ipsec_ns_ext_size(sadb_ns_named(sa, samsg)));
}

/*
 * Writes the owner into that room, which is the end of the answer mp.
 */
void
sadb_ns_ext_put(mblk_t *mp, const ipsa_t *sa, const sadb_msg_t *samsg)
{
	const ipsec_ns_t *owner = sadb_ns_named(sa, samsg);

	(void) ipsec_ns_ext_put(mp->b_wptr - ipsec_ns_ext_size(owner), owner);
}

/*
 * Makes of a request, msg, what can be echoed.
 *
 * Unlike all others, the echoes of FLUSH and DUMP have no namespace.  That of
 * DUMP must not have one: keysock knows the end of a dump by its being a bare
 * header.  With an extension it would be taken for one more association, the
 * dump would never end, and no other one could begin.
 */
void
sadb_ns_echo(mblk_t *msg)
{
	const sadb_msg_t *samsg = (const sadb_msg_t *)msg->b_rptr;
	const ipsec_namespace_ext_t *ext;

	if (samsg->sadb_msg_type != SADB_FLUSH &&
	    samsg->sadb_msg_type != SADB_DUMP)
		return;
	ext = ipsec_ns_find(samsg, MBLKL(msg));
	if (ext != NULL)
		sadb_ns_cut(msg, ext);
}
