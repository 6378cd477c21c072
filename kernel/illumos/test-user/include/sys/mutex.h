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

#ifndef	_TEST_SYS_MUTEX_H
#define	_TEST_SYS_MUTEX_H

#include <sys/types.h>
#include <pthread.h>

/*
 * A mutex that knows its owner.  Entering it twice, leaving it without being
 * in it, destroying it while it is held, and using it before its time or
 * after it end the program.
 */
typedef struct kmutex {
	pthread_mutex_t	km_lock;
	uint_t		km_magic;
	boolean_t	km_leaf;
	boolean_t	km_held;
	pthread_t	km_owner;
} kmutex_t;

typedef enum { MUTEX_ADAPTIVE = 0, MUTEX_DEFAULT = 6 } kmutex_type_t;

extern void mutex_init(kmutex_t *, char *, kmutex_type_t, void *);
extern void mutex_destroy(kmutex_t *);
extern void mutex_enter(kmutex_t *);
extern void mutex_exit(kmutex_t *);
extern int mutex_tryenter(kmutex_t *);
extern int mutex_owned(const kmutex_t *);

#define	MUTEX_HELD(m)		mutex_owned(m)
#define	MUTEX_NOT_HELD(m)	(!mutex_owned(m))

/*
 * The mutex initialised last is a leaf from now on: under it, no other lock
 * may be taken, and nothing may be allocated or freed.
 */
extern void shim_last_mutex_is_leaf(void);

/* Locks that this thread holds. */
extern uint_t shim_locks_held(void);

#endif	/* _TEST_SYS_MUTEX_H */
