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

#ifndef	_TEST_SYS_ERRNO_H
#define	_TEST_SYS_ERRNO_H

/*
 * Error numbers of illumos, which are not those of the host.  A program that
 * has the host's <errno.h> cannot have these.
 */

#ifdef	ENOMEM
#error "the error numbers of the host are here"
#endif

#define	EPERM		1
#define	ENOENT		2
#define	ESRCH		3
#define	EINTR		4
#define	EIO		5
#define	ENXIO		6
#define	EAGAIN		11
#define	ENOMEM		12
#define	EACCES		13
#define	EFAULT		14
#define	EBUSY		16
#define	EEXIST		17
#define	ENODEV		19
#define	EINVAL		22
#define	ENOSPC		28
#define	ERANGE		34
#define	ENOTSUP		48
#define	EMSGSIZE	97
#define	EPROTONOSUPPORT	120
#define	EOPNOTSUPP	122
#define	EAFNOSUPPORT	124
#define	EADDRINUSE	125
#define	EADDRNOTAVAIL	126
#define	ENETDOWN	127
#define	ENOBUFS		132
#define	EISCONN		133
#define	ENOTCONN	134

#endif	/* _TEST_SYS_ERRNO_H */
