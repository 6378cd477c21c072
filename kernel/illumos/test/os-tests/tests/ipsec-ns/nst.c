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
 * What the tests of IPsec namespaces have in common; see nst.h.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/zone.h>
#include <zone.h>
#include <errno.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst.h"

/* The header of an extension. */
typedef struct nst_ext {
	uint16_t	ne_len;
	uint16_t	ne_type;
} nst_ext_t;

const nst_status_t nst_ok = { 0, 0 };

static char	nst_name[160];		/* of the test that runs */
static uint_t	nst_failed;		/* checks of this test */
static uint_t	nst_failed_tests;
static uint32_t	nst_seq;
static volatile pid_t nst_child = -1;

/*
 * Messages
 */

void
nst_start(nst_msg_t *msg, uint8_t version, uint8_t type, uint8_t which)
{
	nst_hdr_t *hdr = NST_HDR(msg);

	(void) memset(hdr, 0, sizeof (*hdr));
	hdr->nh_version = version;
	hdr->nh_type = type;
	hdr->nh_which = which;
	msg->nm_bytes = sizeof (*hdr);
}

/*
 * Appends an extension of this size, with nothing but its own header in it.
 */
void *
nst_add(nst_msg_t *msg, uint16_t type, size_t bytes)
{
	nst_ext_t *ext = (nst_ext_t *)((char *)msg->nm_words + msg->nm_bytes);

	bytes = (bytes + 7) & ~(size_t)7;
	if (msg->nm_bytes + bytes > sizeof (msg->nm_words))
		nst_die("the message becomes too long");
	(void) memset(ext, 0, bytes);
	ext->ne_len = (uint16_t)(bytes / 8);
	ext->ne_type = type;
	msg->nm_bytes += bytes;
	return (ext);
}

/*
 * Appends bytes as they are.
 */
void
nst_add_raw(nst_msg_t *msg, const void *from, size_t bytes)
{
	if (msg->nm_bytes + bytes > sizeof (msg->nm_words))
		nst_die("the message becomes too long");
	(void) memcpy((char *)msg->nm_words + msg->nm_bytes, from, bytes);
	msg->nm_bytes += bytes;
}

/*
 * Says whose request it is; NULL says nothing.
 */
void
nst_owner(nst_msg_t *msg, const char *name)
{
	ipsec_namespace_ext_t *ext;
	size_t len;

	if (name == NULL)
		return;
	len = (strcmp(name, NST_ANY) == 0) ? 0 : strlen(name);
	ext = nst_add(msg, SPD_EXT_NAMESPACE, sizeof (*ext) + len + 1);
	ext->ine_namelen = (uint16_t)len;
	if (len == 0)
		ext->ine_flags = IPSEC_NAMESPACE_ANY;
	else
		(void) memcpy(ext + 1, name, len);
}

/*
 * Looks for an extension, and says whether it is the last one.
 */
const void *
nst_find(const nst_msg_t *msg, uint16_t type, boolean_t *last)
{
	const char *start = (const char *)msg->nm_words;
	size_t at = sizeof (nst_hdr_t);

	while (at + sizeof (uint64_t) <= msg->nm_bytes) {
		const nst_ext_t *ext = (const nst_ext_t *)(start + at);
		size_t bytes = (size_t)ext->ne_len * 8;

		if (bytes == 0 || at + bytes > msg->nm_bytes) {
			(void) CHECK(B_FALSE, "extension %u at %lu has length "
			    "%u, of %lu bytes in all", ext->ne_type,
			    (ulong_t)at, ext->ne_len, (ulong_t)msg->nm_bytes);
			return (NULL);
		}
		if (ext->ne_type == type) {
			if (last != NULL)
				*last = (at + bytes == msg->nm_bytes);
			return (ext);
		}
		at += bytes;
	}
	return (NULL);
}

/*
 * Is there an owner in a message of the kernel?  It has to be whole, and the
 * last extension.
 */
