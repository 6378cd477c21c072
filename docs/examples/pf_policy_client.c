/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pf_policy_client - lists the IPsec policy of the kernel, and adds a rule to
 * it in one step.  An example of how PF_POLICY is used; see pf_policy(4P).
 *
 *	pf_policy_client list
 *	pf_policy_client pass port
 *	pf_policy_client -N namespace pass port
 *
 * On illumos it needs the privilege sys_ip_config:
 *
 *	cc -std=c99 -o pf_policy_client pf_policy_client.c -lsocket -lnsl
 *
 * Elsewhere it talks to the lab that IPSEC_LAB names.
 */

#define	_POSIX_C_SOURCE	200809L
#define	__EXTENSIONS__

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __sun
#include <net/pfpolicy.h>
#else
#include "compat/pf_policy_compat.h"
#endif

#ifndef IPSEC_NAMESPACE_MAX
/* The headers are older than namespaces. */
#define	SPD_EXT_NAMESPACE		256
#define	IPSEC_NAMESPACE_MAX		255
#define	IPSEC_NAMESPACE_ANY		1
#define	IPSEC_NAMESPACE_DIAG_CONFLICT	256

typedef struct ipsec_namespace_ext {
	uint16_t	ine_len;
	uint16_t	ine_type;
	uint16_t	ine_namelen;
	uint16_t	ine_flags;
} ipsec_namespace_ext_t;
#endif

/* The lock that ipsecconf holds while it changes rules without a namespace. */
#define	LOCK_FILE	"/var/run/ipsecconf.lock"

/* No message is longer: its length is 16 bits, in words of 8 bytes. */
#define	MESSAGE_MAX	((size_t)UINT16_MAX * 8)

/* On the wire, wherever this is compiled. */
#define	WIRE_AF_INET6	26
#define	WIRE_EAGAIN	11

/* Priorities from here on are those of rules that sockets have set. */
#define	PRIORITY_END	0x1000000

/* A dump that met a change is begun again, so often at most. */
#define	DUMP_TRIES	64

struct request {
	size_t		bytes;
	unsigned char	data[1024];
};

/* The rule records of a dump, one behind the other. */
struct rules {
	size_t		bytes;
	size_t		room;
	unsigned char	*data;
};

static unsigned char	reply[MESSAGE_MAX];
static uint32_t		sequence;

static void
die(const char *what)
{
	(void) fprintf(stderr, "pf_policy_client: %s: %s\n", what,
	    strerror(errno));
	exit(1);
}

static void
broken(const char *what)
{
	(void) fprintf(stderr, "pf_policy_client: %s\n", what);
	exit(1);
}

static int
open_policy(void)
{
#ifdef __sun
	const int fd = socket(PF_POLICY, SOCK_RAW, PF_POLICY_V1);
#else
	const int fd = lab_socket();
#endif

	if (fd == -1)
		die("PF_POLICY");
	return (fd);
}

/* Begins a request. */
static void
begin(struct request *req, uint8_t type, uint8_t side)
{
	spd_msg_t head;

	(void) memset(&head, 0, sizeof (head));
	head.spd_msg_version = PF_POLICY_V1;
	head.spd_msg_type = type;
	head.spd_msg_spdid = side;
	head.spd_msg_seq = ++sequence;
	head.spd_msg_pid = (uint32_t)getpid();
	(void) memset(req, 0, sizeof (*req));
	(void) memcpy(req->data, &head, sizeof (head));
	req->bytes = sizeof (head);
}

/*
 * Appends an extension, of which the first four bytes are filled in here.
 * It ends on a multiple of 8 bytes; what is missing is zero.
 */
static void
put(struct request *req, uint16_t type, const void *ext, size_t bytes)
{
	const uint16_t words = (uint16_t)((bytes + 7) / 8);
	unsigned char *to = req->data + req->bytes;

	if (req->bytes + words * 8 > sizeof (req->data))
		broken("the request is too long");
	(void) memcpy(to, ext, bytes);
	(void) memcpy(to, &words, sizeof (words));
	(void) memcpy(to + 2, &type, sizeof (type));
	req->bytes += words * 8;
}

