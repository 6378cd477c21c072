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
 * The messages and queues of sys/stream.h.
 */

#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/systm.h>

mblk_t *
allocb(size_t size, uint_t priority)
{
	mblk_t *mp = kmem_zalloc(sizeof (*mp), KM_NOSLEEP);

	(void) priority;
	if (mp == NULL)
		return (NULL);
	/* One byte behind the end is one too many. */
	mp->b_base = kmem_alloc(size, KM_NOSLEEP);
	if (mp->b_base == NULL) {
		kmem_free(mp, sizeof (*mp));
		return (NULL);
	}
	mp->b_size = size;
	mp->b_rptr = mp->b_base;
	mp->b_wptr = mp->b_base;
	return (mp);
}

mblk_t *
copymsg(const mblk_t *mp)
{
	mblk_t *first = NULL, **last = &first;

	for (; mp != NULL; mp = mp->b_cont) {
		*last = allocb((size_t)MBLKL(mp), BPRI_HI);
		if (*last == NULL) {
			freemsg(first);
			return (NULL);
		}
		bcopy(mp->b_rptr, (*last)->b_wptr, (size_t)MBLKL(mp));
		(*last)->b_wptr += MBLKL(mp);
		last = &(*last)->b_cont;
	}
	return (first);
}

void
freemsg(mblk_t *mp)
{
	mblk_t *next;

	for (; mp != NULL; mp = next) {
		next = mp->b_cont;
		VERIFY(mp->b_wptr <= mp->b_base + mp->b_size);
		kmem_free(mp->b_base, mp->b_size);
		kmem_free(mp, sizeof (*mp));
	}
}

static void
append(mblk_t **list, mblk_t *mp)
{
	while (*list != NULL)
		list = &(*list)->b_next;
	*list = mp;
	mp->b_next = NULL;
}

int
canputnext(queue_t *q)
{
	return (!q->q_full);
}

void
putnext(queue_t *q, mblk_t *mp)
{
	append(&q->q_first, mp);
}

int
putq(queue_t *q, mblk_t *mp)
{
	append(&q->q_waiting, mp);
	return (1);
}