boolean_t
nst_named(const nst_msg_t *msg, char *name, size_t size)
{
	const ipsec_namespace_ext_t *ext;
	const char *text;
	boolean_t last;
	size_t i;

	name[0] = '\0';
	ext = nst_find(msg, SPD_EXT_NAMESPACE, &last);
	if (ext == NULL)
		return (B_FALSE);
	text = (const char *)(ext + 1);
	(void) CHECK(last, "the namespace is not the last extension");
	(void) CHECK(ext->ine_flags == 0 && ext->ine_namelen >= 1 &&
	    ext->ine_namelen <= IPSEC_NAMESPACE_MAX &&
	    ext->ine_len == IPSEC_NAMESPACE_LEN(ext->ine_namelen),
	    "the kernel has made a namespace with length %u, name length %u, "
	    "flags %u", ext->ine_len, ext->ine_namelen, ext->ine_flags);
	if (ext->ine_namelen >= size)
		nst_die("the name is too long");
	(void) memcpy(name, text, ext->ine_namelen);
	name[ext->ine_namelen] = '\0';
	for (i = ext->ine_namelen; i < (size_t)ext->ine_len * 8 -
	    sizeof (*ext); i++) {
		if (!CHECK(text[i] == '\0', "byte %lu behind a name is not 0",
		    (ulong_t)i))
			break;
	}
	return (B_TRUE);
}

/*
 * Takes an extension out, and corrects the length in the header.
 */
void
nst_cut(nst_msg_t *msg, uint16_t type)
{
	char *ext = (char *)nst_find(msg, type, NULL);
	char *end = (char *)msg->nm_words + msg->nm_bytes;
	size_t bytes;

	if (ext == NULL)
		return;
	bytes = (size_t)((nst_ext_t *)ext)->ne_len * 8;
	(void) memmove(ext, ext + bytes, end - (ext + bytes));
	msg->nm_bytes -= bytes;
	NST_HDR(msg)->nh_len = (uint16_t)(msg->nm_bytes / 8);
}

/*
 * Sends a request, and returns its number.
 */
uint32_t
nst_send(int fd, nst_msg_t *msg)
{
	nst_hdr_t *hdr = NST_HDR(msg);
	ssize_t sent;

	hdr->nh_len = (uint16_t)(msg->nm_bytes / 8);
	hdr->nh_seq = ++nst_seq;
	hdr->nh_pid = (uint32_t)getpid();
	sent = write(fd, msg->nm_words, msg->nm_bytes);
	if (sent != (ssize_t)msg->nm_bytes)
		nst_die("write: %s", strerror(errno));
	return (hdr->nh_seq);
}

/*
 * Waits so many milliseconds for a message.
 */
boolean_t
nst_receive(int fd, nst_msg_t *msg, int wait)
{
	struct pollfd pfd;
	ssize_t got;
	int ready;

	pfd.fd = fd;
	pfd.events = POLLIN;
	pfd.revents = 0;
	ready = poll(&pfd, 1, wait);
	if (ready == -1)
		nst_die("poll: %s", strerror(errno));
	if (ready == 0)
		return (B_FALSE);
	got = read(fd, msg->nm_words, sizeof (msg->nm_words));
	if (got == -1)
		nst_die("read: %s", strerror(errno));
	msg->nm_bytes = (size_t)got;
	if (msg->nm_bytes < sizeof (nst_hdr_t) ||
	    msg->nm_bytes != (size_t)NST_HDR(msg)->nh_len * 8) {
		nst_die("a message of %ld bytes, of which the header says %u",
		    (long)got, NST_HDR(msg)->nh_len * 8);
	}
	return (B_TRUE);
}

/*
 * Results
 */

static void
nst_end_of_test(void)
{
	if (nst_name[0] == '\0')
		return;
	(void) printf("%s: %s\n", nst_failed == 0 ? "PASS" : "FAIL", nst_name);
	(void) fflush(stdout);
	if (nst_failed != 0)
		nst_failed_tests++;
	nst_failed = 0;
	nst_name[0] = '\0';
}

/*
 * A test begins, and the one before ends.
 */
void
nst_test(const char *fmt, ...)
{
	va_list ap;

	nst_end_of_test();
	va_start(ap, fmt);
	(void) vsnprintf(nst_name, sizeof (nst_name), fmt, ap);
	va_end(ap);
}