/* Names a tunnel; "" is the host and all tunnels. */
static void
put_tunnel(struct request *req, const char *name)
{
	const size_t length = strlen(name);
	unsigned char ext[4 + 32] = { 0 };

	if (length > 31)
		broken("the name of the tunnel is too long");
	(void) memcpy(ext + 4, name, length);
	put(req, SPD_EXT_TUN_NAME, ext, 4 + length + 1);
}

/* Says whose rules the request is about.  "" with ANY: everybody's. */
static void
put_owner(struct request *req, const char *name, uint16_t flags)
{
	const size_t length = strlen(name);
	struct {
		ipsec_namespace_ext_t	head;
		char			name[IPSEC_NAMESPACE_MAX + 1];
	} ext;

	if (length > IPSEC_NAMESPACE_MAX)
		broken("the name of the namespace is too long");
	(void) memset(&ext, 0, sizeof (ext));
	ext.head.ine_namelen = (uint16_t)length;
	ext.head.ine_flags = flags;
	(void) memcpy(ext.name, name, length);
	put(req, SPD_EXT_NAMESPACE, &ext, sizeof (ext.head) + length + 1);
}

/* Writes the length into the header, and sends the request. */
static void
send_request(int fd, struct request *req)
{
	const uint16_t words = (uint16_t)(req->bytes / 8);
	ssize_t sent;

	(void) memcpy(req->data + 4, &words, sizeof (words));
	do {
		sent = write(fd, req->data, req->bytes);
	} while (sent == -1 && errno == EINTR);
	if (sent == -1)
		die("write");
	if ((size_t)sent != req->bytes)
		broken("a part of the request was written");
}

/* Reads one message into reply[], and gives back its header. */
static spd_msg_t
receive(int fd)
{
	spd_msg_t head;
	ssize_t got;

	do {
		got = read(fd, reply, sizeof (reply));
	} while (got == -1 && errno == EINTR);
	if (got == -1)
		die("read");
	if ((size_t)got < sizeof (head))
		broken("an answer without a header");
	(void) memcpy(&head, reply, sizeof (head));
	if ((size_t)got != (size_t)head.spd_msg_len * 8)
		broken("an answer of another length than it says");
	if (head.spd_msg_seq != sequence)
		broken("the answer to another request");
	return (head);
}

static spd_msg_t
ask(int fd, struct request *req)
{
	send_request(fd, req);
	return (receive(fd));
}

/*
 * Says what the kernel has refused.  The numbers are those of illumos, so in
 * a lab strerror() would not know them.
 */
static void
refused(const char *what, const spd_msg_t *head)
{
	static const struct {
		unsigned	number;
		const char	*name;
	} names[] = {
		{ 2, "ENOENT" }, { 3, "ESRCH" }, { 11, "EAGAIN" },
		{ 12, "ENOMEM" }, { 16, "EBUSY" }, { 17, "EEXIST" },
		{ 22, "EINVAL" }, { 97, "EMSGSIZE" },
		{ 120, "EPROTONOSUPPORT" }
	};
	const char *name = "?";
	size_t i;

	for (i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
		if (names[i].number == head->spd_msg_errno)
			name = names[i].name;
	}
	(void) fprintf(stderr,
	    "pf_policy_client: %s: errno %u (%s), diagnostic %u%s\n", what,
	    head->spd_msg_errno, name, head->spd_msg_diagnostic,
	    head->spd_msg_diagnostic == IPSEC_NAMESPACE_DIAG_CONFLICT ?
	    ": another owner has a rule for this traffic" : "");
}

/*
 * Does the kernel know namespaces?  LOOKUP changes nothing and is always
 * refused: without a diagnostic if the extension is known.
 */
static bool
knows_namespaces(int fd)
{
	struct request req;
	spd_msg_t head;

	begin(&req, SPD_LOOKUP, SPD_ACTIVE);
	put_owner(&req, "probe", 0);
	head = ask(fd, &req);
	return (head.spd_msg_diagnostic == 0);
}

static void
keep(struct rules *rules, size_t bytes)
{
	if (rules->bytes + bytes > rules->room) {
		rules->room = 2 * rules->room + bytes;
		rules->data = realloc(rules->data, rules->room);
		if (rules->data == NULL)
			die("memory");
	}
	(void) memcpy(rules->data + rules->bytes, reply, bytes);
	rules->bytes += bytes;
}

