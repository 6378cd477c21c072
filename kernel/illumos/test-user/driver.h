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

#ifndef	_TEST_DRIVER_H
#define	_TEST_DRIVER_H

/*
 * A driver reads commands, one a line, and answers each with one line.
 */

#include <sys/types.h>

#define	DRIVER_WORDS	16

typedef struct driver_command {
	const char	*dc_name;
	int		dc_words;	/* arguments */
	void		(*dc_run)(char **);
} driver_command_t;

extern void driver_run(const driver_command_t *);
extern ulong_t driver_number(const char *);

/* Bytes of hexadecimal digits, `-' for none; in memory of just their size. */
extern void *driver_bytes(const char *, size_t *);
extern void driver_put_bytes(const void *, size_t);

#endif	/* _TEST_DRIVER_H */
