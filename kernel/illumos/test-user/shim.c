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

/*
 * What the kernel has and a program has not: memory with sizes, locks that
 * know who holds them, assertions.
 *
 * Counters are atomic and nothing here takes a lock of its own: one would
 * put the threads of a test into an order, and the sanitizer of threads
 * could not see that the order is missing in what is tested.
 */

#include <sys/condvar.h>
#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* gcc says it with a macro, clang with a feature. */
#if	!defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if	__has_feature(address_sanitizer)
#define	__SANITIZE_ADDRESS__
#endif
#endif

#ifdef	__SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define	ASAN_POISON_MEMORY_REGION(at, size)
#define	ASAN_UNPOISON_MEMORY_REGION(at, size)
#endif

void
shim_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	(void) fflush(stdout);
	(void) fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	(void) vfprintf(stderr, format, args);
	va_end(args);
	(void) fputc('\n', stderr);
	abort();
}

/* Locks. */

#define	MAX_HELD	16
#define	MUTEX_MAGIC	0x6d757478
#define	RW_MAGIC	0x72776c6b
#define	DEAD_MAGIC	0xdeadbeef

/* A mutex of zeroes is a mutex, as in the kernel. */
#define	MUTEX_ALIVE(m)	((m)->km_magic == MUTEX_MAGIC || (m)->km_magic == 0)

/* What this thread holds, in the order in which it was taken. */
static __thread const void *held[MAX_HELD];
static __thread uint_t nheld;
static __thread uint_t leaves;
static kmutex_t *last_mutex;

#ifdef	__SANITIZE_ADDRESS__
/*
 * Which lock was ever taken while which other one was held; the opposite
 * order would be a deadlock with two threads.  The sanitizer of threads has
 * something like it of its own.
 */
#define	MAX_PAIRS	4096
static struct pair { const void *outer, *inner; } pairs[MAX_PAIRS];
static uint_t npairs;
static boolean_t pairs_busy;

static void
pairs_enter(void)
{
	while (__atomic_test_and_set(&pairs_busy, __ATOMIC_ACQUIRE))
		continue;
}

static void
pairs_exit(void)
{
	__atomic_clear(&pairs_busy, __ATOMIC_RELEASE);
}

static void
check_order(const void *lock)
{
	uint_t i, j;

	pairs_enter();
	for (i = 0; i < nheld; i++) {
		for (j = 0; j < npairs; j++) {
			if (pairs[j].outer == held[i] &&
			    pairs[j].inner == lock)
				break;
			if (pairs[j].outer == lock && pairs[j].inner == held[i])
				SHIM_FAIL("two locks in both orders");
		}
		if (j < npairs)
			continue;
		if (npairs == MAX_PAIRS)
			SHIM_FAIL("too many pairs of locks");
		pairs[npairs].outer = held[i];
		pairs[npairs++].inner = lock;
	}
	pairs_exit();
}

static void
forget_order(const void *lock)
{
	uint_t j;

	pairs_enter();
	for (j = 0; j < npairs; j++) {
		if (pairs[j].outer == lock || pairs[j].inner == lock)
			pairs[j--] = pairs[--npairs];
	}
	pairs_exit();
}
#else
#define	check_order(lock)
#define	forget_order(lock)
#endif

static boolean_t
holds(const void *lock)
{
	uint_t i;

	for (i = 0; i < nheld; i++) {
		if (held[i] == lock)
			return (B_TRUE);
	}
	return (B_FALSE);
}

static void
before_lock(const void *lock)
{
	if (leaves != 0)
		SHIM_FAIL("a lock is taken under a leaf");
	if (holds(lock))
		SHIM_FAIL("a lock is taken twice");
	check_order(lock);
}

static void
now_held(const void *lock)
{
	VERIFY(nheld < MAX_HELD);
	held[nheld++] = lock;
}

static void
not_held(const void *lock)
{
	uint_t i;

	for (i = 0; i < nheld && held[i] != lock; i++)
		continue;
	if (i == nheld)
		SHIM_FAIL("a lock is released that is not held");
	for (nheld--; i < nheld; i++)
		held[i] = held[i + 1];
}