/*
 * Reads the rules of one side, of the host and of all tunnels.  Each dump has
 * a socket of its own.  If rules change meanwhile, it ends with EAGAIN, and
 * what has been read is worth nothing.
 */
static void
dump(struct rules *rules, uint8_t side)
{
	struct request req;
	spd_msg_t head;
	spd_ext_t first;
	int tries;

	for (tries = 0; tries < DUMP_TRIES; tries++) {
		const int fd = open_policy();
		const bool owners = knows_namespaces(fd);

		rules->bytes = 0;
		begin(&req, SPD_DUMP, side);
		put_tunnel(&req, "");
		if (owners)
			put_owner(&req, "", IPSEC_NAMESPACE_ANY);
		head = ask(fd, &req);
		if (head.spd_msg_errno != 0) {
			refused("DUMP", &head);
			exit(1);
		}
		/* Only the header record and the trailer have a RULESET. */
		for (;;) {
			head = receive(fd);
			if (head.spd_msg_len < 4)
				broken("a record without an extension");
			(void) memcpy(&first, reply + sizeof (head),
			    sizeof (first));
			if (first.spd_ext_type == SPD_EXT_RULESET)
				break;
			keep(rules, (size_t)head.spd_msg_len * 8);
		}
		(void) close(fd);
		if (head.spd_msg_errno == 0)
			return;
		if (head.spd_msg_errno != WIRE_EAGAIN) {
			refused("DUMP", &head);
			exit(1);
		}
	}
	broken("the policy does not stop changing");
}

/*
 * Steps through the extensions of a message.  *at is where the next one
 * begins; the result is NULL behind the last one.
 */
static const unsigned char *
next_ext(const unsigned char *msg, size_t bytes, size_t *at, spd_ext_t *ext)
{
	const unsigned char *here = msg + *at;
	size_t length;

	if (*at + sizeof (*ext) > bytes)
		return (NULL);
	(void) memcpy(ext, here, sizeof (*ext));
	length = (size_t)ext->spd_ext_len * 8;
	if (length == 0 || *at + length > bytes)
		broken("an extension that exceeds its message");
	*at += length;
	return (here);
}

/* Copies the beginning of an extension. */
static void
take(void *to, size_t bytes, const unsigned char *here, const spd_ext_t *ext)
{
	if ((size_t)ext->spd_ext_len * 8 < bytes)
		broken("an extension that is too short");
	(void) memcpy(to, here, bytes);
}

static void
print_address(const char *what, const unsigned char *here,
    const spd_ext_t *ext)
{
	unsigned char whole[8 + 16] = { 0 };
	char text[INET6_ADDRSTRLEN];
	spd_address_t address;
	bool v6;

	take(&address, sizeof (address), here, ext);
	v6 = address.spd_address_af == WIRE_AF_INET6;
	take(whole, v6 ? 8 + 16 : 8 + 4, here, ext);
	if (inet_ntop(v6 ? AF_INET6 : AF_INET, whole + 8, text,
	    sizeof (text)) == NULL)
		die("inet_ntop");
	(void) printf(" %s %s/%u", what, text, address.spd_address_prefixlen);
}

static void
print_port(const char *what, const unsigned char *here, const spd_ext_t *ext)
{
	struct spd_portrange ports;

	take(&ports, sizeof (ports), here, ext);
	(void) printf(" %s %u", what, ntohs(ports.spd_ports_minport));
}

static void
print_action(const unsigned char *here, const spd_ext_t *ext)
{
	const size_t bytes = (size_t)ext->spd_ext_len * 8;
	struct spd_attribute attr;
	size_t at;

	for (at = 8; at + sizeof (attr) <= bytes; at += sizeof (attr)) {
		(void) memcpy(&attr, here + at, sizeof (attr));
		switch (attr.spd_attr_tag) {
		case SPD_ATTR_TYPE:
			(void) printf(" %s",
			    attr.spd_attr_value == SPD_ACTTYPE_PASS ? "pass" :
			    attr.spd_attr_value == SPD_ACTTYPE_DROP ? "drop" :
			    "ipsec");
			break;
		case SPD_ATTR_AH_AUTH:
			(void) printf(" ah %u", attr.spd_attr_value);
			break;
		case SPD_ATTR_ESP_ENCR:
			(void) printf(" esp %u", attr.spd_attr_value);
			break;
		case SPD_ATTR_ESP_AUTH:
			(void) printf(" auth %u", attr.spd_attr_value);
			break;
		case SPD_ATTR_NEXT:
			(void) printf(" or");
			break;
		case SPD_ATTR_END:
			return;
		default:
			break;
		}
	}
}

