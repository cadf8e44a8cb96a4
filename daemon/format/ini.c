/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI files, which nobody defined; so as Python's configparser reads them, but for what it changes
 * (names stay as they are written, [DEFAULT] is a section like others) and forbids (keys before the
 * first section). Keys are "section.key". Comments are whole lines; a line indented deeper than the
 * key before it goes on with its value.
 */
#include <string.h>

#include "keys.h"

struct ini {
	struct ra_keys *k;
	const char *section; /* NULL: before the first */
	size_t section_len;
	const char *name; /* NULL: none a line could go on with */
	uint32_t line; /* of name */
	size_t name_len, indent, value_len;
	size_t blanks; /* empty lines that count if the value goes on */
	bool bare; /* a name without a value */
	char full[RA_KEY_NAME_MAX + 1]; /* "section.key" */
};

static const struct ra_option options[] = { { 0 } };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* "section.name" into ini->full, if it is not too long. Returns its length. */
static size_t
put_name(struct ini *ini, const char *name, size_t name_len)
{
	size_t section = ini->section != NULL ? ini->section_len + 1 : 0;
	size_t len = section + name_len;

	if (len > RA_KEY_NAME_MAX)
		return len;
	if (section > 0) {
		memcpy(ini->full, ini->section, ini->section_len);
		ini->full[section - 1] = '.';
	}
	memcpy(ini->full + section, name, name_len);
	return len;
}

/* Hands over the key that is being read, as nothing more can come to it. */
static enum ra_reason
finish(struct ini *ini)
{
	const char *name = ini->name;

	ini->name = NULL;
	if (name == NULL)
		return RA_R_OK;
	return ra_keys_add_line(ini->k, ini->full, put_name(ini, name, ini->name_len), ini->k->work,
	    ini->value_len, ini->line, ini->bare ? RA_KEY_NULL : 0);
}

static enum ra_reason
take_section(struct ini *ini, const char *p, const char *end)
{
	const char *close = memrchr(p, ']', (size_t)(end - p));
	enum ra_reason reason = finish(ini);

	if (close == NULL || close == p + 1)
		return ra_keys_refuse(
		    ini->k, RA_R_NOT_INI, p, "not a section: '[name]' was expected");
	ini->section = p + 1;
	ini->section_len = (size_t)(close - p) - 1;
	return reason;
}

/* Names that may stand alone, as in my.cnf; anything else is not such a file. */
static bool
is_bare(const char *p, const char *end)
{
	for (; p < end; p++) {
		if ((*p < 'A' || *p > 'Z') && (*p < 'a' || *p > 'z') && (*p < '0' || *p > '9') &&
		    strchr("_.-", *p) == NULL)
			return false;
	}
	return true;
}

/*
 * A line of a value that looks like a key of its own. What has nothing behind its '=' may be the
 * end of something in Base64.
 */
static enum ra_reason
see_key(struct ini *ini, const char *p, const char *end)
{
	size_t len = ra_keys_name(p, end);
	const char *sign = p + len, *value;

	while (sign < end && is_blank(*sign))
		sign++;
	for (value = sign; value < end && (*value == '=' || *value == ':' || is_blank(*value));)
		value++;
	if (len == 0 || value == sign || value == end)
		return RA_R_OK;
	return ra_keys_unread(ini->k, ini->full, put_name(ini, p, len), p);
}

static enum ra_reason
go_on(struct ini *ini, const char *p, const char *end)
{
	char *out = ini->k->work + ini->value_len;

	for (; ini->blanks > 0; ini->blanks--)
		*out++ = '\n';
	*out++ = '\n';
	memcpy(out, p, (size_t)(end - p));
	ini->value_len = (size_t)(out - ini->k->work) + (size_t)(end - p);
	return see_key(ini, p, end);
}

static enum ra_reason
take_key(struct ini *ini, const char *p, const char *end, size_t indent)
{
	const char *sign = p, *value, *name_end;
	enum ra_reason reason = finish(ini);

	while (sign < end && *sign != '=' && *sign != ':')
		sign++;
	for (name_end = sign; name_end > p && is_blank(name_end[-1]);)
		name_end--;
	if (reason != RA_R_OK)
		return reason;
	if (name_end == p)
		return ra_keys_refuse(ini->k, RA_R_NOT_INI, p, "no name before the value");
	ini->bare = sign == end;
	if (ini->bare && (ini->section == NULL || !is_bare(p, end)))
		return ra_keys_refuse(
		    ini->k, RA_R_NOT_INI, p, "neither '[section]' nor 'key = value'");
	for (value = sign < end ? sign + 1 : end; value < end && is_blank(*value);)
		value++;
	ini->name = p;
	ini->line = ra_keys_line(ini->k, p);
	ini->name_len = (size_t)(name_end - p);
	ini->indent = indent;
	ini->blanks = 0;
	ini->value_len = (size_t)(end - value);
	memcpy(ini->k->work, value, ini->value_len);
	return RA_R_OK;
}

static enum ra_reason
take_line(struct ini *ini, const char *line, const char *end)
{
	const char *p = line;

	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	if (p == end) {
		ini->blanks++;
		return RA_R_OK;
	}
	if (*p == '#' || *p == ';')
		return RA_R_OK;
	if (ini->name != NULL && !ini->bare && (size_t)(p - line) > ini->indent)
		return go_on(ini, p, end);
	if (*p == '[')
		return take_section(ini, p, end);
	return take_key(ini, p, end, (size_t)(p - line));
}

static enum ra_reason
take_all(struct ra_keys *k)
{
	struct ini ini = { .k = k };
	enum ra_reason reason = ra_keys_check_text(k, RA_R_NOT_INI);

	for (const char *p = k->text; p < k->end && reason == RA_R_OK;) {
		const char *nl = memchr(p, '\n', (size_t)(k->end - p));

		reason = take_line(&ini, p, nl != NULL ? nl : k->end);
		p = nl != NULL ? nl + 1 : k->end;
	}
	return reason == RA_R_OK ? finish(&ini) : reason;
}

static enum ra_reason
ini_read(const struct ra_format_call *call, struct ra_data *ret, struct ra_error *err)
{
	struct ra_keys k;
	enum ra_reason reason = ra_keys_begin(&k, call, err);

	return ra_keys_end(&k, reason == RA_R_OK ? take_all(&k) : reason, ret);
}

const struct ra_format ra_format_ini = {
	.type = {
		.name = "ini",
		.help = "INI: [section] and key = value, as keys `section.key`",
		.options = options,
	},
	.serves = RA_SHAPE_KEYS,
	.read = ini_read,
};
