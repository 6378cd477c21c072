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

#ifndef	_TEST_SYS_CONDVAR_H
#define	_TEST_SYS_CONDVAR_H

/*
 * There is one thread in the tests that have these, so waiting is for
 * something that will never come.
 */

#include <sys/debug.h>
#include <sys/mutex.h>

typedef struct kcondvar {
	uint_t		kc_broadcasts;
} kcondvar_t;

static inline void
cv_broadcast(kcondvar_t *cv)
{
	cv->kc_broadcasts++;
}

static inline void
cv_wait(kcondvar_t *cv, kmutex_t *m)
{
	(void) cv;
	VERIFY(MUTEX_HELD(m));
	SHIM_FAIL("waits for ever");
}

#endif	/* _TEST_SYS_CONDVAR_H */
