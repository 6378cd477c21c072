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

#ifndef	_TEST_NET_PFPOLICY_H
#define	_TEST_NET_PFPOLICY_H

/*
 * PF_POLICY as far as it is needed; sizes, places and numbers are those of
 * tests/golden/pf_policy_layout.json.
 */

#include <sys/types.h>
#include <net/ipsec_namespace.h>

typedef struct spd_msg {
	uint8_t		spd_msg_version;
	uint8_t		spd_msg_type;
	uint8_t		spd_msg_errno;
	uint8_t		spd_msg_spdid;
	uint16_t	spd_msg_len;
	uint16_t	spd_msg_diagnostic;
	uint32_t	spd_msg_seq;
	uint32_t	spd_msg_pid;
} spd_msg_t;

typedef struct spd_ext {
	uint16_t	spd_ext_len;
	uint16_t	spd_ext_type;
} spd_ext_t;

typedef struct spd_if {
	uint16_t	spd_if_len;
	uint16_t	spd_if_exttype;
	uint8_t		spd_if_name[4];		/* or more */
} spd_if_t;

#define	SPD_64TO8(words)	((words) * 8)

enum {
	SPD_FLUSH = 1, SPD_ADDRULE, SPD_DELETERULE, SPD_FLIP, SPD_LOOKUP,
	SPD_DUMP, SPD_CLONE, SPD_ALGLIST, SPD_DUMPALGS, SPD_UPDATEALGS
};

enum {
	SPD_EXT_LCLPORT = 1, SPD_EXT_REMPORT, SPD_EXT_PROTO, SPD_EXT_LCLADDR,
	SPD_EXT_REMADDR, SPD_EXT_ACTION, SPD_EXT_RULE, SPD_EXT_RULESET,
	SPD_EXT_ICMP_TYPECODE, SPD_EXT_TUN_NAME
};
#define	SPD_EXT_MAX	SPD_EXT_TUN_NAME

#define	SPD_ACTIVE	0
#define	SPD_STANDBY	1

#define	SPD_RULE_FLAG_INBOUND	1
#define	SPD_RULE_FLAG_OUTBOUND	2
#define	SPD_RULE_FLAG_TUNNEL	4

#define	SPD_DIAGNOSTIC_UNKNOWN_EXT		1
#define	SPD_DIAGNOSTIC_BAD_EXTLEN		2
#define	SPD_DIAGNOSTIC_NO_RULE_EXT		3
#define	SPD_DIAGNOSTIC_INVALID_RULE_INDEX	27
#define	SPD_DIAGNOSTIC_BAD_SPDID		28
#define	SPD_DIAGNOSTIC_BAD_MSG_TYPE		29
#define	SPD_DIAGNOSTIC_NO_ACTION_EXT		36
#define	SPD_DIAGNOSTIC_NOT_GLOBAL_OP		44
#define	SPD_DIAGNOSTIC_NO_TUNNEL_SELECTORS	45

#endif	/* _TEST_NET_PFPOLICY_H */
