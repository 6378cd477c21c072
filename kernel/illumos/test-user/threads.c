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

#include <sys/debug.h>
#include <pthread.h>
#include <stdlib.h>
#include "threads.h"

static worker_t workers[THREADS];
static ulong_t rounds;
static void (*step)(worker_t *);

uint32_t
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
	ulong_t round;

	for (round = 0; round < rounds; round++)
		step(arg);
	return (NULL);
}

void
threads_run(int argc, char **argv, void (*the_step)(worker_t *))
{
	pthread_t threads[THREADS];
	uint_t i;

	VERIFY(argc == 3);
	rounds = (ulong_t)atol(argv[2]);
	step = the_step;
	for (i = 0; i < THREADS; i++) {
		workers[i].w_number = i;
		workers[i].w_random = (uint32_t)atol(argv[1]) * 8 + 2 * i + 1;
		VERIFY(pthread_create(&threads[i], NULL, work,
		    &workers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		VERIFY(pthread_join(threads[i], NULL) == 0);
}
