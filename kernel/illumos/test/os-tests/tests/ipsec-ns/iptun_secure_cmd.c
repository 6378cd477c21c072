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
 * Tunnels that require IPsec, from the command line, for the script.
 *
 *	iptun_secure_cmd probe
 *	iptun_secure_cmd create [options] name [local remote]
 *	iptun_secure_cmd modify [options] name [local remote]
 *	iptun_secure_cmd simple [-c] [-e error] name
 *	iptun_secure_cmd info name
 *	iptun_secure_cmd delete name
 *
 *	-S		require IPsec
 *	-o		create with the old command
 *	-f flags	beside the flags that the request needs
 *	-t type		ipv4, ipv6 or 6to4
 *	-c		take the simple policy away
 *	-e error	this error has to come, as a number
 *
 * The requests are those of the driver, not those of libdladm, which knows
 * nothing of the requirement.  The links are temporary.
 */

#include <sys/types.h>
#include <sys/dld_ioc.h>
#include <sys/dlpi.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <inet/iptun.h>
#include <net/pfkeyv2.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libdladm.h>
#include <libdllink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nst.h"

/* In the gate these come from <inet/iptun.h>. */
#ifndef	IPTUN_CREATE_SECURE
#define	IPTUN_CREATE_SECURE	IPTUNIOC(70)
#endif
#ifndef	IPTUN_KPARAM_SECURE
#define	IPTUN_KPARAM_SECURE	0x80000000
#endif

/* How often a request is tried while the kernel loads IPsec. */
#define	TRIES	50

static dladm_handle_t	handle;
static int		dld = -1;
static boolean_t	secure, old_command, clear_policy;
static uint32_t		more_flags;
static iptun_type_t	type = IPTUN_TYPE_IPV4;
static int		expected;

static void
usage(void)
{
	errx(EXIT_FAILURE, "usage: iptun_secure_cmd "
	    "probe|create|modify|simple|info|delete [-Soc] [-f flags] "
	    "[-t type] [-e error] [name [local remote]]");
}

static void
fail(const char *what, dladm_status_t status)
{
	char text[DLADM_STRSIZE];

	errx(EXIT_FAILURE, "%s: %s", what, dladm_status2str(status, text));
}

/*
 * One request to the driver: 0, or an error.
 */
static int
request(int command, void *argument)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (ioctl(dld, command, argument) == 0)
			return (0);
		if (errno != EAGAIN)
			break;
		(void) poll(NULL, 0, 100);
	}
	return (errno);
}

/*
 * The end of a command.
 */
static int
finish(const char *what, int error)
{
	if (error == expected)
		return (EXIT_SUCCESS);
	(void) fprintf(stderr, "%s: error %d (%s), expected %d (%s)\n", what,
	    error, strerror(error), expected, strerror(expected));
	return (EXIT_FAILURE);
}

static datalink_id_t
find(const char *name)
{
	datalink_id_t link;
	dladm_status_t status;

	if (name == NULL)
		usage();
	status = dladm_name2info(handle, name, &link, NULL, NULL, NULL);
	if (status != DLADM_STATUS_OK)
		fail(name, status);
	return (link);
}

static void
to_address(const char *text, struct sockaddr_storage *where)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)where;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)where;

	(void) memset(where, 0, sizeof (*where));
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1)
		sin->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1)
		sin6->sin6_family = AF_INET6;
	else
		errx(EXIT_FAILURE, "%s is no address", text);
}

static void
make_params(iptun_kparams_t *params, datalink_id_t link, char *ends[])
{
	(void) memset(params, 0, sizeof (*params));
	params->iptun_kparam_linkid = link;
	params->iptun_kparam_flags = more_flags;
	if (secure)
		params->iptun_kparam_flags |= IPTUN_KPARAM_SECURE;
	if (ends[0] != NULL) {
		to_address(ends[0], &params->iptun_kparam_laddr);
		params->iptun_kparam_flags |= IPTUN_KPARAM_LADDR;
	}
	if (ends[0] != NULL && ends[1] != NULL) {
		to_address(ends[1], &params->iptun_kparam_raddr);
		params->iptun_kparam_flags |= IPTUN_KPARAM_RADDR;
	}
}

static uint32_t
media(void)
{
	switch (type) {
	case IPTUN_TYPE_IPV6:
		return ((uint32_t)DL_IPV6);
	case IPTUN_TYPE_6TO4:
		return ((uint32_t)DL_6TO4);
	default:
		return ((uint32_t)DL_IPV4);
	}
}

static int
cmd_create(const char *name, char *ends[])
{
	iptun_kparams_t params;
	datalink_id_t link;
	dladm_status_t status;
	int error;

	if (name == NULL)
		usage();
	status = dladm_create_datalink_id(handle, name, DATALINK_CLASS_IPTUN,
	    media(), DLADM_OPT_ACTIVE, &link);
	if (status != DLADM_STATUS_OK)
		fail(name, status);
	make_params(&params, link, ends);
	params.iptun_kparam_flags |= IPTUN_KPARAM_TYPE;
	params.iptun_kparam_type = type;
	error = request(old_command ? IPTUN_CREATE : IPTUN_CREATE_SECURE,
	    &params);
	if (error != 0) {
		(void) dladm_destroy_datalink_id(handle, link,
		    DLADM_OPT_ACTIVE);
	}
	return (finish("create", error));
}

