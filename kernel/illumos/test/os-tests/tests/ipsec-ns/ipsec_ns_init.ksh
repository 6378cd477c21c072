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
# Can the tests of IPsec namespaces run here?  They work on the policy and the
# associations of the whole IP stack, so both have to be empty.
#

export PATH=/usr/sbin:/usr/bin:/sbin
DIR=$(cd "$(dirname "$0")" && pwd)

function fail
{
	print -u2 -- "$*"
	exit 1
}

(($(id -u) == 0)) || fail "only root can do this"

"$DIR/pf_policy_cmd" probe || exit 1
"$DIR/pf_policy_cmd" none || fail "there is IPsec policy already"

for link in nspol0 nsnone0 nsit0 nsit1 nsit2 nsit3 nsit9 nsstub0 nsout0 nsfar0
do
	dladm show-link "$link" >/dev/null 2>&1 &&
	    fail "there is a link $link already"
done

exit 0
