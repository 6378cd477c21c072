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
 * Namespaces of PF_KEY messages, for keysock.
 *
 * A request may have its namespace anywhere.  It is moved to the end as soon
 * as all extensions have been checked, so that
 *
 *   - the echo of a request has it at the end, where programs look for it;
 *   - who must not see it gets a copy that is shorter, and has no hole;
 *   - the size of the rest is what the request would be without it.
 *
 * Programs that know nothing of namespaces are not to be confused by one.
 * They get answers to the requests of others, too.  So a namespace is only
 * delivered to a socket that has sent one itself since it was opened.
 *
 * keysock_namespaces of a socket is only ever set, never cleared; it is
 * protected by keystack_list_lock, which the delivery of messages holds.
 */

#include <sys/types.h>
#include <sys/debug.h>
#include <sys/mutex.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/strsubr.h>
#include <sys/systm.h>
#include <net/pfkeyv2.h>
#include <inet/common.h>
#include <inet/ip.h>
#include <inet/ipsec_ns.h>
#include <inet/optcom.h>
#include <inet/keysock.h>
#include <inet/sadb_ns.h>

/*
 * Checks a namespace that has been met in a message of this size.  Everything
 * in front of it has been checked before, and it does not exceed the message.
 * The result is 0 or a diagnostic.
 */
int
keysock_ns_ext(const sadb_msg_t *samsg, uint_t msgsize, const sadb_ext_t *ext)
{
	size_t before = (const uint8_t *)ext - (const uint8_t *)samsg;

	ASSERT(before < msgsize);
	if (ipsec_ns_find(samsg, before) != NULL)
		return (IPSEC_NAMESPACE_DIAG_DUPLICATE);
	return (ipsec_ns_check((const ipsec_namespace_ext_t *)ext,
	    msgsize - before));
}

/*
 * Has a namespace any effect on requests of this type, or is it shown in the
 * answer?  The others accept it, but are answered as if it were not there.
 */
static boolean_t
keysock_ns_applies(uint8_t type)
{
	switch (type) {
	case SADB_GETSPI:
	case SADB_ADD:
	case SADB_UPDATE:
	case SADB_X_UPDATEPAIR:
	case SADB_DELETE:
	case SADB_X_DELPAIR:
	case SADB_X_DELPAIR_STATE:
	case SADB_GET:
	case SADB_FLUSH:
	case SADB_DUMP:
	case SADB_X_PROMISC:
		return (B_TRUE);
	default:
		return (B_FALSE);
	}
}

static void
keysock_ns_remember(keysock_t *ks)
{
	kmutex_t *lock = &ks->keysock_keystack->keystack_list_lock;

	mutex_enter(lock);
	ks->keysock_namespaces = B_TRUE;
	mutex_exit(lock);
}

/*
 * Moves the namespace of a message of this size to its end, and corrects the
 * pointers to what has moved instead.
 */
static void
keysock_ns_to_end(uint8_t *ns, size_t bytes, uint8_t *end, sadb_ext_t *extv[])
{
	uint64_t copy[IPSEC_NAMESPACE_LEN(IPSEC_NAMESPACE_MAX)];
	int i;

	ASSERT(bytes <= sizeof (copy));
	bcopy(ns, copy, bytes);
	ovbcopy(ns + bytes, ns, end - (ns + bytes));
	bcopy(copy, end - bytes, bytes);
	for (i = 1; i <= SADB_EXT_MAX; i++) {
		if ((uint8_t *)extv[i] > ns)
			extv[i] = (sadb_ext_t *)((uint8_t *)extv[i] - bytes);
	}
}

/*
 * A request whose extensions have been checked.  On return, the vector and the
 * size are those of the request without its namespace.  Fails if the namespace
 * is not applicable to this request.
 *
 * This is a put procedure; several of them may run at a time, even for one
 * socket.
 */
boolean_t
keysock_ns_request(keysock_t *ks, mblk_t *mp, sadb_ext_t *extv[],
    uint_t *sizep)
{
	sadb_msg_t *samsg = (sadb_msg_t *)mp->b_rptr;
	const ipsec_namespace_ext_t *ext = ipsec_ns_find(samsg, *sizep);
	uint8_t *end = mp->b_rptr + *sizep;
	size_t bytes;

	if (ext == NULL)
		return (B_TRUE);

	keysock_ns_remember(ks);
	if (ext->ine_flags == IPSEC_NAMESPACE_ANY &&
	    samsg->sadb_msg_type != SADB_DUMP)
		return (B_FALSE);

	ASSERT(mp->b_wptr == end);
	bytes = SADB_64TO8(ext->ine_len);
	keysock_ns_to_end((uint8_t *)ext, bytes, end, extv);
	end -= bytes;
	*sizep -= bytes;

	/* NULL says that there are no extensions. */
	extv[0] = (*sizep == sizeof (*samsg)) ? NULL : (sadb_ext_t *)end;

	if (!keysock_ns_applies(samsg->sadb_msg_type))
		sadb_ns_cut(mp, (const ipsec_namespace_ext_t *)end);
	return (B_TRUE);
}

/*
 * Is there a namespace in a message, mp, that is not for this socket?
 */
boolean_t
keysock_ns_hides(const keysock_t *ks, const mblk_t *mp)
{
	const mblk_t *msg = mp->b_cont;
	const sadb_msg_t *samsg = (const sadb_msg_t *)msg->b_rptr;

	ASSERT(MUTEX_HELD(&ks->keysock_keystack->keystack_list_lock));
	return (!ks->keysock_namespaces &&
	    keysock_ns_applies(samsg->sadb_msg_type) &&
	    ipsec_ns_find(samsg, MBLKL(msg)) != NULL);
}

/*
 * Delivers such a message to the socket without the namespace.  The length in
 * the header changes, so it has to be a copy.  Without memory for it the
 * message is lost to this socket, as with a full queue.
 */
void
keysock_ns_passup(keysock_t *ks, mblk_t *mp, boolean_t persistent)
{
	queue_t *rq = ks->keysock_rq;
	mblk_t *copy, *msg;

	ASSERT(keysock_ns_hides(ks, mp));
	copy = copymsg(mp);
	if (copy == NULL)
		return;
	msg = copy->b_cont;
	sadb_ns_cut(msg, ipsec_ns_find(msg->b_rptr, MBLKL(msg)));

	if (canputnext(rq))
		putnext(rq, copy);
	else if (!persistent || putq(rq, copy) == 0)
		freemsg(copy);
}