/* Prints a rule record as a line. */
static void
print_rule(const unsigned char *msg, size_t bytes)
{
	const unsigned char *here, *tunnel = NULL, *owner = NULL;
	struct spd_rule rule;
	struct spd_proto proto;
	struct spd_typecode icmp;
	ipsec_namespace_ext_t ns;
	spd_ext_t ext;
	size_t at = sizeof (spd_msg_t);
	size_t tunnel_bytes = 0;

	(void) memset(&rule, 0, sizeof (rule));
	(void) memset(&ns, 0, sizeof (ns));
	while ((here = next_ext(msg, bytes, &at, &ext)) != NULL) {
		switch (ext.spd_ext_type) {
		case SPD_EXT_RULE:
			take(&rule, sizeof (rule), here, &ext);
			break;
		case SPD_EXT_TUN_NAME:
			/* It need not have a NUL. */
			tunnel = here + 4;
			tunnel_bytes = (size_t)ext.spd_ext_len * 8 - 4;
			break;
		case SPD_EXT_NAMESPACE:
			take(&ns, sizeof (ns), here, &ext);
			owner = here + sizeof (ns);
			break;
		default:
			break;
		}
	}
	if (tunnel == NULL)
		(void) printf("host");
	else
		(void) printf("%.*s", (int)tunnel_bytes, (char *)tunnel);
	(void) printf(" %llu %s %u", (unsigned long long)rule.spd_rule_index,
	    rule.spd_rule_flags & SPD_RULE_FLAG_INBOUND ? "in" : "out",
	    rule.spd_rule_priority);
	at = sizeof (spd_msg_t);
	while ((here = next_ext(msg, bytes, &at, &ext)) != NULL) {
		switch (ext.spd_ext_type) {
		case SPD_EXT_PROTO:
			take(&proto, sizeof (proto), here, &ext);
			(void) printf(" ulp %u", proto.spd_proto_number);
			break;
		case SPD_EXT_LCLPORT:
			print_port("lport", here, &ext);
			break;
		case SPD_EXT_REMPORT:
			print_port("rport", here, &ext);
			break;
		case SPD_EXT_LCLADDR:
			print_address("laddr", here, &ext);
			break;
		case SPD_EXT_REMADDR:
			print_address("raddr", here, &ext);
			break;
		case SPD_EXT_ICMP_TYPECODE:
			take(&icmp, sizeof (icmp), here, &ext);
			(void) printf(" type %u-%u", icmp.spd_typecode_type,
			    icmp.spd_typecode_type_end);
			break;
		case SPD_EXT_ACTION:
			print_action(here, &ext);
			break;
		default:
			break;
		}
	}
	if (owner != NULL)
		(void) printf(" of %.*s", (int)ns.ine_namelen, (char *)owner);
	(void) printf("\n");
}

static size_t
record_bytes(const struct rules *rules, size_t at)
{
	spd_msg_t head;

	(void) memcpy(&head, rules->data + at, sizeof (head));
	return ((size_t)head.spd_msg_len * 8);
}

static int
list(void)
{
	struct rules rules = { 0, 0, NULL };
	size_t at;

	dump(&rules, SPD_ACTIVE);
	for (at = 0; at < rules.bytes; at += record_bytes(&rules, at))
		print_rule(rules.data + at, record_bytes(&rules, at));
	free(rules.data);
	return (0);
}

/* One more than any rule has, so that no two rules have the same. */
static uint32_t
free_priority(void)
{
	struct rules rules = { 0, 0, NULL };
	uint32_t highest = 0;
	size_t at;

	dump(&rules, SPD_ACTIVE);
	for (at = 0; at < rules.bytes; at += record_bytes(&rules, at)) {
		size_t first = at + sizeof (spd_msg_t);
		const unsigned char *here;
		struct spd_rule rule;
		spd_ext_t ext;

		/* RULE is the first extension of a record. */
		here = next_ext(rules.data, rules.bytes, &first, &ext);
		take(&rule, sizeof (rule), here, &ext);
		if (rule.spd_rule_priority > highest)
			highest = rule.spd_rule_priority;
	}
	free(rules.data);
	if (highest + 1 >= PRIORITY_END)
		broken("no priority is left");
	return (highest + 1);
}

