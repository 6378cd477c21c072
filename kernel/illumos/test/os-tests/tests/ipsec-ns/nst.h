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

#ifndef	_NST_H
#define	_NST_H

/*
 * What the tests of IPsec namespaces have in common.
 *
 * PF_POLICY and PF_KEY have messages of the same form: a header of 16 bytes,
 * and extensions that begin with their length, in units of eight bytes, and
 * their type.  So messages are put together, sent, received and looked
 * through here, whichever protocol they belong to.
 */

#include <sys/types.h>
#include <sys/ccompile.h>
#include <net/ipsec_namespace.h>

#ifdef	__cplusplus
extern "C" {
#endif

/* Exit code for "cannot be tested here"; the test runner skips the test. */
#define	NST_UNSUPPORTED	4

/* The largest message, in units of eight bytes. */
#define	NST_WORDS	2048

/* Instead of the name of an owner: all owners. */
#define	NST_ANY		"*"

/* The header of both protocols. */
typedef struct nst_hdr {
	uint8_t		nh_version;
	uint8_t		nh_type;
	uint8_t		nh_errno;
	uint8_t		nh_which;	/* side, or type of association */
	uint16_t	nh_len;
	uint16_t	nh_diag;
	uint32_t	nh_seq;
	uint32_t	nh_pid;
} nst_hdr_t;

typedef struct nst_msg {
	uint64_t	nm_words[NST_WORDS];
	size_t		nm_bytes;
} nst_msg_t;

#define	NST_HDR(msg)	((nst_hdr_t *)(msg)->nm_words)

/* What has come of a request. */
typedef struct nst_status {
	int	ns_errno;
	int	ns_diag;
} nst_status_t;

extern const nst_status_t nst_ok;

/* Messages. */
extern void nst_start(nst_msg_t *, uint8_t, uint8_t, uint8_t);
extern void *nst_add(nst_msg_t *, uint16_t, size_t);
extern void nst_add_raw(nst_msg_t *, const void *, size_t);
extern void nst_owner(nst_msg_t *, const char *);
extern const void *nst_find(const nst_msg_t *, uint16_t, boolean_t *);
extern boolean_t nst_named(const nst_msg_t *, char *, size_t);
extern void nst_cut(nst_msg_t *, uint16_t);
extern uint32_t nst_send(int, nst_msg_t *);
extern boolean_t nst_receive(int, nst_msg_t *, int);

/* Results. */
extern void nst_test(const char *, ...) __PRINTFLIKE(1);
extern boolean_t nst_check(const char *, int, boolean_t, const char *, ...)
    __PRINTFLIKE(4);
extern boolean_t nst_expect(const char *, int, nst_status_t, int, int,
    const char *, ...) __PRINTFLIKE(6);
extern boolean_t nst_clean(void);
extern void nst_die(const char *, ...) __PRINTFLIKE(1) __NORETURN;
extern void nst_skip(const char *, ...) __PRINTFLIKE(1) __NORETURN;

#define	CHECK(ok, ...)	nst_check(__FILE__, __LINE__, (ok), __VA_ARGS__)
#define	EXPECT(status, error, diag, ...)				\
	nst_expect(__FILE__, __LINE__, (status), (error), (diag), __VA_ARGS__)

/* The frame of a test program. */
extern void nst_require(void);
extern int nst_run(void (*)(void), void (*)(void));

#ifdef	__cplusplus
}
#endif

#endif	/* _NST_H */
