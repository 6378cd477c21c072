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

#ifndef	_TEST_SYS_KMEM_H
#define	_TEST_SYS_KMEM_H

#include <sys/types.h>

#define	KM_SLEEP	0x0000
#define	KM_NOSLEEP	0x0001

/*
 * Memory of the kernel.  Freeing wants the size of the allocation.  New
 * memory is filled with a pattern, and so is old.
 *
 * What is tested runs in put procedures or under locks, so sleeping for
 * memory is an error, unless shim_may_sleep is set.
 */
extern void *kmem_alloc(size_t, int);
extern void *kmem_zalloc(size_t, int);
extern void kmem_free(void *, size_t);

typedef struct kmem_cache kmem_cache_t;

extern kmem_cache_t *kmem_cache_create(char *, size_t, size_t,
    int (*)(void *, void *, int), void (*)(void *, void *), void (*)(void *),
    void *, void *, int);
extern void kmem_cache_destroy(kmem_cache_t *);
extern void *kmem_cache_alloc(kmem_cache_t *, int);
extern void kmem_cache_free(kmem_cache_t *, void *);

extern boolean_t shim_may_sleep;

/*
 * The n-th allocation from now fails, counted from 1; 0 for none.  It has to
 * be one that does not sleep.
 */
extern void shim_kmem_fail(ulong_t);

/* What the test itself allocates meanwhile is not counted. */
extern void shim_kmem_pause(boolean_t);

/* Allocations that have not been freed, and how many there were ever. */
extern ulong_t shim_kmem_live(void);
extern ulong_t shim_kmem_total(void);

#endif	/* _TEST_SYS_KMEM_H */