static int
cmd_modify(const char *name, char *ends[])
{
	iptun_kparams_t params;

	make_params(&params, find(name), ends);
	return (finish("modify", request(IPTUN_MODIFY, &params)));
}

/*
 * Policy that protects everything, as a parameter of the tunnel.
 */
static int
cmd_simple(const char *name, char *ends[])
{
	iptun_kparams_t params;
	ipsec_req_t *policy = &params.iptun_kparam_secinfo;

	make_params(&params, find(name), ends);
	params.iptun_kparam_flags |= IPTUN_KPARAM_SECINFO;
	if (!clear_policy) {
		policy->ipsr_esp_req = IPSEC_PREF_REQUIRED;
		policy->ipsr_esp_alg = SADB_EALG_AES;
		policy->ipsr_esp_auth_alg = SADB_AALG_SHA256HMAC;
	}
	return (finish("simple policy", request(IPTUN_MODIFY, &params)));
}

/*
 * Prints whether the tunnel requires IPsec, and whether it has policy.
 */
static int
cmd_info(const char *name)
{
	iptun_kparams_t params;
	uint32_t flags;
	int error;

	(void) memset(&params, 0, sizeof (params));
	params.iptun_kparam_linkid = find(name);
	error = request(IPTUN_INFO, &params);
	if (error == 0) {
		flags = params.iptun_kparam_flags;
		(void) printf("%s %s\n",
		    (flags & IPTUN_KPARAM_SECURE) ? "secure" : "plain",
		    (flags & IPTUN_KPARAM_IPSECPOL) ? "policy" : "none");
	}
	return (finish("info", error));
}

static int
cmd_delete(const char *name)
{
	datalink_id_t link = find(name);
	int error = request(IPTUN_DELETE, &link);

	if (error == 0 || error == ENOENT) {
		(void) dladm_destroy_datalink_id(handle, link,
		    DLADM_OPT_ACTIVE);
	}
	return (finish("delete", error));
}

/*
 * Asks the new command to create a tunnel for a link that does not exist.
 * Everything but ENOTSUP says that the driver knows it.
 */
static int
cmd_probe(void)
{
	static char *no_ends[] = { NULL, NULL };
	iptun_kparams_t params;
	datalink_id_t link = DATALINK_MAX_LINKID - 1;
	int error;

	while (dladm_datalink_id2info(handle, link, NULL, NULL, NULL, NULL,
	    0) == DLADM_STATUS_OK)
		link--;
	make_params(&params, link, no_ends);
	params.iptun_kparam_flags |= IPTUN_KPARAM_TYPE;
	params.iptun_kparam_type = IPTUN_TYPE_IPV4;
	error = request(IPTUN_CREATE_SECURE, &params);
	if (error == 0) {
		(void) request(IPTUN_DELETE, &link);
		errx(EXIT_FAILURE, "a tunnel was created for link %u, which "
		    "does not exist", link);
	}
	if (error == ENOTSUP)
		errx(EXIT_FAILURE, "this kernel has no tunnels that require "
		    "IPsec");
	(void) printf("%d\n", error);
	return (EXIT_SUCCESS);
}

static int
do_command(const char *command, char *arguments[])
{
	const char *name = arguments[0];
	char **ends = (name == NULL) ? arguments : arguments + 1;

	if (strcmp(command, "probe") == 0)
		return (cmd_probe());
	if (strcmp(command, "create") == 0)
		return (cmd_create(name, ends));
	if (strcmp(command, "modify") == 0)
		return (cmd_modify(name, ends));
	if (strcmp(command, "simple") == 0)
		return (cmd_simple(name, ends));
	if (strcmp(command, "info") == 0)
		return (cmd_info(name));
	if (strcmp(command, "delete") == 0)
		return (cmd_delete(name));
	usage();
	return (EXIT_FAILURE);
}

int
main(int argc, char *argv[])
{
	const char *command;
	dladm_status_t status;
	int c, result;

	if (argc < 2)
		usage();
	command = argv[1];
	argc--;
	argv++;
	while ((c = getopt(argc, argv, "ce:f:oSt:")) != -1) {
		switch (c) {
		case 'c':
			clear_policy = B_TRUE;
			break;
		case 'e':
			expected = atoi(optarg);
			break;
		case 'f':
			more_flags = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'o':
			old_command = B_TRUE;
			break;
		case 'S':
			secure = B_TRUE;
			break;
		case 't':
			if (strcmp(optarg, "ipv4") == 0)
				type = IPTUN_TYPE_IPV4;
			else if (strcmp(optarg, "ipv6") == 0)
				type = IPTUN_TYPE_IPV6;
			else if (strcmp(optarg, "6to4") == 0)
				type = IPTUN_TYPE_6TO4;
			else
				usage();
			break;
		default:
			usage();
		}
	}
	nst_require();
	if ((status = dladm_open(&handle)) != DLADM_STATUS_OK)
		fail("dladm_open", status);
	if ((dld = open("/dev/dld", O_RDWR)) == -1)
		err(EXIT_FAILURE, "/dev/dld");
	result = do_command(command, argv + optind);
	(void) close(dld);
	dladm_close(handle);
	return (result);
}
