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
 * Owners at work at the same time: inet/ip/ipsec_ns_spd.c and
 * inet/ip/spdsock_ns.c.
 *
 * Each thread is an owner with addresses of its own, so it knows what its
 * rules must be, whatever the others do; one of them is the nameless one.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/systm.h>
#include <inet/ip.h>
#include <inet/spdsock.h>
#include <inet/ipsec_ns_spd.h>
#include <inet/spdsock_ns.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stand_in_spd.h"
#include "stand_in_spdsock.h"

#define	THREADS	4
#define	HEADS	3		/* the host and two tunnels */
#define	ALL	HEADS
#define	PEERS	8

static const char *const heads[HEADS] = { NULL, "tun0", "tun1" };
static const char *const owners[THREADS] = { "", "a", "svc:/vpn:b", "c" };

typedef struct worker {
	pthread_t	w_thread;
	spdsock_t	*w_socket;
	uint_t		w_owner;
	uint32_t	w_random;
	ulong_t		w_rounds;
	/* By head and side: which peers have a rule of this owner. */
	boolean_t	w_rules[HEADS][2][PEERS];
} worker_t;

static spdsock_t sockets[THREADS];
static worker_t workers[THREADS];

static uint32_t
random_below(worker_t *w, uint32_t n)
{
	w->w_random ^= w->w_random << 13;
	w->w_random ^= w->w_random >> 17;
	w->w_random ^= w->w_random << 5;
	return (w->w_random % n);
}

/* Messages. */

typedef struct message {
	uint64_t	m_words[64];
	size_t		m_size;
} message_t;

static void *
put_ext(message_t *m, uint16_t type, size_t size)
{
	uint8_t *at = (uint8_t *)m->m_words + m->m_size;
	spd_ext_t ext;

	size = (size + 7) & ~(size_t)7;
	ext.spd_ext_len = (uint16_t)(size / 8);
	ext.spd_ext_type = type;
	bcopy(&ext, at, sizeof (ext));
	m->m_size += size;
	VERIFY(m->m_size <= sizeof (m->m_words));
	return (at);
}

static void
begin(message_t *m, uint8_t type, uint_t side, uint_t head)
{
	spd_msg_t *msg = (spd_msg_t *)m->m_words;
	spd_if_t *name;

	bzero(m, sizeof (*m));
	msg->spd_msg_version = 1;
	msg->spd_msg_type = type;
	msg->spd_msg_spdid = (uint8_t)side;
	m->m_size = sizeof (*msg);
	if (head == ALL) {
		(void) put_ext(m, SPD_EXT_TUN_NAME, 8);
	} else if (heads[head] != NULL) {
		name = put_ext(m, SPD_EXT_TUN_NAME, 4 + sizeof ("tun0"));
		bcopy(heads[head], name->spd_if_name, sizeof ("tun0"));
	}
}

static void
put_rule(message_t *m, uint_t owner, uint_t peer)
{
	uint32_t *rule = put_ext(m, SPD_EXT_RULE, 24);
	uint8_t *addr = put_ext(m, SPD_EXT_REMADDR, 16);
	uint32_t *action;

	rule[1] = 1;
	rule[2] = SPD_RULE_FLAG_INBOUND | SPD_RULE_FLAG_OUTBOUND |
	    SPD_RULE_FLAG_TUNNEL;
	addr[4] = 2;
	/* Half of them are hashed. */
	addr[5] = (peer % 2 == 0) ? 32 : 31;
	addr[8] = 10;
	addr[10] = (uint8_t)owner;
	addr[11] = (uint8_t)peer;
	action = put_ext(m, SPD_EXT_ACTION, 16);
	action[2] = 0x100;
	action[3] = 3;
}

static int
ask(worker_t *w, message_t *m)
{
	spd_msg_t *msg = (spd_msg_t *)m->m_words;
	const char *owner = owners[w->w_owner];
	ipsec_namespace_ext_t *ext;
	request_t r;

	if (*owner != '\0') {
		ext = put_ext(m, SPD_EXT_NAMESPACE,
		    sizeof (*ext) + strlen(owner) + 1);
		ext->ine_namelen = (uint16_t)strlen(owner);
		bcopy(owner, ext + 1, strlen(owner));
	}
	msg->spd_msg_len = (uint16_t)(m->m_size / 8);
	bzero(&r, sizeof (r));
	r.r_socket = w->w_socket;
	r.r_size = m->m_size;
	r.r_msg = malloc(m->m_size);
	bcopy(m->m_words, r.r_msg, m->m_size);
	spd_request(&r);
	VERIFY(r.r_diag == 0);
	free(r.r_msg);
	return (r.r_error);
}

/* One owner. */

static void
add_or_delete(worker_t *w, uint_t head, uint_t side, uint_t peer)
{
	boolean_t *there = &w->w_rules[head][side][peer];
	message_t m;
	int error;

	if (random_below(w, 3) != 0) {
		begin(&m, SPD_ADDRULE, side, head);
		put_rule(&m, w->w_owner, peer);
		error = ask(w, &m);
		VERIFY3S(error, ==, *there ? EEXIST : 0);
		*there = B_TRUE;
	} else {
		begin(&m, SPD_DELETERULE, side, head);
		put_rule(&m, w->w_owner, peer);
		error = ask(w, &m);
		VERIFY3S(error, ==, *there ? 0 : ESRCH);
		*there = B_FALSE;
	}
}