uint_t
shim_locks_held(void)
{
	return (nheld);
}

void
mutex_init(kmutex_t *m, char *name, kmutex_type_t type, void *arg)
{
	(void) name;
	(void) type;
	(void) arg;
	bzero(m, sizeof (*m));
	VERIFY(pthread_mutex_init(&m->km_lock, NULL) == 0);
	m->km_magic = MUTEX_MAGIC;
	last_mutex = m;
}

void
mutex_destroy(kmutex_t *m)
{
	VERIFY(MUTEX_ALIVE(m));
	VERIFY(!m->km_held);
	m->km_magic = DEAD_MAGIC;
	forget_order(m);
	VERIFY(pthread_mutex_destroy(&m->km_lock) == 0);
}

static void
mutex_mine(kmutex_t *m)
{
	m->km_owner = pthread_self();
	m->km_held = B_TRUE;
	leaves += m->km_leaf;
	now_held(m);
}

void
mutex_enter(kmutex_t *m)
{
	VERIFY(MUTEX_ALIVE(m));
	before_lock(m);
	VERIFY(pthread_mutex_lock(&m->km_lock) == 0);
	mutex_mine(m);
}

int
mutex_tryenter(kmutex_t *m)
{
	VERIFY(MUTEX_ALIVE(m));
	VERIFY(!holds(m));
	if (pthread_mutex_trylock(&m->km_lock) != 0)
		return (0);
	mutex_mine(m);
	return (1);
}

void
mutex_exit(kmutex_t *m)
{
	VERIFY(MUTEX_ALIVE(m));
	not_held(m);
	leaves -= m->km_leaf;
	m->km_held = B_FALSE;
	VERIFY(pthread_mutex_unlock(&m->km_lock) == 0);
}

int
mutex_owned(const kmutex_t *m)
{
	VERIFY(MUTEX_ALIVE(m));
	return (holds(m));
}

void
shim_last_mutex_is_leaf(void)
{
	last_mutex->km_leaf = B_TRUE;
}

boolean_t shim_threads;

void
cv_broadcast(kcondvar_t *cv)
{
	VERIFY(pthread_cond_broadcast(&cv->kc_cond) == 0);
}

void
cv_wait(kcondvar_t *cv, kmutex_t *m)
{
	VERIFY(mutex_owned(m) && !m->km_leaf);
	if (!shim_threads)
		SHIM_FAIL("waits for ever");
	/* No other lock is kept while a thread sleeps. */
	VERIFY(nheld == 1);
	not_held(m);
	m->km_held = B_FALSE;
	VERIFY(pthread_cond_wait(&cv->kc_cond, &m->km_lock) == 0);
	mutex_mine(m);
}

void
rw_init(krwlock_t *l, char *name, krw_type_t type, void *arg)
{
	(void) name;
	(void) type;
	(void) arg;
	bzero(l, sizeof (*l));
	VERIFY(pthread_rwlock_init(&l->krw_lock, NULL) == 0);
	l->krw_magic = RW_MAGIC;
}

void
rw_destroy(krwlock_t *l)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	VERIFY(!holds(l));
	l->krw_magic = DEAD_MAGIC;
	forget_order(l);
	VERIFY(pthread_rwlock_destroy(&l->krw_lock) == 0);
}

static void
rw_mine(krwlock_t *l, krw_t how)
{
	if (how == RW_WRITER) {
		l->krw_owner = pthread_self();
		l->krw_written = B_TRUE;
	}
	now_held(l);
}

void
rw_enter(krwlock_t *l, krw_t how)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	before_lock(l);
	VERIFY((how == RW_WRITER ? pthread_rwlock_wrlock(&l->krw_lock) :
	    pthread_rwlock_rdlock(&l->krw_lock)) == 0);
	rw_mine(l, how);
}

int
rw_tryenter(krwlock_t *l, krw_t how)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	VERIFY(!holds(l));
	if ((how == RW_WRITER ? pthread_rwlock_trywrlock(&l->krw_lock) :
	    pthread_rwlock_tryrdlock(&l->krw_lock)) != 0)
		return (0);
	rw_mine(l, how);
	return (1);
}

