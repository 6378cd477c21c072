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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stand_in_spd.h"
#include "stand_in_spdsock.h"
#include "threads.h"

#define	HEADS	3		/* the host and two tunnels */
#define	ALL	HEADS
#define	PEERS	8

static const char *const heads[HEADS] = { NULL, "tun0", "tun1" };
static const char *const names[THREADS] = { "", "a", "svc:/vpn:b", "c" };

typedef struct owner {
	worker_t	*o_worker;
	spdsock_t	*o_socket;
	const char	*o_name;
	uint_t		o_number;
	/* By head and side: which peers have a rule of this owner. */
	boolean_t	o_rules[HEADS][2][PEERS];
} owner_t;

static spdsock_t sockets[THREADS];
static owner_t owners[THREADS];

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
ask(owner_t *o, message_t *m)
{
	spd_msg_t *msg = (spd_msg_t *)m->m_words;
	const char *owner = o->o_name;
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
	r.r_socket = o->o_socket;
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
add_or_delete(owner_t *o, uint_t head, uint_t side, uint_t peer)
{
	boolean_t *there = &o->o_rules[head][side][peer];
	message_t m;
	int error;

	if (random_below(o->o_worker, 3) != 0) {
		begin(&m, SPD_ADDRULE, side, head);
		put_rule(&m, o->o_number, peer);
		error = ask(o, &m);
		VERIFY3S(error, ==, *there ? EEXIST : 0);
		*there = B_TRUE;
	} else {
		begin(&m, SPD_DELETERULE, side, head);
		put_rule(&m, o->o_number, peer);
		error = ask(o, &m);
		VERIFY3S(error, ==, *there ? 0 : ESRCH);
		*there = B_FALSE;
	}
}

static void
whole_head(owner_t *o, uint_t head, uint8_t type, uint_t side)
{
	boolean_t (*rules)[PEERS] = o->o_rules[head];
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
whole_heads(owner_t *o, uint8_t type, uint_t side)
{
	uint_t head = random_below(o->o_worker, HEADS + 1), i;
	message_t m;

	begin(&m, type, side, head);
	VERIFY(ask(o, &m) == 0);
	for (i = 0; i < HEADS; i++) {
		if (head == i || head == ALL)
			whole_head(o, i, type, side);
	}
}

/*
 * Dumps the rules of this owner; the nameless one sees all.  Others may
 * change the head meanwhile, which ends the dump.
 */
static void
dump(owner_t *o, uint_t head, uint_t side)
{
	spdsock_t *ss = o->o_socket;
	ipsec_policy_head_t *php;
	ipsec_policy_t *rule;
	boolean_t changed = B_FALSE;
	uint_t own = 0, wanted = 0, i;
	message_t m;

	begin(&m, SPD_DUMP, side, head);
	VERIFY(ask(o, &m) == 0);
	php = ss->spdsock_dump_head;
	for (;;) {
		rw_enter(&php->iph_lock, RW_READER);
		changed = (php->iph_gen != ss->spdsock_dump_gen);
		rule = changed ? NULL : spdsock_ns_next(ss, php,
		    spd_dump_step);
		if (rule != NULL) {
			VERIFY(*o->o_name == '\0' ||
			    strcmp(ipsec_ns_name(rule->ipsp_ns),
			    o->o_name) == 0);
			own += (strcmp(ipsec_ns_name(rule->ipsp_ns),
			    o->o_name) == 0);
		}
		rw_exit(&php->iph_lock);
		if (rule == NULL)
			break;
	}
	for (i = 0; i < PEERS; i++)
		wanted += 2 * o->o_rules[head][side][i];
	VERIFY(changed ? own <= wanted : own == wanted);
	if (ss->spdsock_itp != NULL)
		ITP_REFRELE(ss->spdsock_itp, ss->spdsock_spds->spds_netstack);
	ss->spdsock_itp = NULL;
	spdsock_ns_dump_end(ss);
	free(ss->spdsock_dump_req);
	ss->spdsock_dump_req = NULL;
}

static void
step(worker_t *w)
{
	owner_t *o = &owners[w->w_number];
	uint_t head, side, peer;

	o->o_worker = w;
	head = random_below(w, HEADS);
	side = random_below(w, 2);
	peer = random_below(w, PEERS);
	switch (random_below(w, 16)) {
	case 0:
		whole_heads(o, SPD_FLUSH, side);
		break;
	case 1:
	case 2:
		whole_heads(o, SPD_FLIP, 0);
		break;
	case 3:
		whole_heads(o, SPD_CLONE, 0);
		break;
	case 4:
		dump(o, head, side);
		break;
	default:
		add_or_delete(o, head, side, peer);
		break;
	}
}

int
main(int argc, char **argv)
{
	netstack_t *stack;
	uint_t i, head, side;
	message_t m;

	spdsock_init(sockets, THREADS);
	stack = sockets[0].spdsock_spds->spds_netstack;
	for (i = 0; i < THREADS; i++) {
		owners[i].o_socket = &sockets[i];
		owners[i].o_name = names[i];
		owners[i].o_number = i;
	}
	/* The tunnels have policy before the threads begin. */
	for (head = 1; head < HEADS; head++) {
		begin(&m, SPD_ADDRULE, 0, head);
		put_rule(&m, 0, 0);
		VERIFY(ask(&owners[0], &m) == 0);
		owners[0].o_rules[head][0][0] = B_TRUE;
	}
	threads_run(argc, argv, step);

	spd_verify(stack, B_TRUE);
	for (i = 0; i < THREADS; i++) {
		for (head = 0; head < HEADS; head++) {
			for (side = 0; side < 2; side++)
				dump(&owners[i], head, side);
		}
	}
	for (i = 0; i < THREADS; i++) {
		begin(&m, SPD_FLUSH, 0, ALL);
		VERIFY(ask(&owners[i], &m) == 0);
		begin(&m, SPD_FLUSH, 1, ALL);
		VERIFY(ask(&owners[i], &m) == 0);
	}
	/* Nobody is left in any of them. */
	spd_verify(stack, B_TRUE);
	VERIFY(avl_is_empty(&stack->netstack_ipsec->
	    ipsec_system_policy.iph_rulebyid));
	spdsock_fini(sockets, THREADS);
	(void) puts("ok");
	return (0);
}
