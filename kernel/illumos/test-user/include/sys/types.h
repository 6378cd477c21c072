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

#ifndef	_TEST_SYS_TYPES_H
#define	_TEST_SYS_TYPES_H

/*
 * The types of the kernel in addition to those of the host.  The headers of
 * the host's C library come here, too, so theirs has to be read as well.
 */

#include_next <sys/types.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { B_FALSE = 0, B_TRUE = 1 } boolean_t;

typedef unsigned char	uchar_t;
typedef unsigned short	ushort_t;
typedef unsigned int	uint_t;
typedef unsigned long	ulong_t;
typedef long long	longlong_t;
typedef unsigned long long u_longlong_t;
typedef int64_t		hrtime_t;
typedef uint32_t	zoneid_t;
typedef uint32_t	datalink_id_t;

#endif	/* _TEST_SYS_TYPES_H */