static void
nst_complain(const char *file, int line, const char *fmt, va_list ap)
{
	(void) printf("%s:%d: %s: ", file, line, nst_name);
	(void) vprintf(fmt, ap);
	nst_failed++;
}

boolean_t
nst_check(const char *file, int line, boolean_t ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return (B_TRUE);
	va_start(ap, fmt);
	nst_complain(file, line, fmt, ap);
	va_end(ap);
	(void) printf("\n");
	return (B_FALSE);
}

/*
 * Has the request been answered with this error, and this diagnostic?
 */
boolean_t
nst_expect(const char *file, int line, nst_status_t status, int error,
    int diag, const char *fmt, ...)
{
	va_list ap;

	if (status.ns_errno == error && status.ns_diag == diag)
		return (B_TRUE);
	va_start(ap, fmt);
	nst_complain(file, line, fmt, ap);
	va_end(ap);
	(void) printf(": error %d (%s), diagnostic %d; expected %d (%s), %d\n",
	    status.ns_errno, strerror(status.ns_errno), status.ns_diag, error,
	    strerror(error), diag);
	return (B_FALSE);
}

/*
 * Has every check so far been passed?
 */
boolean_t
nst_clean(void)
{
	return (nst_failed == 0 && nst_failed_tests == 0);
}

/*
 * Nothing sensible can follow.
 */
void
nst_die(const char *fmt, ...)
{
	va_list ap;

	(void) printf("FAIL: %s: ", nst_name[0] == '\0' ? "set-up" : nst_name);
	va_start(ap, fmt);
	(void) vprintf(fmt, ap);
	va_end(ap);
	(void) printf("\n");
	exit(EXIT_FAILURE);
}

/*
 * This cannot be tested here.
 */
void
nst_skip(const char *fmt, ...)
{
	va_list ap;

	(void) printf("not run: ");
	va_start(ap, fmt);
	(void) vprintf(fmt, ap);
	va_end(ap);
	(void) printf("\n");
	exit(NST_UNSUPPORTED);
}

/*
 * The frame of a test program
 */

/*
 * Tests change the policy and the associations of a whole stack.
 */
void
nst_require(void)
{
	zoneid_t zone = getzoneid();
	ushort_t flags = 0;

	if (geteuid() != 0)
		nst_skip("only root can do this");
	if (zone == GLOBAL_ZONEID)
		return;
	if (zone_getattr(zone, ZONE_ATTR_FLAGS, &flags, sizeof (flags)) < 0)
		nst_die("zone_getattr: %s", strerror(errno));
	if (!(flags & ZF_NET_EXCL))
		nst_skip("this zone has no IP stack of its own");
}

static void
nst_stop(int sig)
{
	if (nst_child > 0)
		(void) kill(nst_child, sig);
}

/*
 * Runs the tests in a process of their own, so that whatever becomes of them
 * there is somebody to clean up.  The tests are over when `tests' returns.
 */
int
nst_run(void (*tests)(void), void (*cleanup)(void))
{
	struct sigaction act;
	int status;

	(void) fflush(NULL);
	(void) memset(&act, 0, sizeof (act));
	act.sa_handler = nst_stop;
	(void) sigaction(SIGINT, &act, NULL);
	(void) sigaction(SIGTERM, &act, NULL);
	(void) sigaction(SIGHUP, &act, NULL);

	nst_child = fork();
	if (nst_child == -1)
		err(EXIT_FAILURE, "fork");
	if (nst_child == 0) {
		(void) signal(SIGINT, SIG_DFL);
		(void) signal(SIGTERM, SIG_DFL);
		(void) signal(SIGHUP, SIG_DFL);
		tests();
		nst_end_of_test();
		if (nst_failed_tests != 0)
			(void) printf("%u tests failed\n", nst_failed_tests);
		exit(nst_failed_tests == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	while (waitpid(nst_child, &status, 0) == -1) {
		if (errno != EINTR)
			err(EXIT_FAILURE, "waitpid");
	}
	nst_child = -1;
	cleanup();
	if (WIFEXITED(status))
		return (WEXITSTATUS(status));
	(void) printf("FAIL: the tests were ended by signal %d\n",
	    WTERMSIG(status));
	return (EXIT_FAILURE);
}
