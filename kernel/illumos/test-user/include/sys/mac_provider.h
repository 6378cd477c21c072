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

#ifndef	_TEST_SYS_MAC_PROVIDER_H
#define	_TEST_SYS_MAC_PROVIDER_H

#include <sys/types.h>

#define	MAXLINKNAMELEN	32

typedef struct mac_handle *mac_handle_t;
typedef uint_t	mac_capab_t;
typedef enum {
	LINK_STATE_UNKNOWN = -1, LINK_STATE_DOWN, LINK_STATE_UP
} link_state_t;

extern void mac_link_update(mac_handle_t, link_state_t);
extern int dls_mgmt_get_linkinfo(datalink_id_t, char *, void *, void *,
    void *);

#endif	/* _TEST_SYS_MAC_PROVIDER_H */
