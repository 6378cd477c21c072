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

#ifndef	_TEST_SYS_DEBUG_H
#define	_TEST_SYS_DEBUG_H

/*
 * Assertions as in a DEBUG kernel: they end the program, and say where.
 */

extern void shim_fail(const char *, int, const char *, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define	SHIM_FAIL(...)	shim_fail(__FILE__, __LINE__, __VA_ARGS__)

#define	VERIFY(x)					\
	((void)((x) || (shim_fail(__FILE__, __LINE__,	\
	"assertion failed: %s", #x), 0)))
#define	SHIM_COMPARE(a, op, b, type)				\
	do {								\
		type shim_a = (type)(a);				\
		type shim_b = (type)(b);				\
									\
		if (!(shim_a op shim_b))				\
			SHIM_FAIL("assertion failed: %s (%llx, %llx)",	\
			    "" #a " " #op " " #b,			\
			    (unsigned long long)shim_a,			\
			    (unsigned long long)shim_b);		\
	} while (0)
#define	VERIFY3U(a, op, b)	SHIM_COMPARE(a, op, b, uint64_t)
#define	VERIFY3S(a, op, b)	SHIM_COMPARE(a, op, b, int64_t)
#define	VERIFY3P(a, op, b)	SHIM_COMPARE(a, op, b, uintptr_t)
#define	VERIFY0(a)		VERIFY3U(a, ==, 0)

#define	ASSERT(x)		VERIFY(x)
#define	ASSERT3U(a, op, b)	VERIFY3U(a, op, b)
#define	ASSERT3S(a, op, b)	VERIFY3S(a, op, b)
#define	ASSERT3P(a, op, b)	VERIFY3P(a, op, b)
#define	ASSERT0(a)		VERIFY0(a)
#define	IMPLY(a, b)		VERIFY(!(a) || (b))
#define	EQUIV(a, b)		VERIFY(!!(a) == !!(b))

#define	CTASSERT(x)		_Static_assert(x, #x)

#endif	/* _TEST_SYS_DEBUG_H */
