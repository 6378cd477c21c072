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

#ifndef	_TEST_SYS_RWLOCK_H
#define	_TEST_SYS_RWLOCK_H

#include <sys/types.h>
#include <pthread.h>

/*
 * A lock for many readers or one writer that knows its writer and, of each
 * thread, what it reads.
 */
typedef struct krwlock {
	pthread_rwlock_t krw_lock;
	uint_t		krw_magic;
	boolean_t	krw_written;
	pthread_t	krw_owner;
} krwlock_t;

typedef enum { RW_DRIVER = 2, RW_DEFAULT = 4 } krw_type_t;
typedef enum { RW_WRITER, RW_READER } krw_t;

extern void rw_init(krwlock_t *, char *, krw_type_t, void *);
extern void rw_destroy(krwlock_t *);
extern void rw_enter(krwlock_t *, krw_t);
extern int rw_tryenter(krwlock_t *, krw_t);
extern void rw_exit(krwlock_t *);
extern int rw_write_held(const krwlock_t *);
extern int rw_read_held(const krwlock_t *);

#define	RW_WRITE_HELD(l)	rw_write_held(l)
#define	RW_READ_HELD(l)		rw_read_held(l)
#define	RW_LOCK_HELD(l)		(rw_write_held(l) || rw_read_held(l))

#endif	/* _TEST_SYS_RWLOCK_H */
