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
# Tunnels that require IPsec: the requests of the driver, the state of the
# link, and that nothing leaves in clear.
#
# The other end of the tunnels does not exist.  In a zone that may create
# links there is an etherstub with two VNICs, one with the local address, and
# one with the link-layer address of the remote end, where everything arrives
# that would leave this host; snoop counts that.  Elsewhere an address of the
# zone is used, and only counters of the tunnel are looked at.
#
#	IPTUN_LOCAL	local address to use instead of one on a VNIC
#	IPTUN_SECONDS	how long policy comes and goes under traffic (10)
#
# Everything is temporary, and removed at the end.
#

export PATH=/usr/sbin:/usr/bin:/sbin
DIR=$(cd "$(dirname "$0")" && pwd)
POLICY=$DIR/pf_policy_cmd
IPTUN=$DIR/iptun_secure_cmd

T=nsit0
STUB=nsstub0
OUT=nsout0
FAR=nsfar0

# Outer addresses are for benchmarks, inner ones for documentation.
LOCAL=198.18.77.1
REMOTE=198.18.77.2
REMOTE2=198.18.77.6
INNER=192.0.2.1
PEER=192.0.2.2

EINVAL=22
EBUSY=16
ENOENT=2

CAPTURE=$(mktemp /tmp/iptun_secure.XXXXXX) || exit 1

typeset -i failed=0 wire=0 made=0 packets=-1 seconds
seconds=${IPTUN_SECONDS:-10}
snoop_pid=
churn_pid=
ping_pid=

function complain
{
	print -u2 -- "FAIL: $*"
	failed+=1
}

function passed
{
	print -- "done: $*"
}

function cannot
{
	print -u2 -- "not run: $*"
	exit 4
}

#
# A command that has to succeed.
#
function must
{
	"$@" || complain "this has failed: $*"
}

#
# Called at the end.
#
# shellcheck disable=SC2317
function cleanup
{
	typeset link owner pid

	for pid in $snoop_pid $churn_pid $ping_pid; do
		kill "$pid" 2>/dev/null
	done
	wait
	for link in $T nsit1 nsit2 nsit3 nsit9; do
		dladm show-link "$link" >/dev/null 2>&1 || continue
		ipadm delete-if "$link" >/dev/null 2>&1
		"$IPTUN" delete "$link"
	done
	for owner in a b; do
		"$POLICY" flush -o "$owner" -t ""
		"$POLICY" flush -s -o "$owner" -t ""
	done
	"$POLICY" flush -t ""
	"$POLICY" flush -s -t ""
	if ((made)); then
		arp -d "$REMOTE" >/dev/null 2>&1
		ipadm delete-if "$OUT" >/dev/null 2>&1
		dladm delete-vnic -t "$OUT" >/dev/null 2>&1
		dladm delete-vnic -t "$FAR" >/dev/null 2>&1
		dladm delete-etherstub -t "$STUB" >/dev/null 2>&1
	fi
	rm -f "$CAPTURE"
}

#
# An address that belongs to this host, and, if possible, a wire to look at.
#
function make_outside
{
	typeset mac

	if [[ -n $IPTUN_LOCAL ]]; then
		LOCAL=$IPTUN_LOCAL
		print "packets are not looked at, since IPTUN_LOCAL is set"
		return
	fi
	if dladm create-etherstub -t "$STUB" 2>/dev/null; then
		made=1
		must dladm create-vnic -t -l "$STUB" "$OUT"
		must dladm create-vnic -t -l "$STUB" "$FAR"
		ipadm create-if -t "$OUT" 2>/dev/null
		must ipadm create-addr -t -T static \
		    -a "local=$LOCAL/29" "$OUT/v4"
		mac=$(dladm show-vnic -p -o macaddress "$FAR" | tr -d '\134')
		must arp -s "$REMOTE" "$mac"
		wire=1
		return
	fi
	LOCAL=$(ipadm show-addr -p -o type,state,addr |
	    sed -n 's/^[a-z]*:ok:\([0-9][0-9.]*\)\/.*/\1/p' |
	    grep -v '^127\.' | head -1)
	[[ -n "$LOCAL" ]] || cannot "there is no address to use for a tunnel"
	print "packets are not looked at, since no links can be created here"
}

#
# What the kernel, and dladm, say of the link: up, down or unknown.
#
function link_state
{
	case $(kstat -p "link:0:$1:link_state" | awk '{print $2}') in
	1)	print up;;
	0)	print down;;
	*)	print unknown;;
	esac
}

