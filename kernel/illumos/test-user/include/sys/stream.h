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

#ifndef	_TEST_SYS_STREAM_H
#define	_TEST_SYS_STREAM_H

/*
 * Messages and queues.  A queue keeps what is put to it, for the test; with
 * q_full, there is no room above it.
 */

#include <sys/types.h>

typedef struct msgb {
	struct msgb	*b_cont;
	struct msgb	*b_next;
	uchar_t		*b_rptr;
	uchar_t		*b_wptr;
	uchar_t		*b_base;
	size_t		b_size;
} mblk_t;

typedef struct queue {
	mblk_t		*q_first;	/* what has gone up */
	mblk_t		*q_waiting;	/* what waits for room */
	boolean_t	q_full;
} queue_t;

#define	BPRI_HI	3

extern mblk_t *allocb(size_t, uint_t);
extern mblk_t *copymsg(const mblk_t *);
extern void freemsg(mblk_t *);
extern int canputnext(queue_t *);
extern void putnext(queue_t *, mblk_t *);
extern int putq(queue_t *, mblk_t *);

#endif	/* _TEST_SYS_STREAM_H */
