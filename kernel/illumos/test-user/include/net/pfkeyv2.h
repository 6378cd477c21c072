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

#ifndef	_TEST_NET_PFKEYV2_H
#define	_TEST_NET_PFKEYV2_H

/*
 * PF_KEY as far as it is needed; sizes, places and numbers are those of
 * tests/golden/pf_key_layout.json.
 */

#include <sys/types.h>
#include <net/ipsec_namespace.h>

typedef struct sadb_msg {
	uint8_t		sadb_msg_version;
	uint8_t		sadb_msg_type;
	uint8_t		sadb_msg_errno;
	uint8_t		sadb_msg_satype;
	uint16_t	sadb_msg_len;
	uint16_t	sadb_x_msg_diagnostic;
	uint32_t	sadb_msg_seq;
	uint32_t	sadb_msg_pid;
} sadb_msg_t;

typedef struct sadb_ext {
	uint16_t	sadb_ext_len;
	uint16_t	sadb_ext_type;
} sadb_ext_t;

#define	SADB_64TO8(words)	((words) * 8)

enum {
	SADB_GETSPI = 1, SADB_UPDATE, SADB_ADD, SADB_DELETE, SADB_GET,
	SADB_ACQUIRE, SADB_REGISTER, SADB_EXPIRE, SADB_FLUSH, SADB_DUMP,
	SADB_X_PROMISC, SADB_X_INVERSE_ACQUIRE, SADB_X_UPDATEPAIR,
	SADB_X_DELPAIR, SADB_X_DELPAIR_STATE
};

#define	SADB_EXT_SA		1
#define	SADB_EXT_ADDRESS_SRC	5
#define	SADB_EXT_ADDRESS_DST	6
#define	SADB_EXT_SPIRANGE	16
#define	SADB_X_EXT_PAIR		23
#define	SADB_EXT_MAX		28

#define	SADB_SATYPE_UNSPEC	0
#define	SADB_SATYPE_AH		2
#define	SADB_SATYPE_ESP		3

#define	SADB_X_DIAGNOSTIC_NONE			0
#define	SADB_X_DIAGNOSTIC_UNKNOWN_EXT		2
#define	SADB_X_DIAGNOSTIC_BAD_EXTLEN		3
#define	SADB_X_DIAGNOSTIC_NO_EXT		7
#define	SADB_X_DIAGNOSTIC_PAIR_INAPPROPRIATE	73
#define	SADB_X_DIAGNOSTIC_PAIR_SA_NOTFOUND	76
#define	SADB_X_DIAGNOSTIC_SA_NOTFOUND		78

#endif	/* _TEST_NET_PFKEYV2_H */
