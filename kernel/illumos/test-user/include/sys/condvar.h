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
 * Condition variables.  Zeroes are one, as in the kernel.
 */

#include <sys/debug.h>
#include <sys/mutex.h>

typedef struct kcondvar {
	pthread_cond_t	kc_cond;
} kcondvar_t;

extern void cv_broadcast(kcondvar_t *);
extern void cv_wait(kcondvar_t *, kmutex_t *);

/* Is there another thread, so that waiting is not for ever? */
extern boolean_t shim_threads;

#endif	/* _TEST_SYS_CONDVAR_H */