#
# The state is told by a thread of the driver, so it may take a moment.
#
function becomes
{
	typeset link=$1 state=$2 shown
	typeset -i i

	shift 2
	for ((i = 0; i < 50; i++)); do
		[[ $(link_state "$link") == "$state" ]] && break
		sleep 0.1
	done
	shown=$(dladm show-link -p -o state "$link")
	[[ $(link_state "$link") == "$state" && $shown == "$state" ]] ||
	    complain "$*: $link is $(link_state "$link") and shown as" \
	    "$shown, expected $state"
}

#
# The state is this one, and does not change within a second.
#
function stays
{
	typeset link=$1 state=$2
	typeset -i i

	shift 2
	for ((i = 0; i < 10; i++)); do
		[[ $(link_state "$link") == "$state" ]] || {
			complain "$*: $link is $(link_state "$link")," \
			    "expected $state"
			return
		}
		sleep 0.1
	done
}

function told
{
	typeset link=$1 expected=$2 found

	shift 2
	found=$("$IPTUN" info "$link")
	[[ $found == "$expected" ]] ||
	    complain "$*: $link has \"$found\", expected \"$expected\""
}

function plumb
{
	ipadm create-if -t $T 2>/dev/null
	must ipadm create-addr -t -T static \
	    -a local=$INNER,remote=$PEER $T/v4
}

function unplumb
{
	must ipadm delete-if $T
}

#
# Adds a rule for everything and prints its number; options may say more.
#
function add
{
	"$POLICY" add -t $T "$@" || complain "cannot add a rule ($*)"
}

function flush
{
	must "$POLICY" flush -t $T "$@"
}

function remove_all
{
	typeset owner side

	for side in "" -s; do
		for owner in a b; do
			# shellcheck disable=SC2086
			flush $side -o "$owner"
		done
		# shellcheck disable=SC2086
		flush $side
	done
}

#
# Tests
#

function test_requests
{
	must "$IPTUN" probe >/dev/null

	must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
	told $T "secure none" "created with the requirement"
	becomes $T down "created with the requirement"
	must "$IPTUN" create nsit1 "$LOCAL" $REMOTE2
	told nsit1 "plain none" "created by the new command without it"

	# It is for life.
	must "$IPTUN" modify -S -e $EINVAL nsit1
	told nsit1 "plain none" "after a refused modification"
	must "$IPTUN" modify -S $T
	must "$IPTUN" modify $T "$LOCAL" "$REMOTE"
	told $T "secure none" "after modifications"
	must "$IPTUN" delete nsit1

	must "$IPTUN" create -o -S nsit2 "$LOCAL" $REMOTE2
	told nsit2 "secure none" "created by the old command"
	must "$IPTUN" delete nsit2
	must "$IPTUN" create -S -t ipv6 nsit2
	told nsit2 "secure none" "a tunnel over IPv6, without addresses"
	becomes nsit2 down "a tunnel without addresses"
	must "$IPTUN" delete nsit2

	must "$IPTUN" create -S -t 6to4 -e $EINVAL nsit3 "$LOCAL"
	must "$IPTUN" create -o -S -t 6to4 -e $EINVAL nsit3 "$LOCAL"
	must "$IPTUN" create -S -f 0x10 -e $EINVAL nsit3 "$LOCAL" $REMOTE2
	must "$IPTUN" create -f 0x40000000 -e $EINVAL nsit3 "$LOCAL" $REMOTE2
	dladm show-link nsit3 >/dev/null 2>&1 &&
	    complain "a refused tunnel has left a link"
	passed "requests"
}