/* FLUSH, CLONE or FLIP of the host and all tunnels. */
static bool
everywhere(int fd, const char *what, uint8_t type, uint8_t side,
    const char *owner)
{
	struct request req;
	spd_msg_t head;

	begin(&req, type, side);
	put_tunnel(&req, "");
	if (owner != NULL)
		put_owner(&req, owner, 0);
	head = ask(fd, &req);
	if (head.spd_msg_errno != 0)
		refused(what, &head);
	return (head.spd_msg_errno == 0);
}

/* Adds a rule to the standby side: a local port is let through in clear. */
static bool
add_pass(int fd, uint16_t port, const char *owner)
{
	struct request req;
	spd_msg_t head;
	struct spd_rule rule;
	struct spd_portrange ports;
	struct {
		struct spd_ext_actions	head;
		struct spd_attribute	attrs[3];
	} action;

	(void) memset(&rule, 0, sizeof (rule));
	rule.spd_rule_priority = free_priority();
	rule.spd_rule_flags = SPD_RULE_FLAG_INBOUND | SPD_RULE_FLAG_OUTBOUND;
	(void) memset(&ports, 0, sizeof (ports));
	ports.spd_ports_minport = ports.spd_ports_maxport = htons(port);
	(void) memset(&action, 0, sizeof (action));
	action.head.spd_actions_count = 1;
	action.attrs[0].spd_attr_tag = SPD_ATTR_EMPTY;
	action.attrs[1].spd_attr_tag = SPD_ATTR_TYPE;
	action.attrs[1].spd_attr_value = SPD_ACTTYPE_PASS;
	action.attrs[2].spd_attr_tag = SPD_ATTR_END;

	begin(&req, SPD_ADDRULE, SPD_STANDBY);
	put(&req, SPD_EXT_RULE, &rule, sizeof (rule));
	put(&req, SPD_EXT_LCLPORT, &ports, sizeof (ports));
	put(&req, SPD_EXT_ACTION, &action, sizeof (action));
	if (owner != NULL)
		put_owner(&req, owner, 0);
	head = ask(fd, &req);
	if (head.spd_msg_errno != 0)
		refused("ADDRULE", &head);
	return (head.spd_msg_errno == 0);
}

/* The standby side is shared by all who have no namespace of their own. */
static void
lock(void)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
#ifdef __sun
	const char *path = LOCK_FILE;
#else
	const char *path = lab_file(LOCK_FILE);
#endif
	const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);

	if (fd == -1)
		die(path);
	while (fcntl(fd, F_SETLKW, &whole) == -1) {
		if (errno != EINTR)
			die(path);
	}
}

/*
 * Adds the rule beside those in force, and then exchanges the two sides.
 * Whatever fails, the policy in force is the old one.
 */
static int
pass(const char *owner, uint16_t port)
{
	const int fd = open_policy();
	bool done = false;

	if (owner == NULL)
		lock();
	else if (!knows_namespaces(fd))
		broken("this kernel has no namespaces");
	if (everywhere(fd, "CLONE", SPD_CLONE, SPD_ACTIVE, owner)) {
		done = add_pass(fd, port, owner) &&
		    everywhere(fd, "FLIP", SPD_FLIP, SPD_ACTIVE, owner);
		(void) everywhere(fd, "FLUSH", SPD_FLUSH, SPD_STANDBY, owner);
	}
	(void) close(fd);
	return (done ? 0 : 1);
}

static int
usage(void)
{
	(void) fprintf(stderr, "usage: pf_policy_client list\n"
	    "       pf_policy_client [-N namespace] pass port\n");
	return (2);
}

int
main(int argc, char *argv[])
{
	const char *owner = NULL;
	unsigned long port;
	char *end;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return (list());
	if (argc == 5 && strcmp(argv[1], "-N") == 0) {
		owner = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc != 3 || strcmp(argv[1], "pass") != 0)
		return (usage());
	port = strtoul(argv[2], &end, 10);
	if (*end != '\0' || port == 0 || port > UINT16_MAX)
		return (usage());
	return (pass(owner, (uint16_t)port));
}
