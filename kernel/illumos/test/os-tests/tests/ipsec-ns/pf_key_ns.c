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
 * Associations of several owners, over real PF_KEY sockets: each kind of
 * request with two owners and with nobody, for AH and ESP, and for keys of
 * TCP signatures where the kernel has them.
 *
 * There are three sockets: one that asks; one that uses namespaces, too; and
 * one that never does, and so must never see any.
 *
 * No traffic uses the associations.  They are between this host and one of
 * the addresses that are for documentation, and it is said for each of them
 * whether it is for what arrives or for what leaves.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/pfkeyv2.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst.h"

#define	OWNERS	3
#define	KINDS	2

/* How long answers may take, and how long nothing may come. */
#define	WAIT	30000
#define	QUIET	200

/* 127.0.0.1 and 192.0.2.7, in host order. */
#define	HERE	0x7f000001u
#define	THERE	0xc0000207u

/* What is added to the small numbers of the tests. */
#define	SPI(n)	htonl(0x4e535000u + (n))
#define	PORT(n)	htons((uint16_t)(20000 + (n)))

static const char *const owners[OWNERS] = { NULL, "svc:/network/vpn:a", "b" };
static const char letters[OWNERS] = { '-', 'a', 'b' };

static const uint8_t kinds[KINDS] = { SADB_SATYPE_AH, SADB_SATYPE_ESP };

/* An answer to what is not there, and to what is not one's own. */
#define	GONE(status, ...)						\
	EXPECT(status, ESRCH, SADB_X_DIAGNOSTIC_SA_NOTFOUND, __VA_ARGS__)

static int	asking = -1, knowing = -1, plain = -1;

static const char *
kind_name(uint8_t kind)
{
	switch (kind) {
	case SADB_SATYPE_UNSPEC:
		return ("all");
	case SADB_SATYPE_AH:
		return ("AH");
	case SADB_SATYPE_ESP:
		return ("ESP");
	default:
		return ("TCP");
	}
}

static int
key_open(void)
{
	int fd = socket(PF_KEY, SOCK_RAW, PF_KEY_V2);
	int size = 256 * 1024;

	if (fd == -1)
		nst_die("socket(PF_KEY): %s", strerror(errno));
	/* What does not fit is lost. */
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof (size));
	return (fd);
}

static void
drain(int fd)
{
	static nst_msg_t msg;

	while (nst_receive(fd, &msg, 0))
		continue;
}

/*
 * Parts of requests
 */

static void
key_start(nst_msg_t *msg, uint8_t type, uint8_t kind)
{
	nst_start(msg, PF_KEY_V2, type, kind);
}

/*
 * An association: whole, with its algorithms, or just to be found.
 */
static void
key_sa(nst_msg_t *msg, uint32_t n, uint32_t flags, boolean_t whole)
{
	sadb_sa_t *sa = nst_add(msg, SADB_EXT_SA, sizeof (*sa));

	sa->sadb_sa_spi = SPI(n);
	sa->sadb_sa_state = SADB_SASTATE_MATURE;
	sa->sadb_sa_flags = flags;
	if (!whole)
		return;
	sa->sadb_sa_auth = SADB_AALG_SHA256HMAC;
	if (NST_HDR(msg)->nh_which == SADB_SATYPE_ESP)
		sa->sadb_sa_encrypt = SADB_EALG_AES;
}

