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

#ifndef	_NST_POLICY_H
#define	_NST_POLICY_H

/*
 * Requests of PF_POLICY for tests, and what a dump shows.
 */

#include <sys/types.h>
#include <net/pfpolicy.h>
#include "nst.h"

#ifdef	__cplusplus
extern "C" {
#endif

/* Name of the tunnel of the tests that need no tunnel; there is no such link */
#define	NSP_TUNNEL	"nspol0"

/* Instead of the name of a tunnel: the system and all tunnels. */
#define	NSP_ALL		""

#define	NSP_BOTH	(SPD_RULE_FLAG_INBOUND | SPD_RULE_FLAG_OUTBOUND)

typedef enum {
	NSP_PASS,
	NSP_DROP,
	NSP_AH,
	NSP_ESP,
	NSP_UNKNOWN_ALG		/* is refused */
} nsp_action_t;

/* A rule as a dump shows it. */
typedef struct nsp_rule {
	uint64_t	pr_index;
	uint32_t	pr_flags;
	uint32_t	pr_remote;	/* the address in host order, or 0 */
	char		pr_owner[IPSEC_NAMESPACE_MAX + 1];
} nsp_rule_t;

/* A dump; the list is that of the caller from then on. */
typedef struct nsp_dump {
	nst_status_t	pd_status;
	uint32_t	pd_count;	/* of the trailer */
	uint_t		pd_rules;
	nsp_rule_t	*pd_list;
	uint8_t		*pd_bytes;	/* all messages */
	size_t		pd_nbytes;
} nsp_dump_t;

extern int nsp_open(void);
extern void nsp_start(nst_msg_t *, uint8_t, uint8_t, const char *);
extern void nsp_rule(nst_msg_t *, uint32_t, uint32_t, uint64_t);
extern void nsp_proto(nst_msg_t *, uint8_t);
extern void nsp_address(nst_msg_t *, uint16_t, uint32_t);
extern void nsp_action(nst_msg_t *, nsp_action_t);
extern nst_status_t nsp_answer(int, uint32_t, const nst_msg_t *, nst_msg_t *);
extern nst_status_t nsp_ask(int, nst_msg_t *, nst_msg_t *);

/* Whole requests. */
extern nst_status_t nsp_do(int, uint8_t, uint8_t, const char *, const char *);
extern nst_status_t nsp_add_rule(int, uint8_t, const char *, const char *,
    uint32_t, uint32_t, nsp_action_t, uint64_t *);
extern nst_status_t nsp_delete(int, uint8_t, const char *, const char *,
    uint64_t);
extern nst_status_t nsp_read_dump(int, uint32_t, nsp_dump_t *);
extern nst_status_t nsp_dump(uint8_t, const char *, const char *, int,
    nsp_dump_t *);
extern void nsp_dump_free(nsp_dump_t *);
extern uint_t nsp_count_all(void);
extern void nsp_probe(int);

#ifdef	__cplusplus
}
#endif

#endif	/* _NST_POLICY_H */
