#!/usr/bin/ksh
#
# This file and its contents are supplied under the terms of the
# Common Development and Distribution License ("CDDL"), version 1.0.
# You may only use this file in accordance with the terms of version
# 1.0 of the CDDL.
#
# A full copy of the text of the CDDL should have accompanied this
# source.  A copy of the CDDL is also available via the Internet at
# http://www.illumos.org/license/CDDL.
#
# SPDX-License-Identifier: CDDL-1.0
#

#
# Removes what the tests of IPsec namespaces cannot remove themselves.
#
# Policy for a tunnel that does not exist leaves a node of that name, without
# rules.  The kernel keeps it until a tunnel of the name is deleted, so here
# is one.
#

export PATH=/usr/sbin:/usr/bin:/sbin
DIR=$(cd "$(dirname "$0")" && pwd)

"$DIR/pf_policy_cmd" none || {
	print -u2 "a test has left policy behind"
	exit 1
}

dladm show-link nspol0 >/dev/null 2>&1 && exit 1
"$DIR/iptun_secure_cmd" create -o nspol0 || exit 1
"$DIR/iptun_secure_cmd" delete nspol0 || exit 1

# ENOENT: the node has gone.
"$DIR/pf_policy_cmd" flush -t nspol0 -e 2