function test_state
{
	typeset number

	plumb
	becomes $T down "plumbed, without policy"
	add >/dev/null
	becomes $T up "with a rule"
	told $T "secure policy" "with a rule"
	flush
	becomes $T down "after a flush"
	told $T "secure none" "after a flush"
	passed "state after rules and flush"

	add -o a 1 >/dev/null
	add -o b 2 >/dev/null
	becomes $T up "with rules of two owners"
	flush -o a
	flush
	stays $T up "another owner has a rule left"
	flush -o b
	becomes $T down "after the flush of the last owner"
	passed "state after flushes of owners"

	# There are two rules, one for each direction.
	number=$(add 1)
	becomes $T up "before deletion"
	must "$POLICY" delete -t $T "$number"
	stays $T up "one of two rules deleted"
	must "$POLICY" delete -t $T -e 3 "$number"
	must "$POLICY" delete -t $T $((number - 1))
	becomes $T down "both rules deleted"
	passed "state after deletions"

	add -s >/dev/null
	stays $T down "with standby rules only"
	must "$POLICY" flip -t $T
	becomes $T up "after a flip"
	must "$POLICY" flip -t $T
	becomes $T down "after a flip to nothing"
	must "$POLICY" flip -t ""
	becomes $T up "after a flip of everything"
	must "$POLICY" flush -t ""
	becomes $T down "after a flush of everything"
	passed "state after flips"

	# Repaired defects R3 and R4: see pf_policy_ns.c.
	add >/dev/null
	becomes $T up "before standby is loaded"
	add -s >/dev/null
	stays $T up "standby is loaded"
	told $T "secure policy" "standby is loaded"
	flush -s
	must "$POLICY" add -t $T -s -a bad -e $EINVAL
	stays $T up "a standby rule is refused"
	told $T "secure policy" "a standby rule is refused"
	must "$POLICY" clone -t $T
	stays $T up "after a copy"
	remove_all
	becomes $T down "at the end"

	add -a pass >/dev/null
	becomes $T up "with a rule that passes"
	remove_all
	add -m >/dev/null
	becomes $T up "with a rule for transport mode"
	remove_all
	becomes $T down "without rules"
	passed "state while policy is loaded"

	# The name of a plumbed or protected tunnel does not change.
	add >/dev/null
	becomes $T up "before it is unplumbed"
	unplumb
	becomes $T down "not plumbed"
	dladm rename-link $T nsit9 2>/dev/null &&
	    complain "a tunnel with policy was renamed"
	must dladm show-link $T >/dev/null
	told $T "secure policy" "after a refused new name"
	passed "the name"
}

#
# Policy that is there before the tunnel, and policy that comes at the same
# time.  The tunnel is not plumbed, and has policy, when this begins.
#
function test_creation
{
	typeset -i i

	must "$IPTUN" delete $T
	must "$POLICY" count -t $T -e $ENOENT
	must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
	plumb
	stays $T down "created again; its policy went with it"
	add >/dev/null
	becomes $T up "loaded again"
	unplumb
	must "$IPTUN" delete $T
	passed "a tunnel that is created again"

	add >/dev/null
	must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
	plumb
	becomes $T up "policy was there first"
	unplumb
	must "$IPTUN" delete $T
	passed "policy before the tunnel"

	for ((i = 0; i < 20; i++)); do
		"$POLICY" add -t $T >/dev/null &
		must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
		wait $!
		plumb
		becomes $T up "policy and tunnel at the same time, round $i"
		unplumb
		must "$IPTUN" delete $T
	done
	passed "policy and tunnel at the same time"
}

#
# Policy that comes as a parameter of the tunnel.
#
function test_simple
{
	must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
	plumb
	add -o a >/dev/null
	becomes $T up "with a rule of an owner"
	must "$IPTUN" simple -e $EBUSY $T
	must "$POLICY" clone -t $T -o a
	flush -o a
	becomes $T down "with a standby rule of an owner"
	must "$IPTUN" simple -e $EBUSY $T
	flush -s -o a
	must "$IPTUN" simple $T
	becomes $T up "with a simple policy"
	must "$IPTUN" simple -c $T
	becomes $T down "without the simple policy"
	told $T "secure none" "without the simple policy"
	remove_all
	passed "simple policy"
}

function counter
{
	kstat -p "link:0:$T:$1" | awk '{print $2}'
}

function listen
{
	((wire)) || return
	rm -f "$CAPTURE"
	snoop -q -d "$FAR" -o "$CAPTURE" >/dev/null 2>&1 &
	snoop_pid=$!
	sleep 2
}

#
# Counts the packets with a tunnel header in clear that have arrived, in
# `packets'.  It is -1 if nobody has listened.
#
function heard
{
	packets=-1
	((wire)) || return
	sleep 1
	kill "$snoop_pid"
	wait "$snoop_pid" 2>/dev/null
	snoop_pid=
	packets=$(snoop -r -i "$CAPTURE" 'ip[9] = 4 or ip[9] = 41' 2>/dev/null |
	    grep -c .)
}

function traffic
{
	ping $PEER 2 >/dev/null 2>&1
	ping $PEER 2 >/dev/null 2>&1
}