static void
whole_head(worker_t *w, uint_t head, uint8_t type, uint_t side)
{
	boolean_t (*rules)[PEERS] = w->w_rules[head];
	boolean_t kept[PEERS];

	switch (type) {
	case SPD_FLUSH:
		bzero(rules[side], sizeof (kept));
		break;
	case SPD_CLONE:
		bcopy(rules[0], rules[1], sizeof (kept));
		break;
	default:
		bcopy(rules[0], kept, sizeof (kept));
		bcopy(rules[1], rules[0], sizeof (kept));
		bcopy(kept, rules[1], sizeof (kept));
		break;
	}
}

static void
whole_heads(worker_t *w, uint8_t type, uint_t side)
{
	uint_t head = random_below(w, HEADS + 1), i;
	message_t m;

	begin(&m, type, side, head);
	VERIFY(ask(w, &m) == 0);
	for (i = 0; i < HEADS; i++) {
		if (head == i || head == ALL)
			whole_head(w, i, type, side);
	}
}

/*
 * Dumps the rules of this owner; the nameless one sees all.  Others may
 * change the head meanwhile, which ends the dump.
 */
static void
dump(worker_t *w, uint_t head, uint_t side)
{
	spdsock_t *ss = w->w_socket;
	ipsec_policy_head_t *php;
	ipsec_policy_t *rule;
	boolean_t changed = B_FALSE;
	uint_t own = 0, wanted = 0, i;
	message_t m;

	begin(&m, SPD_DUMP, side, head);
	VERIFY(ask(w, &m) == 0);
	php = ss->spdsock_dump_head;
	for (;;) {
		rw_enter(&php->iph_lock, RW_READER);
		changed = (php->iph_gen != ss->spdsock_dump_gen);
		rule = changed ? NULL : spdsock_ns_next(ss, php,
		    spd_dump_step);
		if (rule != NULL) {
			VERIFY(*owners[w->w_owner] == '\0' ||
			    strcmp(ipsec_ns_name(rule->ipsp_ns),
			    owners[w->w_owner]) == 0);
			own += (strcmp(ipsec_ns_name(rule->ipsp_ns),
			    owners[w->w_owner]) == 0);
		}
		rw_exit(&php->iph_lock);
		if (rule == NULL)
			break;
	}
	for (i = 0; i < PEERS; i++)
		wanted += 2 * w->w_rules[head][side][i];
	VERIFY(changed ? own <= wanted : own == wanted);
	if (ss->spdsock_itp != NULL)
		ITP_REFRELE(ss->spdsock_itp, ss->spdsock_spds->spds_netstack);
	ss->spdsock_itp = NULL;
	spdsock_ns_dump_end(ss);
	free(ss->spdsock_dump_req);
	ss->spdsock_dump_req = NULL;
}

static void *
work(void *arg)
{
	worker_t *w = arg;
	ulong_t round;
	uint_t head, side, peer;

	for (round = 0; round < w->w_rounds; round++) {
		head = random_below(w, HEADS);
		side = random_below(w, 2);
		peer = random_below(w, PEERS);
		switch (random_below(w, 16)) {
		case 0:
			whole_heads(w, SPD_FLUSH, side);
			break;
		case 1:
		case 2:
			whole_heads(w, SPD_FLIP, 0);
			break;
		case 3:
			whole_heads(w, SPD_CLONE, 0);
			break;
		case 4:
			dump(w, head, side);
			break;
		default:
			add_or_delete(w, head, side, peer);
			break;
		}
	}
	return (NULL);
}

int
main(int argc, char **argv)
{
	netstack_t *stack;
	uint_t i, head, side;
	message_t m;

	VERIFY(argc == 3);
	spdsock_init(sockets, THREADS);
	stack = sockets[0].spdsock_spds->spds_netstack;
	for (i = 0; i < THREADS; i++) {
		workers[i].w_socket = &sockets[i];
		workers[i].w_owner = i;
		workers[i].w_random = (uint32_t)atol(argv[1]) * 8 + 2 * i + 1;
		workers[i].w_rounds = (ulong_t)atol(argv[2]);
	}
	/* The tunnels have policy before the threads begin. */
	for (head = 1; head < HEADS; head++) {
		begin(&m, SPD_ADDRULE, 0, head);
		put_rule(&m, 0, 0);
		VERIFY(ask(&workers[0], &m) == 0);
		workers[0].w_rules[head][0][0] = B_TRUE;
	}
	for (i = 0; i < THREADS; i++) {
		VERIFY(pthread_create(&workers[i].w_thread, NULL, work,
		    &workers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++)
		VERIFY(pthread_join(workers[i].w_thread, NULL) == 0);

	spd_verify(stack, B_TRUE);
	for (i = 0; i < THREADS; i++) {
		for (head = 0; head < HEADS; head++) {
			for (side = 0; side < 2; side++)
				dump(&workers[i], head, side);
		}
	}
	for (i = 0; i < THREADS; i++) {
		begin(&m, SPD_FLUSH, 0, ALL);
		VERIFY(ask(&workers[i], &m) == 0);
		begin(&m, SPD_FLUSH, 1, ALL);
		VERIFY(ask(&workers[i], &m) == 0);
	}
	/* Nobody is left in any of them. */
	spd_verify(stack, B_TRUE);
	VERIFY(avl_is_empty(&stack->netstack_ipsec->
	    ipsec_system_policy.iph_rulebyid));
	spdsock_fini(sockets, THREADS);
	(void) puts("ok");
	return (0);
}
