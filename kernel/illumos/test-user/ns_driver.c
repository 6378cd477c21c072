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
 * Drives inet/ip/ipsec_ns.c: names in slots, and the extension.
 */

#include <sys/debug.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <inet/ipsec_ns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"

#define	SLOTS	64

/* Bytes of the header of both protocols. */
#define	MESSAGE_HEADER	16

/* What has not been named; NULL is the nameless owner. */
#define	EMPTY	((ipsec_ns_t *)slots)

static ipsec_ns_t *slots[SLOTS];

static ipsec_ns_t **
slot(const char *word)
{
	ulong_t n = driver_number(word);

	VERIFY(n < SLOTS);
	return (&slots[n]);
}

/* The first slot that has the same one, and how many names there are. */
static void
put_state(const ipsec_ns_t *ns)
{
	uint_t i;

	for (i = 0; i < SLOTS && slots[i] != ns; i++)
		continue;
	(void) printf("%u %u %lu", i, ipsec_ns_count(), shim_kmem_live());
}

/* intern SLOT NAME */
static void
do_intern(char **words)
{
	ipsec_ns_t **at = slot(words[0]);
	size_t size;
	void *name = driver_bytes(words[1], &size);
	int error;

	VERIFY(*at == EMPTY);
	error = ipsec_ns_intern(name, size, at);
	free(name);
	(void) printf("%d ", error);
	VERIFY(error == 0 || *at == EMPTY);
	put_state(error == 0 ? *at : NULL);
}

/* nameless SLOT */
static void
do_nameless(char **words)
{
	ipsec_ns_t **at = slot(words[0]);

	VERIFY(*at == EMPTY);
	*at = NULL;
}

/* hold FROM TO */
static void
do_hold(char **words)
{
	ipsec_ns_t **from = slot(words[0]), **to = slot(words[1]);

	VERIFY(*from != EMPTY && *to == EMPTY);
	ipsec_ns_hold(*from);
	*to = *from;
	put_state(*to);
}

/* rele SLOT */
static void
do_rele(char **words)
{
	ipsec_ns_t **at = slot(words[0]);

	VERIFY(*at != EMPTY);
	ipsec_ns_rele(*at);
	*at = EMPTY;
	put_state(NULL);
}

/* put SLOT: name and extension */
static void
do_put(char **words)
{
	ipsec_ns_t *ns = *slot(words[0]);
	size_t size = ipsec_ns_ext_size(ns);
	char *at = malloc(size);

	VERIFY(ns != EMPTY);
	(void) memset(at, 0xff, size);
	VERIFY(ipsec_ns_ext_put(at, ns) == at + size);
	driver_put_bytes(ipsec_ns_name(ns), strlen(ipsec_ns_name(ns)));
	(void) putchar(' ');
	driver_put_bytes(at, size);
	free(at);
}

/* check EXT */
static void
do_check(char **words)
{
	size_t size;
	void *ext = driver_bytes(words[0], &size);

	(void) printf("%d", ipsec_ns_check(ext, size));
	free(ext);
}

/* find MSG */
static void
do_find(char **words)
{
	size_t size;
	char *msg = driver_bytes(words[0], &size);
	const void *ext = ipsec_ns_find(msg, size);

	(void) printf("%ld", ext == NULL ? -1L : (long)((char *)ext - msg));
	free(msg);
}

/* req EXT: what it says, and for each slot whether it is shown and named */
static void
do_req(char **words)
{
	size_t size;
	void *ext = driver_bytes(words[0], &size);
	char *msg = malloc(MESSAGE_HEADER + size);
	ipsec_ns_req_t req;
	const ipsec_ns_t *named;
	int error;
	uint_t i;

	(void) memset(msg, 0xff, MESSAGE_HEADER);
	(void) memcpy(msg + MESSAGE_HEADER, ext, size);
	(void) memset(&req, 0xff, sizeof (req));
	error = ipsec_ns_req_init(&req, size == 0 ? NULL : ext);
	free(ext);
	(void) printf("%d %d %d ", error, req.inr_named, req.inr_any);
	VERIFY(error == 0 || req.inr_ns == NULL);
	put_state(req.inr_ns);
	(void) putchar(' ');
	for (i = 0; i < SLOTS; i++) {
		if (slots[i] == EMPTY) {
			(void) putchar('.');
			continue;
		}
		named = ipsec_ns_named(slots[i], msg, MESSAGE_HEADER + size);
		VERIFY(named == NULL || named == slots[i]);
		(void) putchar('0' + ipsec_ns_req_shows(&req, slots[i]) +
		    2 * (named != NULL));
	}
	free(msg);
	ipsec_ns_req_fini(&req);
	VERIFY(!req.inr_named && !req.inr_any && req.inr_ns == NULL);
	/* A second time does no harm. */
	ipsec_ns_req_fini(&req);
}

/* fail N */
static void
do_fail(char **words)
{
	shim_kmem_fail(driver_number(words[0]));
}

static const driver_command_t commands[] = {
	{ "intern", 2, do_intern },
	{ "nameless", 1, do_nameless },
	{ "hold", 2, do_hold },
	{ "rele", 1, do_rele },
	{ "put", 1, do_put },
	{ "check", 1, do_check },
	{ "find", 1, do_find },
	{ "req", 1, do_req },
	{ "fail", 1, do_fail },
	{ NULL, 0, NULL }
};

int
main(void)
{
	uint_t i;

	for (i = 0; i < SLOTS; i++)
		slots[i] = EMPTY;
	ipsec_ns_g_init();
	shim_last_mutex_is_leaf();
	driver_run(commands);
	for (i = 0; i < SLOTS; i++) {
		if (slots[i] != EMPTY)
			ipsec_ns_rele(slots[i]);
	}
	VERIFY(ipsec_ns_count() == 0);
	VERIFY(shim_kmem_live() == 0);
	ipsec_ns_g_destroy();
	return (0);
}
