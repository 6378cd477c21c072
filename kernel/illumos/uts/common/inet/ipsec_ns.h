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

#ifndef	_INET_IPSEC_NS_H
#define	_INET_IPSEC_NS_H

/*
 * Owners of policy rules and security associations, inside the kernel.
 *
 * An owner is one object for each name, so owners are compared by address.
 * NULL is the nameless owner, to whom everything belongs that was made by a
 * request without a namespace.
 */

#include <sys/types.h>
#include <net/ipsec_namespace.h>

#ifdef	__cplusplus
extern "C" {
#endif

#ifdef	_KERNEL

typedef struct ipsec_ns ipsec_ns_t;

/*
 * What the namespace of one request says.
 *
 * inr_named	the request has the extension
 * inr_any	the request asks for the records of all owners
 * inr_ns	the owner, with a hold; NULL without a name
 */
typedef struct ipsec_ns_req {
	boolean_t	inr_named;
	boolean_t	inr_any;
	ipsec_ns_t	*inr_ns;
} ipsec_ns_req_t;

#define	IPSEC_NS_SAME(a, b)	((a) == (b))

/* ipsec_ns_ext_check(): the length of the extension cannot be right. */
#define	IPSEC_NS_BAD_LENGTH	(-1)

extern void	ipsec_ns_g_init(void);
extern void	ipsec_ns_g_destroy(void);

extern int	ipsec_ns_intern(const char *, size_t, ipsec_ns_t **);
extern void	ipsec_ns_hold(ipsec_ns_t *);
extern void	ipsec_ns_rele(ipsec_ns_t *);
extern const char *ipsec_ns_name(const ipsec_ns_t *);
extern uint_t	ipsec_ns_count(void);

extern int	ipsec_ns_check(const ipsec_namespace_ext_t *, size_t);
extern int	ipsec_ns_ext_check(const void *, size_t, const void *);
extern const ipsec_namespace_ext_t *ipsec_ns_find(const void *, size_t);
extern int	ipsec_ns_req_init(ipsec_ns_req_t *,
    const ipsec_namespace_ext_t *);
extern void	ipsec_ns_req_fini(ipsec_ns_req_t *);
extern boolean_t ipsec_ns_req_shows(const ipsec_ns_req_t *,
    const ipsec_ns_t *);
extern const ipsec_ns_t *ipsec_ns_named(const ipsec_ns_t *, const void *,
    size_t);

extern size_t	ipsec_ns_ext_size(const ipsec_ns_t *);
extern void	*ipsec_ns_ext_put(void *, const ipsec_ns_t *);

#endif	/* _KERNEL */

#ifdef	__cplusplus
}
#endif

#endif	/* _INET_IPSEC_NS_H */
