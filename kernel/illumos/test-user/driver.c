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

#include <sys/debug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"

ulong_t
driver_number(const char *word)
{
	char *end;
	ulong_t value = strtoul(word, &end, 0);

	if (*word == '\0' || *end != '\0')
		SHIM_FAIL("%s is no number", word);
	return (value);
}

static uint_t
digit(char c)
{
	if (c >= '0' && c <= '9')
		return ((uint_t)(c - '0'));
	VERIFY(c >= 'a' && c <= 'f');
	return ((uint_t)(c - 'a' + 10));
}

void *
driver_bytes(const char *word, size_t *size)
{
	size_t i, n = (strcmp(word, "-") == 0 ? 0 : strlen(word) / 2);
	uint8_t *bytes = malloc(n);

	VERIFY(bytes != NULL || n == 0);
	for (i = 0; i < n; i++) {
		bytes[i] = (uint8_t)(digit(word[2 * i]) << 4 |
		    digit(word[2 * i + 1]));
	}
	*size = n;
	return (bytes);
}

void
driver_put_bytes(const void *bytes, size_t size)
{
	size_t i;

	if (size == 0)
		(void) putchar('-');
	for (i = 0; i < size; i++)
		(void) printf("%02x", ((const uint8_t *)bytes)[i]);
}

void
driver_run(const driver_command_t *commands)
{
	static char line[1 << 16];
	const driver_command_t *c;
	char *words[DRIVER_WORDS], *word;
	int n;

	while (fgets(line, sizeof (line), stdin) != NULL) {
		n = 0;
		for (word = strtok(line, " \n"); word != NULL;
		    word = strtok(NULL, " \n")) {
			VERIFY(n < DRIVER_WORDS);
			words[n++] = word;
		}
		VERIFY(n > 0);
		for (c = commands; c->dc_name != NULL; c++) {
			if (strcmp(c->dc_name, words[0]) == 0)
				break;
		}
		if (c->dc_name == NULL || c->dc_words != n - 1)
			SHIM_FAIL("%s, %d words: no command", words[0], n);
		c->dc_run(words + 1);
		(void) putchar('\n');
		VERIFY(fflush(stdout) == 0);
	}
}
