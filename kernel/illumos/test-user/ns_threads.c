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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "threads.h"

#define	NAMES	5
#define	SLOTS	6

/* What each of them holds. */
static ipsec_ns_t *held[THREADS][SLOTS];

/* One place where threads pass a name on; holds move with it. */
static ipsec_ns_t *passed[NAMES];

static const char *const names[NAMES] = {
	"a", "b", "svc:/network/vpn:tenant1", "svc:/network/vpn:tenant2", "c"
};

static void
step(worker_t *w)
{
	ipsec_ns_t **slots = held[w->w_number];
	uint32_t n = random_below(w, NAMES);
	ipsec_ns_t **at = &slots[random_below(w, SLOTS)];
	ipsec_ns_t **other = &slots[random_below(w, SLOTS)];

	switch (random_below(w, 5)) {
	case 0:
		ipsec_ns_rele(*at);
		VERIFY(ipsec_ns_intern(names[n], strlen(names[n]), at) == 0);
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
		*at = __atomic_exchange_n(&passed[n], *at, __ATOMIC_ACQ_REL);
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

int
main(int argc, char **argv)
{
	uint_t i, j;

	ipsec_ns_g_init();
	shim_last_mutex_is_leaf();
	threads_run(argc, argv, step);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < SLOTS; j++)
			ipsec_ns_rele(held[i][j]);
	}
	for (j = 0; j < NAMES; j++)
		ipsec_ns_rele(passed[j]);
	VERIFY(ipsec_ns_count() == 0);
	VERIFY(shim_kmem_live() == 0);
	ipsec_ns_g_destroy();
	(void) puts("ok");
	return (0);
}
