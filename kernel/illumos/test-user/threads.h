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

#ifndef	_TEST_THREADS_H
#define	_TEST_THREADS_H

/*
 * Threads that do the same at the same time, each with random numbers of its
 * own.
 */

#include <sys/types.h>

#define	THREADS	4

typedef struct worker {
	uint_t		w_number;	/* from 0 */
	uint32_t	w_random;
} worker_t;

/*
 * Runs all of them; each does the step so many times.  The words are those of
 * the command line: a seed, and how many times.
 */
extern void threads_run(int, char **, void (*)(worker_t *));

extern uint32_t random_below(worker_t *, uint32_t);

#endif	/* _TEST_THREADS_H */
