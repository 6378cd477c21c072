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
 * Many threads and few names in inet/ip/ipsec_ns.c.  Each thread holds some,
 * and gives them to its neighbour, who releases them.
 */

#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <inet/ipsec_ns.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define	THREADS	4
#define	NAMES	5
#define	SLOTS	6

typedef struct worker {
	pthread_t	w_thread;
	uint32_t	w_random;
	ulong_t		w_rounds;
	ipsec_ns_t	*w_slots[SLOTS];
} worker_t;

static worker_t workers[THREADS];

/* One place where threads pass a name on; holds move with it. */
static ipsec_ns_t *passed[NAMES];

static const char *const names[NAMES] = {
	"a", "b", "svc:/network/vpn:tenant1", "svc:/network/vpn:tenant2", "c"
};

static uint32_t
random_below(worker_t *w, uint32_t n)
{
	w->w_random ^= w->w_random << 13;
	w->w_random ^= w->w_random >> 17;
	w->w_random ^= w->w_random << 5;
	return (w->w_random % n);
}

static void *
work(void *arg)
{
	worker_t *w = arg;
	ulong_t round;

	for (round = 0; round < w->w_rounds; round++) {
		uint32_t n = random_below(w, NAMES);
		ipsec_ns_t **at = &w->w_slots[random_below(w, SLOTS)];
		ipsec_ns_t **other = &w->w_slots[random_below(w, SLOTS)];

		switch (random_below(w, 5)) {
		case 0:
			ipsec_ns_rele(*at);
			VERIFY(ipsec_ns_intern(names[n], strlen(names[n]),
			    at) == 0);
			VERIFY(strcmp(ipsec_ns_name(*at), names[n]) == 0);
			break;
		case 1:
			if (at == other)
				break;
			ipsec_ns_hold(*at);
			ipsec_ns_rele(*other);
			*other = *at;
			break;
		case 2:
			ipsec_ns_rele(*at);
			*at = NULL;
			break;
		case 3:
			/* Take what another one left, leave this. */
			*at = __atomic_exchange_n(&passed[n], *at,
			    __ATOMIC_ACQ_REL);
			break;
		default:
			VERIFY(ipsec_ns_count() <= NAMES);
			if (*at != NULL && *other != NULL) {
				VERIFY(IPSEC_NS_SAME(*at, *other) ==
				    (strcmp(ipsec_ns_name(*at),
				    ipsec_ns_name(*other)) == 0));
			}
			break;
		}
	}
	return (NULL);
}

int
main(int argc, char **argv)
{
	uint_t i, j;

	VERIFY(argc == 3);
	ipsec_ns_g_init();
	shim_last_mutex_is_leaf();
	for (i = 0; i < THREADS; i++) {
		workers[i].w_random = (uint32_t)atol(argv[1]) * 8 + 2 * i + 1;
		workers[i].w_rounds = (ulong_t)atol(argv[2]);
		VERIFY(pthread_create(&workers[i].w_thread, NULL, work,
		    &workers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		VERIFY(pthread_join(workers[i].w_thread, NULL) == 0);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < SLOTS; j++)
			ipsec_ns_rele(workers[i].w_slots[j]);
	}
	for (j = 0; j < NAMES; j++)
		ipsec_ns_rele(passed[j]);
	VERIFY(ipsec_ns_count() == 0);
	VERIFY(shim_kmem_live() == 0);
	ipsec_ns_g_destroy();
	(void) puts("ok");
	return (0);
}
