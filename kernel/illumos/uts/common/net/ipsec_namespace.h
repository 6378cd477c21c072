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

#ifndef	_NET_IPSEC_NAMESPACE_H
#define	_NET_IPSEC_NAMESPACE_H

/*
 * Namespaces of PF_POLICY and PF_KEY.
 *
 * A rule or an association may belong to an owner, a name that the requests
 * of one program carry.  Both protocols carry it in the same extension, with
 * the same number.  The number is far above those in use, so that a kernel
 * without namespaces refuses such a request as a whole.  It is deliberately
 * not below SPD_EXT_MAX or SADB_EXT_MAX: programs have sized arrays by these.
 */

#include <sys/types.h>

#ifdef	__cplusplus
extern "C" {
#endif

/* Type of the extension in both protocols. */
#define	SPD_EXT_NAMESPACE	256
#define	SADB_X_EXT_NAMESPACE	256

/* The longest name in bytes, without the NUL at its end. */
#define	IPSEC_NAMESPACE_MAX	255

/*
 * The extension.  The name follows, with a NUL, and with NULs up to a
 * multiple of eight bytes.  Numbers are in host byte order.
 */
typedef struct ipsec_namespace_ext {
	uint16_t	ine_len;	/* in units of eight bytes */
	uint16_t	ine_type;
	uint16_t	ine_namelen;	/* in bytes, without the NUL */
	uint16_t	ine_flags;
} ipsec_namespace_ext_t;

/* DUMP only, without a name: records of all owners, with their names. */
#define	IPSEC_NAMESPACE_ANY	0x0001

/* Units of eight bytes of an extension with a name of so many bytes. */
#define	IPSEC_NAMESPACE_LEN(namelen)	(1 + ((namelen) + 1 + 7) / 8)

/*
 * Diagnostics of both protocols.
 *
 * CONFLICT	a record of another owner is in the way
 * NOT_APPLICABLE	the message takes no namespace
 * MALFORMED	the extension has not the form above, or a bad name
 * DUPLICATE	the extension is there twice
 */
#define	IPSEC_NAMESPACE_DIAG_CONFLICT		256
#define	IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE	257
#define	IPSEC_NAMESPACE_DIAG_MALFORMED		258
#define	IPSEC_NAMESPACE_DIAG_DUPLICATE		259

#ifdef	__cplusplus
}
#endif

#endif	/* _NET_IPSEC_NAMESPACE_H */
