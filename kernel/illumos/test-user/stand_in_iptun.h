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

#ifndef	_TEST_STAND_IN_IPTUN_H
#define	_TEST_STAND_IN_IPTUN_H

/*
 * What stands in for inet/iptun/iptun.c and the MAC layer with their edits.
 */

#include <pthread.h>
#include "iptun_impl.h"

#define	TUNNELS	4

/*
 * The number of its link is its place in the table, from 1.
 *
 * t_use	held as reader by a packet that is here, as writer when the
 *		tunnel comes and goes
 *
 * It is no lock of the kernel, but stands for its waiting for packets.
 */
typedef struct tunnel {
	pthread_rwlock_t t_use;
	iptun_t		*t_iptun;	/* NULL if there is none */
	char		t_name[MAXLINKNAMELEN];
	link_state_t	t_link;		/* as the MAC layer was told */
} tunnel_t;

extern tunnel_t tunnels[TUNNELS];
extern netstack_t *tunnel_stack;
extern cred_t tunnel_cred;

/* Names of links cannot be resolved. */
extern boolean_t tunnel_no_names;

/*
 * A node that could not be attached, and that somebody has found in the tree
 * before it left; with a reference.
 */
extern ipsec_tun_pol_t *tunnel_found_before;

extern void tunnel_init(void);
extern void tunnel_fini(void);

/*
 * The task queue: runs what is there, or has a thread that does so until it is
 * ended.
 */
extern void tunnel_run_tasks(void);
extern void tunnel_start_queue(void);
extern void tunnel_end_queue(void);

extern void tunnel_set_name(tunnel_t *, const char *);
extern void tunnel_get_name(const tunnel_t *, char *);

/* Creates a tunnel, or has the creation fail late; deletes one. */
extern int tunnel_make(tunnel_t *, const char *, iptun_kparams_t *, boolean_t);
extern void tunnel_remove(tunnel_t *);

/* The MAC layer starts and stops one. */
extern void tunnel_start(tunnel_t *, boolean_t);

/* Enters the tunnel with a link, if there is one; its lock is held then. */
extern iptun_t *tunnel_enter(datalink_id_t);

/* The tunnel that has the name of a node hears of it. */
extern void tunnel_tell(ipsec_tun_pol_t *);

/* What the active side has: no rule, or one that protects or lets pass. */
typedef enum {
	TUNNEL_NO_RULE, TUNNEL_PROTECTS, TUNNEL_PASSES
} tunnel_rules_t;

extern void tunnel_set_rules(ipsec_tun_pol_t *, tunnel_rules_t);

/* Policy that comes with the parameters of a tunnel. */
extern int tunnel_set_simple(tunnel_t *, iptun_t *);

extern boolean_t tunnel_in_force(const iptun_t *);

/* Names have just been compared. */
extern void tunnel_verify_names(const tunnel_t *);

/* Insists on everything that must hold between two commands. */
extern void tunnel_verify(void);

#endif	/* _TEST_STAND_IN_IPTUN_H */
