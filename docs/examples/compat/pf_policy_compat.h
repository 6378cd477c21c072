/* SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef PF_POLICY_COMPAT_H
#define	PF_POLICY_COMPAT_H

/*
 * PF_POLICY for systems that are not illumos, as far as the example needs it.
 * Names, numbers and layout are those that <net/pfpolicy.h> has on illumos;
 * pf_policy(4P) describes all of them.  A lab takes the place of the kernel:
 * the directory that IPSEC_LAB names.
 */

#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define	PF_POLICY_V1	1

/* Sides. */
#define	SPD_ACTIVE	0
#define	SPD_STANDBY	1

/* Messages. */
#define	SPD_FLUSH	1
#define	SPD_ADDRULE	2
#define	SPD_FLIP	4
#define	SPD_LOOKUP	5
#define	SPD_DUMP	6
#define	SPD_CLONE	7

/* Extensions. */
#define	SPD_EXT_LCLPORT		1
#define	SPD_EXT_REMPORT		2
#define	SPD_EXT_PROTO		3
#define	SPD_EXT_LCLADDR		4
#define	SPD_EXT_REMADDR		5
#define	SPD_EXT_ACTION		6
#define	SPD_EXT_RULE		7
#define	SPD_EXT_RULESET		8
#define	SPD_EXT_ICMP_TYPECODE	9
#define	SPD_EXT_TUN_NAME	10

/* Flags of rules. */
#define	SPD_RULE_FLAG_INBOUND	0x1
#define	SPD_RULE_FLAG_OUTBOUND	0x2

/* Attributes of actions, and kinds of actions. */
#define	SPD_ATTR_END		1
#define	SPD_ATTR_EMPTY		2
#define	SPD_ATTR_NEXT		3
#define	SPD_ATTR_TYPE		0x100
#define	SPD_ATTR_AH_AUTH	0x102
#define	SPD_ATTR_ESP_ENCR	0x103
#define	SPD_ATTR_ESP_AUTH	0x104

#define	SPD_ACTTYPE_DROP	1
#define	SPD_ACTTYPE_PASS	2

/* Lengths are in words of 8 bytes. */
typedef struct {
	uint8_t		spd_msg_version;
	uint8_t		spd_msg_type;
	uint8_t		spd_msg_errno;
	uint8_t		spd_msg_spdid;
	uint16_t	spd_msg_len;
	uint16_t	spd_msg_diagnostic;
	uint32_t	spd_msg_seq;
	uint32_t	spd_msg_pid;
} spd_msg_t;

/* What all extensions begin with; none is shorter than 8 bytes. */
typedef struct {
	uint16_t	spd_ext_len;
	uint16_t	spd_ext_type;
	uint32_t	spd_ext_rest;
} spd_ext_t;

struct spd_rule {
	uint16_t	spd_rule_len;
	uint16_t	spd_rule_type;
	uint32_t	spd_rule_priority;
	uint32_t	spd_rule_flags;
	uint32_t	spd_rule_unused;
	uint64_t	spd_rule_index;
};

/* Ports are in network byte order. */
struct spd_portrange {
	uint16_t	spd_ports_len;
	uint16_t	spd_ports_exttype;
	uint16_t	spd_ports_minport;
	uint16_t	spd_ports_maxport;
};

struct spd_proto {
	uint16_t	spd_proto_len;
	uint16_t	spd_proto_exttype;
	uint8_t		spd_proto_number;
	uint8_t		spd_proto_reserved1;
	uint16_t	spd_proto_reserved2;
};

/* The bytes of the address follow. */
typedef struct {
	uint16_t	spd_address_len;
	uint16_t	spd_address_exttype;
	uint8_t		spd_address_af;
	uint8_t		spd_address_prefixlen;
	uint16_t	spd_address_reserved2;
} spd_address_t;

struct spd_typecode {
	uint16_t	spd_typecode_len;
	uint16_t	spd_typecode_exttype;
	uint8_t		spd_typecode_type;
	uint8_t		spd_typecode_type_end;
	uint8_t		spd_typecode_code;
	uint8_t		spd_typecode_code_end;
};

/* Attributes follow. */
struct spd_ext_actions {
	uint16_t	spd_actions_len;
	uint16_t	spd_actions_exttype;
	uint16_t	spd_actions_count;
	uint16_t	spd_actions_reserved;
};

struct spd_attribute {
	uint32_t	spd_attr_tag;
	uint32_t	spd_attr_value;
};

/* The directory of the lab. */
static const char *
lab_directory(void)
{
	const char *lab = getenv("IPSEC_LAB");

	if (lab == NULL || *lab == '\0') {
		(void) fprintf(stderr, "IPSEC_LAB names no lab\n");
		exit(1);
	}
	return (lab);
}

/* Where a file of the system is in the lab; valid until the next call. */
static const char *
lab_file(const char *path)
{
	static char buffer[4096];
	const int length = snprintf(buffer, sizeof (buffer), "%s/root%s",
	    lab_directory(), path);

	if (length < 0 || (size_t)length >= sizeof (buffer)) {
		(void) fprintf(stderr, "the name of the lab is too long\n");
		exit(1);
	}
	return (buffer);
}

/* In the place of socket(PF_POLICY, SOCK_RAW, PF_POLICY_V1). */
static int
lab_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int length = snprintf(address.sun_path,
	    sizeof (address.sun_path), "%s/pf_policy", lab_directory());
	int fd;

	if (length < 0 || (size_t)length >= sizeof (address.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&address, sizeof (address)) == -1) {
		(void) close(fd);
		return (-1);
	}
	return (fd);
}

#endif
