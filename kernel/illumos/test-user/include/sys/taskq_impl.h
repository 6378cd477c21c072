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

#ifndef	_TEST_SYS_TASKQ_IMPL_H
#define	_TEST_SYS_TASKQ_IMPL_H

#include <sys/taskq.h>

typedef struct taskq_ent {
	struct taskq_ent *tqent_next;
	task_func_t	*tqent_func;
	void		*tqent_arg;
} taskq_ent_t;

extern void taskq_dispatch_ent(taskq_t *, task_func_t *, void *, uint_t,
    taskq_ent_t *);

#endif	/* _TEST_SYS_TASKQ_IMPL_H */