#
# Sends something, and looks whether anything leaves in clear.
#
function nothing_leaves
{
	typeset -i sent errors nobuf dropped

	sent=$(counter opackets64)
	errors=$(counter oerrors)
	nobuf=$(counter noxmtbuf)
	listen
	traffic
	heard
	((sent = $(counter opackets64) - sent))
	((dropped = $(counter oerrors) - errors + $(counter noxmtbuf) - nobuf))
	print -- "$*: sent $sent, dropped $dropped, in clear on the wire" \
	    "$packets"
	((packets <= 0)) || complain "$*: $packets packets have left in clear"

	# What IPsec drops for want of a key has been sent by the tunnel.
	[[ $1 == with ]] && return
	((sent == 0)) || complain "$*: the tunnel has sent $sent packets"
	((dropped > 0)) ||
	    complain "$*: the tunnel has not counted what it has dropped"
}

#
# The same with a tunnel that does not require IPsec.  If nothing is heard of
# that, then it says nothing if nothing is heard of the others.
#
function test_wire
{
	((wire)) || return
	unplumb
	must "$IPTUN" delete $T
	must "$IPTUN" create $T "$LOCAL" "$REMOTE"
	plumb
	becomes $T up "a tunnel that does not require IPsec"
	listen
	traffic
	heard
	unplumb
	must "$IPTUN" delete $T
	must "$IPTUN" create -S $T "$LOCAL" "$REMOTE"
	plumb
	if ((packets == 0)); then
		print "packets are not looked at: those of a plain tunnel" \
		    "have not been heard"
		wire=0
	else
		passed "a plain tunnel, of which $packets packets were heard"
	fi
}

#
# Policy comes and goes in every way there is until it is told to stop.
#
function churn
{
	typeset -i end

	((end = SECONDS + seconds))
	while ((SECONDS < end)); do
		"$POLICY" add -t $T >/dev/null
		"$POLICY" add -t $T -s -a pass >/dev/null
		"$POLICY" flip -t $T
		"$POLICY" flip -t ""
		"$POLICY" clone -t $T
		"$POLICY" flush -t $T
		"$POLICY" flip -t $T
		"$POLICY" flush -t $T
		"$POLICY" add -t $T -o a 1 >/dev/null
		"$POLICY" flush -s -t $T
		"$POLICY" flush -t $T -o a
	done
}

function test_packets
{
	nothing_leaves without policy
	add -s >/dev/null
	nothing_leaves without active policy, but some on standby
	must "$POLICY" flip -t $T
	becomes $T up "before it is flushed"
	flush
	becomes $T down "flushed"
	nothing_leaves without policy, after a flush
	add >/dev/null
	becomes $T up "with ESP"
	nothing_leaves with ESP and no keys
	remove_all
	add -a pass >/dev/null
	becomes $T up "with a rule that passes"
	nothing_leaves although a rule passes
	remove_all
	add -a pass 1 >/dev/null
	becomes $T up "with a rule for something else"
	nothing_leaves although a rule passes something else
	remove_all
	becomes $T down "without rules"
	passed "packets"

	((wire)) || return
	listen
	ping -s -n -I 0.01 $PEER 64 $((seconds * 100)) >/dev/null 2>&1 &
	ping_pid=$!
	churn &
	churn_pid=$!
	wait "$churn_pid"
	churn_pid=
	kill "$ping_pid" 2>/dev/null
	wait "$ping_pid" 2>/dev/null
	ping_pid=
	heard
	((packets == 0)) ||
	    complain "$packets packets have left while policy came and went"
	remove_all
	passed "packets while policy comes and goes"
}

(($(id -u) == 0)) || cannot "only root can do this"
"$POLICY" probe || exit 1
"$POLICY" none || cannot "there is IPsec policy already"
[[ -z $(dladm show-link -p -o link,class |
    awk -F: '$2 == "iptun"') ]] || cannot "there are tunnels already"
for link in "$STUB" "$OUT" "$FAR"; do
	dladm show-link "$link" >/dev/null 2>&1 &&
	    cannot "there is a link $link already"
done

trap cleanup EXIT
trap 'exit 1' INT TERM HUP

make_outside
test_requests
test_state
test_creation
test_simple
test_wire
test_packets
unplumb
must "$IPTUN" delete $T

((failed == 0)) || {
	print -u2 "$failed checks have failed"
	exit 1
}
print "PASS: tunnels that require IPsec"
exit 0
