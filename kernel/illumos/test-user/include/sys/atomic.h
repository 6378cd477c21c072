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

#ifndef	_TEST_SYS_ATOMIC_H
#define	_TEST_SYS_ATOMIC_H

#include <sys/types.h>

static inline void
atomic_inc_uint(volatile uint_t *at)
{
	(void) __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST);
}

static inline void
atomic_dec_uint(volatile uint_t *at)
{
	(void) __atomic_sub_fetch(at, 1, __ATOMIC_SEQ_CST);
}

static inline void
atomic_inc_32(volatile uint32_t *at)
{
	(void) __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST);
}

static inline uint32_t
atomic_dec_32_nv(volatile uint32_t *at)
{
	return (__atomic_sub_fetch(at, 1, __ATOMIC_SEQ_CST));
}

static inline void
atomic_inc_64(volatile uint64_t *at)
{
	(void) __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST);
}

#define	membar_producer()	__atomic_thread_fence(__ATOMIC_RELEASE)

#endif	/* _TEST_SYS_ATOMIC_H */