void
rw_exit(krwlock_t *l)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	not_held(l);
	if (l->krw_written)
		l->krw_written = B_FALSE;
	VERIFY(pthread_rwlock_unlock(&l->krw_lock) == 0);
}

int
rw_write_held(const krwlock_t *l)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	return (holds(l) && l->krw_written);
}

int
rw_read_held(const krwlock_t *l)
{
	VERIFY(l->krw_magic == RW_MAGIC);
	return (holds(l) && !l->krw_written);
}

/* Memory. */

#define	BLOCK_MAGIC	0x6b6d656d626c6f63ULL

/* Stands before each allocation, poisoned. */
typedef struct block {
	uint64_t	b_magic;
	uint64_t	b_size;
} block_t;

boolean_t shim_may_sleep;

static ulong_t live, total, fail_at;
static __thread boolean_t paused;

void
shim_kmem_fail(ulong_t n)
{
	__atomic_store_n(&fail_at, n, __ATOMIC_RELAXED);
}

void
shim_kmem_pause(boolean_t pause)
{
	paused = pause;
}

ulong_t
shim_kmem_live(void)
{
	return (__atomic_load_n(&live, __ATOMIC_RELAXED));
}

ulong_t
shim_kmem_total(void)
{
	return (__atomic_load_n(&total, __ATOMIC_RELAXED));
}

void *
kmem_alloc(size_t size, int flag)
{
	block_t *block;

	VERIFY(size > 0);
	if (leaves != 0)
		SHIM_FAIL("memory is allocated under a leaf");
	if (!(flag & KM_NOSLEEP) && !shim_may_sleep)
		SHIM_FAIL("sleeps for memory");
	__atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&fail_at, __ATOMIC_RELAXED) != 0 &&
	    (flag & KM_NOSLEEP) && !paused &&
	    __atomic_sub_fetch(&fail_at, 1, __ATOMIC_RELAXED) == 0)
		return (NULL);
	block = malloc(sizeof (*block) + size);
	VERIFY(block != NULL);
	block->b_magic = BLOCK_MAGIC;
	block->b_size = size;
	ASAN_POISON_MEMORY_REGION(block, sizeof (*block));
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	(void) memset(block + 1, 0xba, size);
	return (block + 1);
}

void *
kmem_zalloc(size_t size, int flag)
{
	void *data = kmem_alloc(size, flag);

	if (data != NULL)
		bzero(data, size);
	return (data);
}

void
kmem_free(void *data, size_t size)
{
	block_t *block = (block_t *)data - 1;

	if (leaves != 0)
		SHIM_FAIL("memory is freed under a leaf");
	if (data == NULL && size == 0)
		return;
	ASAN_UNPOISON_MEMORY_REGION(block, sizeof (*block));
	if (block->b_magic != BLOCK_MAGIC)
		SHIM_FAIL("%p is freed and was not allocated", data);
	if (block->b_size != size)
		SHIM_FAIL("%zu bytes are freed, %zu were allocated", size,
		    (size_t)block->b_size);
	block->b_magic = 0;
	(void) memset(data, 0xde, size);
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(block);
}

struct kmem_cache {
	size_t	kc_size;
};

kmem_cache_t *
kmem_cache_create(char *name, size_t size, size_t align,
    int (*make)(void *, void *, int), void (*unmake)(void *, void *),
    void (*reclaim)(void *), void *arg, void *source, int flags)
{
	kmem_cache_t *cache = malloc(sizeof (*cache));

	(void) name;
	(void) align;
	(void) reclaim;
	(void) arg;
	(void) source;
	(void) flags;
	VERIFY(cache != NULL && make == NULL && unmake == NULL);
	cache->kc_size = size;
	return (cache);
}

void
kmem_cache_destroy(kmem_cache_t *cache)
{
	free(cache);
}

void *
kmem_cache_alloc(kmem_cache_t *cache, int flag)
{
	return (kmem_alloc(cache->kc_size, flag));
}

void
kmem_cache_free(kmem_cache_t *cache, void *data)
{
	kmem_free(data, cache->kc_size);
}
