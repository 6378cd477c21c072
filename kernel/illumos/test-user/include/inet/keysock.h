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

#ifndef	_TEST_INET_KEYSOCK_H
#define	_TEST_INET_KEYSOCK_H

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/stream.h>

typedef struct keysock_stack {
	kmutex_t	keystack_list_lock;
} keysock_stack_t;

typedef struct keysock_s {
	queue_t		*keysock_rq;
	keysock_stack_t	*keysock_keystack;
	boolean_t	keysock_namespaces;
} keysock_t;

#endif	/* _TEST_INET_KEYSOCK_H */
