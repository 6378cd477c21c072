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

#ifndef	_INET_SADB_NS_H
#define	_INET_SADB_NS_H

/*
 * Owners of security associations: what PF_KEY does about namespaces.
 *
 * keysock checks the extension of a request and moves it behind all others,
 * so from there on, down and up, it is the last thing of every message that
 * has it.  AH and ESP find it there, and keep what it says for as long as they
 * are busy with the request.
 */

#include <sys/types.h>
#include <sys/debug.h>
#include <sys/stream.h>
#include <net/pfkeyv2.h>
#include <inet/common.h>
#include <inet/ip.h>
#include <inet/ipsec_ns.h>
#include <inet/sadb.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifdef	_KERNEL

struct keysock_s;

/* keysock: ip/keysock_ns.c */

extern int	keysock_ns_ext(const sadb_msg_t *, uint_t, const sadb_ext_t *);
extern boolean_t keysock_ns_request(struct keysock_s *, mblk_t *,
    sadb_ext_t *[], uint_t *);
extern boolean_t keysock_ns_hides(const struct keysock_s *, const mblk_t *);
extern void	keysock_ns_passup(struct keysock_s *, mblk_t *, boolean_t);

/* AH and ESP: ip/sadb_ns.c, which is part of AH */

extern boolean_t sadb_ns_enter(ipsec_ns_req_t *, mblk_t *, queue_t *);
extern ipsec_ns_t *sadb_ns_owner(const keysock_in_t *);

extern void	sadb_ns_own(const keysock_in_t *, ipsa_t *);
extern boolean_t sadb_ns_owns(const keysock_in_t *, const ipsa_t *);
extern boolean_t sadb_ns_shows(const mblk_t *, const ipsa_t *);
extern boolean_t sadb_ns_match(ipsa_query_t *, ipsa_t *);
extern void	sadb_ns_keep(const ipsec_ns_t *, ipsa_t **);
extern int	sadb_ns_conflict(const keysock_in_t *, const ipsa_t *,
    const isaf_t *, const isaf_t *);
extern boolean_t sadb_ns_pair_in(const ipsa_query_t *, const ipsa_t *, uint_t);
extern boolean_t sadb_ns_pair_of(const ipsa_query_t *, const ipsa_t *);
extern void	sadb_ns_flush(isaf_t *, uint_t, const ipsec_ns_t *, boolean_t);

extern size_t	sadb_ns_ext_size(const ipsa_t *, const sadb_msg_t *);
extern void	sadb_ns_ext_put(mblk_t *, const ipsa_t *, const sadb_msg_t *);
extern void	sadb_ns_echo(mblk_t *);

/*
 * Cuts the namespace off the end of a PF_KEY message.
 */
static inline void
sadb_ns_cut(mblk_t *msg, const ipsec_namespace_ext_t *ext)
{
	sadb_msg_t *samsg = (sadb_msg_t *)msg->b_rptr;
	size_t bytes = SADB_64TO8(ext->ine_len);

	ASSERT((const uchar_t *)ext + bytes == msg->b_wptr);
	samsg->sadb_msg_len -= ext->ine_len;
	msg->b_wptr -= bytes;
	ASSERT(msg->b_rptr + SADB_64TO8(samsg->sadb_msg_len) == msg->b_wptr);
}

#endif	/* _KERNEL */

#ifdef	__cplusplus
}
#endif

#endif	/* _INET_SADB_NS_H */