static void
key_address(nst_msg_t *msg, uint16_t type, uint32_t address, in_port_t port)
{
	sadb_address_t *ext;
	struct sockaddr_in sin;

	ext = nst_add(msg, type, sizeof (*ext) + sizeof (sin));
	(void) memset(&sin, 0, sizeof (sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(address);
	sin.sin_port = port;
	(void) memcpy(ext + 1, &sin, sizeof (sin));
}

static void
key_ends(nst_msg_t *msg, boolean_t leaving)
{
	key_address(msg, SADB_EXT_ADDRESS_SRC, leaving ? HERE : THERE, 0);
	key_address(msg, SADB_EXT_ADDRESS_DST, leaving ? THERE : HERE, 0);
}

static void
key_bits(nst_msg_t *msg, uint16_t type, uint_t bits)
{
	sadb_key_t *key = nst_add(msg, type, sizeof (*key) + bits / 8);

	key->sadb_key_bits = (uint16_t)bits;
	(void) memset(key + 1, 0x5a, bits / 8);
}

static void
key_keys(nst_msg_t *msg)
{
	key_bits(msg, SADB_EXT_KEY_AUTH, 256);
	if (NST_HDR(msg)->nh_which == SADB_SATYPE_ESP)
		key_bits(msg, SADB_EXT_KEY_ENCRYPT, 128);
}

static void
key_pair(nst_msg_t *msg, uint32_t n)
{
	sadb_x_pair_t *pair = nst_add(msg, SADB_X_EXT_PAIR, sizeof (*pair));

	pair->sadb_x_pair_spi = SPI(n);
}

static void
key_limit(nst_msg_t *msg, uint64_t seconds)
{
	sadb_lifetime_t *life;

	life = nst_add(msg, SADB_EXT_LIFETIME_HARD, sizeof (*life));
	life->sadb_lifetime_addtime = seconds;
}

/*
 * Requests
 */

/*
 * An association for what arrives, or for what leaves; pair is the number of
 * its other half, or 0.
 */
static void
make_add(nst_msg_t *msg, uint8_t kind, uint32_t n, boolean_t leaving,
    uint32_t pair)
{
	key_start(msg, SADB_ADD, kind);
	key_sa(msg, n, leaving ? SADB_X_SAFLAGS_OUTBOUND :
	    SADB_X_SAFLAGS_INBOUND, B_TRUE);
	key_ends(msg, leaving);
	key_keys(msg);
	if (pair != 0)
		key_pair(msg, pair);
}

/*
 * A request about one association for what arrives.
 */
static void
make_about(nst_msg_t *msg, uint8_t type, uint8_t kind, uint32_t n)
{
	key_start(msg, type, kind);
	key_sa(msg, n, 0, B_FALSE);
	key_ends(msg, B_FALSE);
}

static void
make_getspi(nst_msg_t *msg, uint8_t kind, uint32_t n)
{
	sadb_spirange_t *range;

	key_start(msg, SADB_GETSPI, kind);
	key_ends(msg, B_FALSE);
	range = nst_add(msg, SADB_EXT_SPIRANGE, sizeof (*range));
	range->sadb_spirange_min = SPI(n);
	range->sadb_spirange_max = SPI(n);
}

/*
 * The next message on a socket that answers a request of this process.
 * Everything else that there is on the system, this steps over.
 */
static boolean_t
key_answer(int fd, uint32_t seq, nst_msg_t *answer, int wait)
{
	const nst_hdr_t *hdr = NST_HDR(answer);

	while (nst_receive(fd, answer, wait)) {
		if (hdr->nh_pid == (uint32_t)getpid() && hdr->nh_seq == seq)
			return (B_TRUE);
	}
	return (B_FALSE);
}

static nst_status_t
key_ask(nst_msg_t *msg, nst_msg_t *answer)
{
	static nst_msg_t forgotten;
	nst_status_t status;
	uint32_t seq;

	if (answer == NULL)
		answer = &forgotten;
	seq = nst_send(asking, msg);
	if (!key_answer(asking, seq, answer, WAIT))
		nst_die("no answer to a request of type %u",
		    NST_HDR(msg)->nh_type);
	status.ns_errno = NST_HDR(answer)->nh_errno;
	status.ns_diag = NST_HDR(answer)->nh_diag;
	(void) CHECK(status.ns_errno == 0 ||
	    answer->nm_bytes == sizeof (nst_hdr_t),
	    "a refusal with %lu bytes", (ulong_t)answer->nm_bytes);
	return (status);
}

static nst_status_t
ask_as(int owner, nst_msg_t *msg)
{
	nst_owner(msg, owners[owner]);
	return (key_ask(msg, NULL));
}

static nst_status_t
add_as(int owner, uint8_t kind, uint32_t n, boolean_t leaving, uint32_t pair)
{
	static nst_msg_t msg;

	make_add(&msg, kind, n, leaving, pair);
	return (ask_as(owner, &msg));
}

static nst_status_t
about_as(int owner, uint8_t type, uint8_t kind, uint32_t n, uint64_t limit)
{
	static nst_msg_t msg;

	make_about(&msg, type, kind, n);
	if (limit != 0)
		key_limit(&msg, limit);
	return (ask_as(owner, &msg));
}

static nst_status_t
getspi_as(int owner, uint8_t kind, uint32_t n)
{
	static nst_msg_t msg;

	make_getspi(&msg, kind, n);
	return (ask_as(owner, &msg));
}

static nst_status_t
flush_as(int owner, uint8_t kind)
{
	static nst_msg_t msg;

	key_start(&msg, SADB_FLUSH, kind);
	return (ask_as(owner, &msg));
}

/*
 * What dumps show
 */

typedef struct record {
	uint32_t	r_number;	/* of the SPI, or of the port */
	uint8_t		r_kind;
	uint8_t		r_state;
	boolean_t	r_limited;
	char		r_owner[IPSEC_NAMESPACE_MAX + 1];
} record_t;

typedef struct records {
	nst_status_t	rs_status;
	uint_t		rs_count;
	record_t	rs_list[512];
} records_t;

static int
by_number(const void *one, const void *two)
{
	const record_t *a = one, *b = two;

	return (a->r_number < b->r_number ? -1 : a->r_number > b->r_number);
}

static void
keep_record(records_t *records, const nst_msg_t *msg)
{
	const sadb_sa_t *sa = nst_find(msg, SADB_EXT_SA, NULL);
	const sadb_address_t *dst = nst_find(msg, SADB_EXT_ADDRESS_DST, NULL);
	record_t *record = &records->rs_list[records->rs_count];
	struct sockaddr_in sin;

	if (sa == NULL || dst == NULL)
		nst_die("a record without association or destination");
	if (records->rs_count == sizeof (records->rs_list) /
	    sizeof (records->rs_list[0]))
		nst_die("too many associations");
	records->rs_count++;
	record->r_kind = NST_HDR(msg)->nh_which;
	record->r_state = sa->sadb_sa_state;
	record->r_limited =
	    (nst_find(msg, SADB_EXT_LIFETIME_HARD, NULL) != NULL);
	if (record->r_kind == SADB_SATYPE_AH ||
	    record->r_kind == SADB_SATYPE_ESP) {
		record->r_number = ntohl(sa->sadb_sa_spi) - ntohl(SPI(0));
	} else {
		(void) memcpy(&sin, dst + 1, sizeof (sin));
		record->r_number = ntohs(sin.sin_port) - ntohs(PORT(0));
	}
	(void) nst_named(msg, record->r_owner, sizeof (record->r_owner));
}

/*
 * Sends a request for a dump, and reads it.  The end is a header alone, with
 * sequence number 0.
 */
static nst_status_t
read_dump(nst_msg_t *msg, records_t *records)
{
	static nst_msg_t answer;
	const nst_hdr_t *hdr = NST_HDR(&answer);
	uint32_t seq = nst_send(asking, msg);

	records->rs_count = 0;
	for (;;) {
		if (!nst_receive(asking, &answer, WAIT))
			nst_die("a dump does not end");
		if (hdr->nh_pid != (uint32_t)getpid() ||
		    hdr->nh_type != SADB_DUMP)
			continue;
		if (hdr->nh_seq == 0 || hdr->nh_errno != 0)
			break;
		if (hdr->nh_seq != seq)
			continue;
		keep_record(records, &answer);
	}
	(void) CHECK(answer.nm_bytes == sizeof (nst_hdr_t),
	    "the end of a dump has %lu bytes", (ulong_t)answer.nm_bytes);
	records->rs_status.ns_errno = hdr->nh_errno;
	records->rs_status.ns_diag = hdr->nh_diag;
	qsort(records->rs_list, records->rs_count, sizeof (record_t),
	    by_number);
	return (records->rs_status);
}

static nst_status_t
dump(uint8_t kind, const char *owner, records_t *records)
{
	static nst_msg_t msg;

	key_start(&msg, SADB_DUMP, kind);
	nst_owner(&msg, owner);
	return (read_dump(&msg, records));
}

/*
 * Are these the records, written as in "1:- 2:a"?
 */
static void
same(const records_t *records, const char *expected, const char *when)
{
	static char line[8192];
	size_t at = 0;
	uint_t i, o;

	line[0] = '\0';
	for (i = 0; i < records->rs_count; i++) {
		const record_t *record = &records->rs_list[i];
		char letter = '?';

		if (record->r_owner[0] == '\0')
			letter = letters[0];
		for (o = 1; o < OWNERS; o++) {
			if (strcmp(record->r_owner, owners[o]) == 0)
				letter = letters[o];
		}
		at += snprintf(line + at, sizeof (line) - at, "%s%u:%c",
		    at == 0 ? "" : " ", record->r_number, letter);
	}
	(void) CHECK(strcmp(line, expected) == 0,
	    "%s there is \"%s\", expected \"%s\"", when, line, expected);
}

static void
has(uint8_t kind, const char *expected, const char *when)
{
	static records_t records;

	EXPECT(dump(kind, NST_ANY, &records), 0, 0, "%s, a dump", when);
	same(&records, expected, when);
}

/*
 * Removes what a test has left.
 */
static void
flush_everything(void)
{
	int i;

	for (i = 0; i < OWNERS; i++) {
		EXPECT(flush_as(i, SADB_SATYPE_UNSPEC), 0, 0,
		    "flush of %c", letters[i]);
#ifdef	SADB_X_SATYPE_TCPSIG
		EXPECT(flush_as(i, SADB_X_SATYPE_TCPSIG), 0, 0,
		    "flush of TCP signatures of %c", letters[i]);
#endif
	}
	drain(asking);
	drain(knowing);
	drain(plain);
}

/*
 * One association for each: 1, 2, 3.
 */
static void
fill(uint8_t kind)
{
	int i;

	for (i = 0; i < OWNERS; i++) {
		EXPECT(add_as(i, kind, i + 1, B_FALSE, 0), 0, 0,
		    "%s %d of %c", kind_name(kind), i + 1, letters[i]);
	}
}

/* What is left of "1:- 2:a 3:b" without one of them. */
static const char *const without[OWNERS] = { "2:a 3:b", "1:- 3:b", "1:- 2:a" };

/*
 * Tests
 */

static void
test_add(uint8_t kind)
{
	int i;

	nst_test("ADD and GETSPI give the owner of the request: %s",
	    kind_name(kind));
	flush_everything();
	fill(kind);
	for (i = 0; i < OWNERS; i++) {
		EXPECT(getspi_as(i, kind, i + 11), 0, 0, "SPI %d for %c",
		    i + 11, letters[i]);
	}
	has(kind, "1:- 2:a 3:b 11:- 12:a 13:b", "after all of them");
	has(SADB_SATYPE_UNSPEC, "1:- 2:a 3:b 11:- 12:a 13:b", "of both");
}

static void
test_not_found(uint8_t kind)
{
	static const uint8_t types[] = { SADB_GET, SADB_UPDATE, SADB_DELETE };
	static records_t records;
	uint_t t, i;
	int asks, n;

	nst_test("what belongs to others is not found: %s", kind_name(kind));
	for (t = 0; t < sizeof (types); t++) {
		for (asks = 0; asks < OWNERS; asks++) {
			uint64_t limit = (types[t] == SADB_UPDATE) ? 7777 : 0;

			flush_everything();
			fill(kind);
			for (n = 1; n <= OWNERS; n++) {
				if (n == asks + 1)
					continue;
				GONE(about_as(asks, types[t], kind, n, limit),
				    "request %u about %d by %c", types[t], n,
				    letters[asks]);
			}
			has(kind, "1:- 2:a 3:b", "after requests of others");
			EXPECT(about_as(asks, types[t], kind, asks + 1, limit),
			    0, 0, "request %u about one's own, by %c",
			    types[t], letters[asks]);
			has(kind, types[t] == SADB_DELETE ? without[asks] :
			    "1:- 2:a 3:b", "after its own request");
			EXPECT(dump(kind, NULL, &records), 0, 0, "a dump");
			for (i = 0; i < records.rs_count; i++) {
				const record_t *one = &records.rs_list[i];

				(void) CHECK(one->r_limited ==
				    (types[t] == SADB_UPDATE &&
				    one->r_number == (uint32_t)asks + 1),
				    "request %u by %c: %u is%s limited",
				    types[t], letters[asks], one->r_number,
				    one->r_limited ? "" : " not");
			}
		}
	}
}

static void
test_larval(uint8_t kind)
{
	static nst_msg_t msg;
	static records_t records;
	int takes, completes;

	nst_test("a reserved SPI is completed by who has reserved it: %s",
	    kind_name(kind));
	for (takes = 0; takes < OWNERS; takes++) {
		for (completes = 0; completes < OWNERS; completes++) {
			boolean_t own = (takes == completes);

			flush_everything();
			EXPECT(getspi_as(takes, kind, 7), 0, 0, "GETSPI");
			key_start(&msg, SADB_UPDATE, kind);
			key_sa(&msg, 7, SADB_X_SAFLAGS_INBOUND, B_TRUE);
			key_ends(&msg, B_FALSE);
			key_keys(&msg);
			if (own) {
				EXPECT(ask_as(completes, &msg), 0, 0,
				    "UPDATE of %c", letters[completes]);
			} else {
				GONE(ask_as(completes, &msg),
				    "UPDATE of %c, reserved by %c",
				    letters[completes], letters[takes]);
			}
			EXPECT(dump(kind, owners[takes], &records), 0, 0,
			    "a dump");
			(void) CHECK(records.rs_count == 1 &&
			    records.rs_list[0].r_state == (own ?
			    SADB_SASTATE_MATURE : SADB_SASTATE_LARVAL),
			    "%u records, state %u", records.rs_count,
			    records.rs_list[0].r_state);
		}
	}
}

static void
test_taken(uint8_t kind)
{
	int has_it, asks;

	nst_test("an SPI that is taken: %s", kind_name(kind));
	for (has_it = 0; has_it < OWNERS; has_it++) {
		for (asks = 0; asks < OWNERS; asks++) {
			/* Who uses no namespaces is told no more than ever. */
			int diag = (asks != 0 && asks != has_it) ?
			    IPSEC_NAMESPACE_DIAG_CONFLICT : 0;

			flush_everything();
			EXPECT(add_as(has_it, kind, 9, B_FALSE, 0), 0, 0,
			    "the first one");
			EXPECT(add_as(asks, kind, 9, B_FALSE, 0), EEXIST,
			    diag, "ADD of %c, where %c has it", letters[asks],
			    letters[has_it]);
			EXPECT(getspi_as(asks, kind, 9), EEXIST, diag,
			    "GETSPI of %c, where %c has it", letters[asks],
			    letters[has_it]);
		}
	}
}

static void
test_pairs(uint8_t kind)
{
	static nst_msg_t msg;
	int first, second;

	nst_test("both halves of a pair have one owner: %s",
	    kind_name(kind));
	for (first = 0; first < OWNERS; first++) {
		for (second = 0; second < OWNERS; second++) {
			boolean_t own = (first == second);
			int error = own ? 0 : EINVAL;
			int diag = own ? 0 :
			    SADB_X_DIAGNOSTIC_PAIR_INAPPROPRIATE;

			flush_everything();
			EXPECT(add_as(first, kind, 1, B_TRUE, 0), 0, 0,
			    "the first half");
			EXPECT(add_as(second, kind, 2, B_FALSE, 1), error,
			    diag, "ADD of the second half by %c, the first "
			    "one is of %c", letters[second], letters[first]);
			flush_everything();
			EXPECT(add_as(first, kind, 1, B_TRUE, 0), 0, 0,
			    "the first half");
			EXPECT(add_as(second, kind, 2, B_FALSE, 0), 0, 0,
			    "the second half");
			make_about(&msg, SADB_UPDATE, kind, 2);
			key_pair(&msg, 1);
			EXPECT(ask_as(second, &msg), error, diag,
			    "UPDATE of the second half by %c, the first one "
			    "is of %c", letters[second], letters[first]);
		}
	}
}

static void
make_pair(int owner, uint8_t kind)
{
	flush_everything();
	EXPECT(add_as(owner, kind, 1, B_TRUE, 0), 0, 0, "the first half");
	EXPECT(add_as(owner, kind, 2, B_FALSE, 1), 0, 0, "the second half");
}

static void
test_about_pairs(uint8_t kind)
{
	static nst_msg_t msg;
	static records_t records;
	int owns, asks;
	uint_t i, limited;

	nst_test("requests about pairs: %s", kind_name(kind));
	for (owns = 0; owns < OWNERS; owns++) {
		for (asks = 0; asks < OWNERS; asks++) {
			boolean_t own = (owns == asks);
			nst_status_t status;

			make_pair(owns, kind);
			status = about_as(asks, SADB_X_UPDATEPAIR, kind, 2,
			    9999);
			EXPECT(status, own ? 0 : ESRCH,
			    own ? 0 : SADB_X_DIAGNOSTIC_SA_NOTFOUND,
			    "UPDATEPAIR of %c", letters[asks]);
			EXPECT(dump(kind, NULL, &records), 0, 0, "a dump");
			limited = 0;
			for (i = 0; i < records.rs_count; i++)
				limited += records.rs_list[i].r_limited;
			(void) CHECK(records.rs_count == 2 &&
			    limited == (own ? 2 : 0),
			    "%u of %u have a limit", limited,
			    records.rs_count);
			status = about_as(asks, SADB_X_DELPAIR, kind, 2, 0);
			EXPECT(status, own ? 0 : ESRCH,
			    own ? 0 : SADB_X_DIAGNOSTIC_SA_NOTFOUND,
			    "DELPAIR of %c", letters[asks]);
			EXPECT(dump(kind, NULL, &records), 0, 0, "a dump");
			(void) CHECK(records.rs_count == (own ? 0 : 2),
			    "%u are left", records.rs_count);
		}
	}
	/* By state; whatever matches, that succeeds. */
	for (asks = 0; asks < OWNERS; asks++) {
		make_pair(1, kind);
		make_about(&msg, SADB_X_DELPAIR_STATE, kind, 0);
		EXPECT(ask_as(asks, &msg), 0, 0, "DELPAIR_STATE of %c",
		    letters[asks]);
		EXPECT(dump(kind, NULL, &records), 0, 0, "a dump");
		(void) CHECK(records.rs_count == (asks == 1 ? 0 : 2),
		    "%u are left after DELPAIR_STATE of %c",
		    records.rs_count, letters[asks]);
	}
}

static void
test_delete_many(uint8_t kind)
{
	static nst_msg_t msg;
	int asks;

	nst_test("DELETE by addresses skips others: %s", kind_name(kind));
	for (asks = 0; asks < OWNERS; asks++) {
		flush_everything();
		fill(kind);
		key_start(&msg, SADB_DELETE, kind);
		key_ends(&msg, B_FALSE);
		EXPECT(ask_as(asks, &msg), 0, 0, "by %c", letters[asks]);
		has(kind, without[asks], "afterwards");
	}
}

static void
test_flush(void)
{
	static const uint8_t asked[] = {
		SADB_SATYPE_UNSPEC, SADB_SATYPE_AH, SADB_SATYPE_ESP
	};
	static nst_msg_t msg, answer;
	int asks;
	uint_t k;

	nst_test("FLUSH removes what is one's own");
	for (asks = 0; asks < OWNERS; asks++) {
		for (k = 0; k < sizeof (asked); k++) {
			flush_everything();
			fill(SADB_SATYPE_AH);
			fill(SADB_SATYPE_ESP);
			key_start(&msg, SADB_FLUSH, asked[k]);
			nst_owner(&msg, owners[asks]);
			EXPECT(key_ask(&msg, &answer), 0, 0,
			    "flush of %s by %c", kind_name(asked[k]),
			    letters[asks]);
			(void) CHECK(answer.nm_bytes == sizeof (nst_hdr_t) &&
			    NST_HDR(&answer)->nh_which == asked[k],
			    "the echo has %lu bytes, type %u",
			    (ulong_t)answer.nm_bytes,
			    NST_HDR(&answer)->nh_which);
			has(SADB_SATYPE_AH, asked[k] == SADB_SATYPE_ESP ?
			    "1:- 2:a 3:b" : without[asks], "of AH");
			has(SADB_SATYPE_ESP, asked[k] == SADB_SATYPE_AH ?
			    "1:- 2:a 3:b" : without[asks], "of ESP");
		}
	}
}

static void
test_dump(uint8_t kind)
{
	static nst_msg_t msg;
	static records_t records;
	sadb_x_edump_t *edump;
	int before;

	nst_test("dumps show owners to who asks for them: %s",
	    kind_name(kind));
	flush_everything();
	fill(kind);
	EXPECT(dump(kind, NULL, &records), 0, 0, "plain");
	same(&records, "1:- 2:- 3:-", "plainly");
	EXPECT(dump(kind, NST_ANY, &records), 0, 0, "any");
	same(&records, "1:- 2:a 3:b", "of all");
	EXPECT(dump(kind, owners[1], &records), 0, 0, "a");
	same(&records, "2:a", "of a");
	EXPECT(dump(SADB_SATYPE_UNSPEC, owners[2], &records), 0, 0, "b");
	same(&records, "3:b", "of b, of all types");
	EXPECT(dump(kind, "stranger", &records), 0, 0, "a stranger");
	same(&records, "", "of a stranger");
	EXPECT(dump(kind, NULL, &records), 0, 0, "plain again");
	same(&records, "1:- 2:- 3:-", "plainly again");

	/* Beside EDUMP, before or behind it. */
	for (before = 0; before < 2; before++) {
		key_start(&msg, SADB_DUMP, kind);
		if (before)
			nst_owner(&msg, owners[2]);
		edump = nst_add(&msg, SADB_X_EXT_EDUMP, sizeof (*edump));
		if (!before)
			nst_owner(&msg, owners[2]);
		EXPECT(read_dump(&msg, &records), 0, 0, "with EDUMP");
		same(&records, "3:b", "with EDUMP");
		edump->sadb_x_edump_timeout = 5;
		EXPECT(read_dump(&msg, &records), 0, 0, "with a time");
		same(&records, "", "of what was used lately");
	}
	key_start(&msg, SADB_DUMP, kind);
	key_pair(&msg, 1);
	nst_owner(&msg, owners[1]);
	EXPECT(read_dump(&msg, &records), EINVAL, SADB_X_DIAGNOSTIC_NO_EXT,
	    "another extension");

	/* No dump is left open: the next one begins, and so does a flush. */
	EXPECT(dump(kind, owners[1], &records), 0, 0, "after a refusal");
	EXPECT(flush_as(1, kind), 0, 0, "a flush");
	has(kind, "1:- 3:b", "at the end");
}

static void
test_update_without_sa(uint8_t kind)
{
	static nst_msg_t msg;
	int asks;

	nst_test("UPDATE without an association is refused (C20): %s",
	    kind_name(kind));
	flush_everything();
	for (asks = 0; asks < 2; asks++) {
		key_start(&msg, SADB_UPDATE, kind);
		key_ends(&msg, B_FALSE);
		EXPECT(ask_as(asks, &msg), EINVAL,
		    SADB_X_DIAGNOSTIC_MISSING_SA, "by %c", letters[asks]);
	}
}

/*
 * Sends a request of owner a, and looks at what the three sockets get.
 */
static void
delivered(nst_msg_t *msg, boolean_t shown, const char *what)
{
	static nst_msg_t mine, theirs, other;
	char name[IPSEC_NAMESPACE_MAX + 1];
	uint32_t seq;

	nst_owner(msg, owners[1]);
	seq = nst_send(asking, msg);
	if (!key_answer(asking, seq, &mine, WAIT) ||
	    !key_answer(knowing, seq, &theirs, WAIT) ||
	    !key_answer(plain, seq, &other, WAIT))
		nst_die("%s: an answer is missing", what);
	(void) CHECK(mine.nm_bytes == theirs.nm_bytes &&
	    memcmp(mine.nm_words, theirs.nm_words, mine.nm_bytes) == 0,
	    "%s: two sockets that use namespaces get different answers",
	    what);
	(void) CHECK(nst_named(&mine, name, sizeof (name)) == shown,
	    "%s: the answer has %s namespace", what, shown ? "no" : "a");
	(void) CHECK(!shown || strcmp(name, owners[1]) == 0,
	    "%s: the namespace is \"%s\"", what, name);
	nst_cut(&mine, SADB_X_EXT_NAMESPACE);
	(void) CHECK(mine.nm_bytes == other.nm_bytes &&
	    memcmp(mine.nm_words, other.nm_words, mine.nm_bytes) == 0,
	    "%s: a socket that never used namespaces gets %lu bytes, not the "
	    "same %lu without the namespace", what, (ulong_t)other.nm_bytes,
	    (ulong_t)mine.nm_bytes);
}

static void
test_delivery(uint8_t kind)
{
	static nst_msg_t msg;

	nst_test("who uses no namespaces never sees one: %s",
	    kind_name(kind));
	flush_everything();
	make_getspi(&msg, kind, 100);
	delivered(&msg, B_TRUE, "GETSPI");
	make_add(&msg, kind, 1, B_FALSE, 0);
	delivered(&msg, B_TRUE, "ADD");
	make_about(&msg, SADB_UPDATE, kind, 1);
	key_limit(&msg, 5000);
	delivered(&msg, B_TRUE, "UPDATE");
	make_about(&msg, SADB_DELETE, kind, 1);
	delivered(&msg, B_TRUE, "DELETE");
	make_about(&msg, SADB_DELETE, kind, 1);
	delivered(&msg, B_FALSE, "a refusal");
	key_start(&msg, SADB_FLUSH, kind);
	delivered(&msg, B_FALSE, "FLUSH");
}

/*
 * A socket that never used namespaces sees everything, and no namespace; one
 * that used them sees dumps of others as those have asked for them.
 */
static void
test_promiscuous(void)
{
	static nst_msg_t msg;
	static records_t records;
	char name[IPSEC_NAMESPACE_MAX + 1];
	int sockets[2], i;
	uint_t all, named;
	uint32_t seq;

	nst_test("sockets that see everything");
	flush_everything();
	fill(SADB_SATYPE_ESP);
	sockets[0] = plain;
	sockets[1] = knowing;
	for (i = 0; i < 2; i++) {
		key_start(&msg, SADB_X_PROMISC, 1);
		seq = nst_send(sockets[i], &msg);
		(void) CHECK(key_answer(sockets[i], seq, &msg, WAIT),
		    "no answer to PROMISC");
	}
	drain(plain);
	drain(knowing);
	EXPECT(dump(SADB_SATYPE_ESP, NST_ANY, &records), 0, 0, "the dump");
	for (i = 0; i < 2; i++) {
		all = named = 0;
		while (nst_receive(sockets[i], &msg, QUIET)) {
			if (NST_HDR(&msg)->nh_type != SADB_DUMP ||
			    NST_HDR(&msg)->nh_pid != (uint32_t)getpid())
				continue;
			all++;
			if (nst_named(&msg, name, sizeof (name)))
				named++;
		}
		(void) CHECK(all == 4 && named == (i == 0 ? 0 : 2),
		    "the socket that %s namespaces: %u messages, %u names",
		    i == 0 ? "never used" : "used", all, named);
		key_start(&msg, SADB_X_PROMISC, 0);
		(void) nst_send(sockets[i], &msg);
		(void) nst_receive(sockets[i], &msg, QUIET);
		drain(sockets[i]);
	}
}

/*
 * What was known of a socket ends with it.
 */
static void
test_new_socket(void)
{
	static nst_msg_t msg;
	char name[IPSEC_NAMESPACE_MAX + 1];
	uint32_t seq;
	int fd;

	nst_test("a new socket begins as one that uses no namespaces");
	flush_everything();
	fd = key_open();
	key_start(&msg, SADB_X_PROMISC, SADB_SATYPE_UNSPEC);
	seq = nst_send(fd, &msg);
	(void) CHECK(key_answer(fd, seq, &msg, WAIT), "no answer to PROMISC");
	make_add(&msg, SADB_SATYPE_ESP, 8, B_FALSE, 0);
	nst_owner(&msg, owners[1]);
	seq = nst_send(asking, &msg);
	(void) CHECK(key_answer(asking, seq, &msg, WAIT), "no answer to ADD");
	if (CHECK(key_answer(fd, seq, &msg, WAIT), "it gets nothing")) {
		(void) CHECK(!nst_named(&msg, name, sizeof (name)),
		    "it gets a namespace");
	}
	(void) close(fd);
}

static void
test_anywhere(void)
{
	static nst_msg_t msg, answer;
	char name[IPSEC_NAMESPACE_MAX + 1];
	uint8_t kind = SADB_SATYPE_ESP;
	int at;

	nst_test("the namespace may stand anywhere in a request");
	for (at = 0; at < 5; at++) {
		flush_everything();
		key_start(&msg, SADB_ADD, kind);
		if (at == 0)
			nst_owner(&msg, owners[2]);
		key_sa(&msg, 1, SADB_X_SAFLAGS_INBOUND, B_TRUE);
		if (at == 1)
			nst_owner(&msg, owners[2]);
		key_address(&msg, SADB_EXT_ADDRESS_SRC, THERE, 0);
		if (at == 2)
			nst_owner(&msg, owners[2]);
		key_address(&msg, SADB_EXT_ADDRESS_DST, HERE, 0);
		if (at == 3)
			nst_owner(&msg, owners[2]);
		key_keys(&msg);
		if (at == 4)
			nst_owner(&msg, owners[2]);
		EXPECT(key_ask(&msg, &answer), 0, 0, "at %d", at);
		(void) CHECK(nst_named(&answer, name, sizeof (name)) &&
		    strcmp(name, owners[2]) == 0, "at %d: the echo has \"%s\"",
		    at, name);
		(void) CHECK(nst_find(&answer, SADB_EXT_KEY_AUTH, NULL) ==
		    NULL, "at %d: the echo has a key", at);
		has(kind, "1:b", "afterwards");
	}
}

static void
test_without_effect(void)
{
	static const struct {
		uint8_t	type, which;
		int	error;
	} requests[] = {
		{ SADB_ACQUIRE, SADB_SATYPE_UNSPEC, EINVAL },
		{ SADB_EXPIRE, SADB_SATYPE_ESP, EOPNOTSUPP },
		{ 99, SADB_SATYPE_ESP, EINVAL }
	};
	static nst_msg_t msg, with, without_it;
	int fd, round;
	uint32_t seq;
	uint_t i;

	nst_test("requests on which a namespace has no effect");
	flush_everything();
	fill(SADB_SATYPE_ESP);
	for (i = 0; i < sizeof (requests) / sizeof (requests[0]); i++) {
		nst_status_t status;

		key_start(&msg, requests[i].type, requests[i].which);
		status = key_ask(&msg, NULL);
		(void) CHECK(status.ns_errno == requests[i].error,
		    "request %u: error %d", requests[i].type,
		    status.ns_errno);
		key_start(&msg, requests[i].type, requests[i].which);
		nst_owner(&msg, owners[1]);
		EXPECT(key_ask(&msg, NULL), status.ns_errno, status.ns_diag,
		    "request %u with a namespace", requests[i].type);
	}
	/* On sockets of their own, since this changes what they get. */
	for (round = 0; round < 2; round++) {
		nst_msg_t *answer = (round == 0) ? &without_it : &with;

		fd = key_open();
		key_start(&msg, SADB_REGISTER, SADB_SATYPE_AH);
		if (round == 1)
			nst_owner(&msg, owners[1]);
		seq = nst_send(fd, &msg);
		(void) CHECK(key_answer(fd, seq, answer, WAIT),
		    "no answer to REGISTER");
		NST_HDR(answer)->nh_seq = 0;
		(void) close(fd);
	}
	(void) CHECK(with.nm_bytes == without_it.nm_bytes &&
	    memcmp(with.nm_words, without_it.nm_words, with.nm_bytes) == 0,
	    "REGISTER is answered in another way");
	for (round = 0; round < 2; round++) {
		nst_msg_t *answer = (round == 0) ? &without_it : &with;

		key_start(&msg, SADB_X_INVERSE_ACQUIRE, SADB_SATYPE_UNSPEC);
		key_ends(&msg, B_TRUE);
		if (round == 1)
			nst_owner(&msg, owners[1]);
		(void) key_ask(&msg, answer);
		NST_HDR(answer)->nh_seq = 0;
	}
	(void) CHECK(with.nm_bytes == without_it.nm_bytes &&
	    memcmp(with.nm_words, without_it.nm_words, with.nm_bytes) == 0,
	    "INVERSE_ACQUIRE is answered in another way");
	has(SADB_SATYPE_ESP, "1:- 2:a 3:b", "at the end");
}

static nst_status_t
flush_with(uint16_t words, uint16_t namelen, uint16_t flags,
    const char *bytes)
{
	static nst_msg_t msg;
	ipsec_namespace_ext_t ext;

	ext.ine_len = words;
	ext.ine_type = SADB_X_EXT_NAMESPACE;
	ext.ine_namelen = namelen;
	ext.ine_flags = flags;
	key_start(&msg, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	nst_add_raw(&msg, &ext, sizeof (ext));
	nst_add_raw(&msg, bytes, 8);
	return (key_ask(&msg, NULL));
}

static void
test_malformed(void)
{
	static const uint8_t any_kind[] = {
		SADB_SATYPE_UNSPEC, SADB_SATYPE_ESP,
#ifdef	SADB_X_SATYPE_TCPSIG
		SADB_X_SATYPE_TCPSIG,
#endif
	};
	static nst_msg_t msg;
	uint8_t type;
	uint_t k;

	nst_test("malformed, repeated and inapplicable namespaces");
	flush_everything();
	fill(SADB_SATYPE_ESP);
	EXPECT(flush_with(2, 1, 2, "b\0\0\0\0\0\0"), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "an unknown flag");
	EXPECT(flush_with(2, 1, 1, "b\0\0\0\0\0\0"), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "all owners, with a name");
	EXPECT(flush_with(2, 2, 0, "b\0\0\0\0\0\0"), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "a NUL inside");
	EXPECT(flush_with(2, 1, 0, "*\0\0\0\0\0\0"), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "a bad first byte");
	EXPECT(flush_with(2, 0, 0, "\0\0\0\0\0\0\0"), EINVAL,
	    IPSEC_NAMESPACE_DIAG_MALFORMED, "no name");
	EXPECT(flush_with(3, 1, 0, "b\0\0\0\0\0\0"), EINVAL,
	    SADB_X_DIAGNOSTIC_BAD_EXTLEN, "behind the end of the message");

	key_start(&msg, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	nst_owner(&msg, owners[2]);
	nst_owner(&msg, owners[2]);
	EXPECT(key_ask(&msg, NULL), EINVAL, IPSEC_NAMESPACE_DIAG_DUPLICATE,
	    "the same twice");
	key_start(&msg, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	(void) nst_add(&msg, SADB_X_EXT_NAMESPACE + 1, 16);
	EXPECT(key_ask(&msg, NULL), EINVAL, SADB_X_DIAGNOSTIC_UNKNOWN_EXT,
	    "extension 257");
	for (type = SADB_GETSPI; type <= SADB_MAX; type++) {
		if (type == SADB_DUMP)
			continue;
		for (k = 0; k < sizeof (any_kind); k++) {
			key_start(&msg, type, any_kind[k]);
			nst_owner(&msg, NST_ANY);
			EXPECT(key_ask(&msg, NULL), EINVAL,
			    IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE,
			    "request %u about %s for all owners", type,
			    kind_name(any_kind[k]));
		}
	}
	has(SADB_SATYPE_ESP, "1:- 2:a 3:b", "at the end");
}

static void
test_many(void)
{
	static records_t records;
	uint32_t n;

	nst_test("many associations of two owners");
	flush_everything();
	for (n = 1; n <= 400; n++) {
		EXPECT(add_as(n % 100 == 0 ? 2 : 1, SADB_SATYPE_AH, n, B_FALSE,
		    0), 0, 0, "number %u", n);
		/* So that nothing is lost that is waited for. */
		if (n % 50 == 0) {
			drain(knowing);
			drain(plain);
		}
	}
	EXPECT(dump(SADB_SATYPE_AH, owners[2], &records), 0, 0, "of b");
	same(&records, "100:b 200:b 300:b 400:b", "of b");
	EXPECT(flush_as(0, SADB_SATYPE_UNSPEC), 0, 0, "nobody's flush");
	EXPECT(dump(SADB_SATYPE_AH, NULL, &records), 0, 0, "of all");
	(void) CHECK(records.rs_count == 400, "%u are left",
	    records.rs_count);
	EXPECT(flush_as(1, SADB_SATYPE_UNSPEC), 0, 0, "a's flush");
	has(SADB_SATYPE_AH, "100:b 200:b 300:b 400:b", "after a's flush");
}

#ifdef	SADB_X_SATYPE_TCPSIG

/*
 * A key for connections to a port, or a request about it.
 */
static void
make_tcp(nst_msg_t *msg, uint8_t type, uint32_t n)
{
	static const char text[] = "a secret";
	sadb_sa_t *sa;
	sadb_key_t *key;

	key_start(msg, type, SADB_X_SATYPE_TCPSIG);
	key_address(msg, SADB_EXT_ADDRESS_SRC, HERE, 0);
	key_address(msg, SADB_EXT_ADDRESS_DST, THERE, PORT(n));
	if (type != SADB_ADD)
		return;
	sa = nst_add(msg, SADB_EXT_SA, sizeof (*sa));
	sa->sadb_sa_state = SADB_SASTATE_MATURE;
	sa->sadb_sa_auth = SADB_AALG_MD5;
	key = nst_add(msg, SADB_X_EXT_STR_AUTH, sizeof (*key) +
	    sizeof (text) - 1);
	key->sadb_key_bits = 8 * (sizeof (text) - 1);
	(void) memcpy(key + 1, text, sizeof (text) - 1);
}

static nst_status_t
tcp_as(int owner, uint8_t type, uint32_t n)
{
	static nst_msg_t msg;

	make_tcp(&msg, type, n);
	if (type == SADB_UPDATE)
		key_limit(&msg, 5000);
	return (ask_as(owner, &msg));
}

static void
tcp_fill(void)
{
	int i;

	flush_everything();
	for (i = 0; i < OWNERS; i++) {
		EXPECT(tcp_as(i, SADB_ADD, i + 1), 0, 0, "key %d of %c",
		    i + 1, letters[i]);
	}
}

static void
test_tcp(void)
{
	static const uint8_t types[] = { SADB_GET, SADB_UPDATE, SADB_DELETE };
	static nst_msg_t msg, answer;
	static records_t records;
	char name[IPSEC_NAMESPACE_MAX + 1];
	uint8_t kind = SADB_X_SATYPE_TCPSIG;
	int has_it, asks, n;
	uint32_t seq;
	uint_t t;

	nst_test("keys of TCP signatures are found by who owns them");
	for (t = 0; t < sizeof (types); t++) {
		for (asks = 0; asks < OWNERS; asks++) {
			tcp_fill();
			for (n = 1; n <= OWNERS; n++) {
				if (n == asks + 1)
					continue;
				EXPECT(tcp_as(asks, types[t], n), ESRCH,
				    SADB_X_DIAGNOSTIC_PAIR_SA_NOTFOUND,
				    "request %u about %d by %c", types[t], n,
				    letters[asks]);
			}
			has(kind, "1:- 2:a 3:b", "after requests of others");
			make_tcp(&msg, types[t], asks + 1);
			nst_owner(&msg, owners[asks]);
			EXPECT(key_ask(&msg, &answer), 0, 0,
			    "request %u about one's own, by %c", types[t],
			    letters[asks]);
			if (types[t] == SADB_GET) {
				seq = NST_HDR(&answer)->nh_seq;
				(void) CHECK(nst_named(&answer, name,
				    sizeof (name)) == (asks != 0),
				    "GET by %c shows \"%s\"", letters[asks],
				    name);
				/* A header alone follows. */
				(void) CHECK(key_answer(asking, seq, &answer,
				    WAIT) && answer.nm_bytes ==
				    sizeof (nst_hdr_t), "the end of GET");
			}
			has(kind, types[t] == SADB_DELETE ? without[asks] :
			    "1:- 2:a 3:b", "after its own request");
		}
	}

	nst_test("keys of TCP signatures for the same connections");
	for (has_it = 0; has_it < OWNERS; has_it++) {
		for (asks = 0; asks < OWNERS; asks++) {
			flush_everything();
			EXPECT(tcp_as(has_it, SADB_ADD, 1), 0, 0, "first");
			EXPECT(tcp_as(asks, SADB_ADD, 1), EEXIST,
			    (asks != 0 && asks != has_it) ?
			    IPSEC_NAMESPACE_DIAG_CONFLICT :
			    SADB_X_DIAGNOSTIC_DUPLICATE_SA,
			    "by %c, where %c has it", letters[asks],
			    letters[has_it]);
		}
	}

	nst_test("keys of TCP signatures are flushed and dumped by owner");
	for (asks = 0; asks < OWNERS; asks++) {
		static const char *const own[OWNERS] = {
			"1:- 2:- 3:-", "2:a", "3:b"
		};

		tcp_fill();
		/* A flush of all types never reached them. */
		EXPECT(flush_as(asks, SADB_SATYPE_UNSPEC), 0, 0, "of all");
		has(kind, "1:- 2:a 3:b", "after a flush of AH and ESP");
		EXPECT(dump(kind, owners[asks], &records), 0, 0, "a dump");
		same(&records, own[asks], "in a dump by owner");
		EXPECT(flush_as(asks, kind), 0, 0, "of TCP signatures");
		has(kind, without[asks], "after a flush");
		(void) CHECK(!nst_receive(plain, &answer, 0) ||
		    !nst_named(&answer, name, sizeof (name)),
		    "a socket that uses no namespaces gets one");
	}
}

#endif	/* SADB_X_SATYPE_TCPSIG */

static void
open_all(void)
{
	static nst_msg_t msg;
	uint32_t seq;

	asking = key_open();
	knowing = key_open();
	plain = key_open();
	key_start(&msg, SADB_X_PROMISC, SADB_SATYPE_UNSPEC);
	nst_owner(&msg, owners[1]);
	seq = nst_send(knowing, &msg);
	if (!key_answer(knowing, seq, &msg, WAIT))
		nst_die("no answer to the probe");
	if (NST_HDR(&msg)->nh_errno != 0)
		nst_die("this kernel has no namespaces of associations: the "
		    "probe gives error %u, diagnostic %u",
		    NST_HDR(&msg)->nh_errno, NST_HDR(&msg)->nh_diag);
}

static void
close_all(void)
{
	(void) close(asking);
	(void) close(knowing);
	(void) close(plain);
}

static void
cleanup(void)
{
	open_all();
	flush_everything();
	close_all();
}

static void
tests(void)
{
	uint_t k;

	open_all();
	for (k = 0; k < KINDS; k++) {
		test_add(kinds[k]);
		test_not_found(kinds[k]);
		test_larval(kinds[k]);
		test_taken(kinds[k]);
		test_pairs(kinds[k]);
		test_about_pairs(kinds[k]);
		test_delete_many(kinds[k]);
		test_dump(kinds[k]);
		test_update_without_sa(kinds[k]);
		test_delivery(kinds[k]);
	}
	test_flush();
	test_promiscuous();
	test_new_socket();
	test_anywhere();
	test_without_effect();
	test_malformed();
	test_many();
#ifdef	SADB_X_SATYPE_TCPSIG
	test_tcp();
#else
	(void) printf("not tested: this system has no keys of TCP "
	    "signatures\n");
#endif
	nst_test("nothing is left behind");
	flush_everything();
	has(SADB_SATYPE_UNSPEC, "", "at the end");
	close_all();
}

int
main(void)
{
	static records_t records;
	uint_t there;

	nst_require();
	open_all();
	if (dump(SADB_SATYPE_UNSPEC, NULL, &records).ns_errno != 0)
		nst_die("cannot dump associations");
	there = records.rs_count;
#ifdef	SADB_X_SATYPE_TCPSIG
	if (dump(SADB_X_SATYPE_TCPSIG, NULL, &records).ns_errno != 0)
		nst_die("cannot dump keys of TCP signatures");
	there += records.rs_count;
#endif
	close_all();
	if (there != 0)
		nst_skip("there are associations or keys already");
	return (nst_run(tests, cleanup));
}
