/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: where they come from, and the forms in which they must never be shown. */
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "relaudit/base/arena.h"
#include "relaudit/base/digest.h"
#include "relaudit/base/escape.h"

#include "loading.h"

#define CONTENT_MAX ((size_t)8 * 1024 * 1024) /* of a bundle of CAs */
#define SCRUB_LEAST 4 /* shorter ones would blacken innocent text */
#define LINE_LEAST  8 /* bytes of a line that is a secret by itself */

static const char env_scheme[] = "env:";
static const char file_scheme[] = "file:";
static const char credential_scheme[] = "credential:";

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
ra_secret_scheme(const char *name)
{
	return has_prefix(name, env_scheme) || has_prefix(name, file_scheme) ||
	       has_prefix(name, credential_scheme);
}

/* --- reading --- */

/* Looked at before it is read: a change in between is one that is seen later. */
static int
watch(struct ra_loading *l, const char *path)
{
	struct ra_watched *w;
	struct stat st;

	if (ra_map_get(&l->watched, path) != NULL)
		return 0;
	w = ra_arena_alloc(l->trees, sizeof(*w));
	if (w == NULL || (w->path = ra_keep(l, path)) == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	if (stat(path, &st) == 0) {
		w->modified = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		w->size = st.st_size;
		w->inode = st.st_ino;
	}
	if (ra_map_put(&l->watched, w->path, w, NULL) < 0)
		return ra_say_no_memory(l), -ENOMEM;
	return 0;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct ra_watched *)a)->path, ((const struct ra_watched *)b)->path);
}

int
ra_watched_keep(struct ra_loading *l)
{
	struct ra_watched *list =
	    ra_arena_alloc(l->config->arena, l->watched.count * sizeof(*list));
	size_t i = 0, n = 0;
	void *w;

	if (list == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	while (ra_map_next(&l->watched, &i, NULL, &w))
		list[n++] = *(const struct ra_watched *)w;
	if (n > 0)
		qsort(list, n, sizeof(*list), compare_paths);
	l->config->watched = list;
	l->config->watched_count = n;
	return 0;
}

static int
read_environment(struct ra_loading *l, const char *name, struct ra_secret *s)
{
	const char *value = getenv(name);

	if (value == NULL)
		return ra_error_set(
		    &s->error, -ENOENT, "the environment variable %s is not set", name);
	s->value = ra_keep(l, value);
	return s->value != NULL ? 0 : -ENOMEM;
}

static int
read_file(struct ra_loading *l, const char *path, struct ra_secret *s)
{
	RA_BUF_LOCAL text = RA_BUF(RA_SECRET_MAX + 1);
	int r = watch(l, path);

	if (r == 0)
		r = ra_files_read(path, RA_SECRET_MAX, &text, &s->error);
	if (r < 0)
		return r;
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	text.data[text.len] = '\0';
	if (strlen(ra_buf_text(&text)) != text.len)
		return ra_error_set(&s->error, -EINVAL, "%s holds a NUL byte", path);
	s->value = ra_keep(l, ra_buf_text(&text));
	explicit_bzero(text.data, text.cap);
	return s->value != NULL ? 0 : -ENOMEM;
}

static int
read_credential(struct ra_loading *l, const char *name, struct ra_secret *s)
{
	const char *folder = l->load->credentials;
	RA_BUF_LOCAL path = RA_BUF(PATH_MAX);

	if (folder == NULL)
		folder = getenv("CREDENTIALS_DIRECTORY");
	if (*name == '\0' || strchr(name, '/') != NULL || *name == '.')
		return ra_error_set(
		    &s->error, -EINVAL, "'%.80s' is not the name of a credential", name);
	if (folder == NULL || *folder == '\0')
		return ra_error_set(&s->error, -ENOENT,
		    "no credential %.80s: relauditd was given none (LoadCredential= in its unit)",
		    name);
	if (ra_buf_printf(&path, "%s/%s", folder, name) == -ENOMEM)
		return -ENOMEM;
	if (path.error < 0)
		return ra_error_set(&s->error, -ENAMETOOLONG, "the path is too long");
	return read_file(l, path.data, s);
}

static int
read_secret(struct ra_loading *l, const char *name, struct ra_secret *s)
{
	if (l->load->offline) {
		s->value = "offline";
		return 0;
	}
	if (has_prefix(name, env_scheme))
		return read_environment(l, name + strlen(env_scheme), s);
	if (has_prefix(name, credential_scheme))
		return read_credential(l, name + strlen(credential_scheme), s);
	name += strlen(file_scheme);
	if (*name != '/')
		return ra_error_set(&s->error, -EINVAL, "'%.200s' is not an absolute path", name);
	return read_file(l, name, s);
}

const char *
ra_secret_read(struct ra_loading *l, struct ra_mark at, const char *name)
{
	struct ra_secret *s = ra_map_get(&l->secrets, name);

	if (s == NULL) {
		const char *key = ra_arena_strdup(l->trees, name);

		s = ra_arena_alloc(l->trees, sizeof(*s));
		if (key == NULL || s == NULL || ra_map_put(&l->secrets, key, s, NULL) < 0)
			return ra_say_no_memory(l);
		if (read_secret(l, name, s) == -ENOMEM)
			return ra_say_no_memory(l);
	}
	if (s->value == NULL)
		ra_say(l, at, "%s", s->error.text);
	return s->value;
}

void
ra_secret_scrub(const struct ra_loading *l, char *text)
{
	void *value;
	size_t i = 0;

	while (ra_map_next(&l->secrets, &i, NULL, &value)) {
		const struct ra_secret *s = value;
		size_t len = s->value != NULL ? strlen(s->value) : 0;

		if (len < SCRUB_LEAST)
			continue;
		for (char *at = text; (at = strstr(at, s->value)) != NULL; at += len)
			memset(at, '*', len);
	}
}

/* --- files whose content counts --- */

int
ra_content_digest(struct ra_loading *l, const char *path, uint8_t out[RA_DIGEST_SIZE])
{
	RA_BUF_LOCAL text = RA_BUF(CONTENT_MAX + 1);
	uint8_t *known = ra_map_get(&l->contents, path);
	const char *key;

	if (known == NULL) {
		key = ra_arena_strdup(l->trees, path);
		known = ra_arena_alloc(l->trees, RA_DIGEST_SIZE);
		if (key == NULL || known == NULL || ra_map_put(&l->contents, key, known, NULL) < 0)
			return ra_say_no_memory(l), -ENOMEM;
		/* Zeros if it cannot be read: then the probe says so. */
		if (!l->load->offline && watch(l, path) < 0)
			return -ENOMEM;
		if (!l->load->offline && ra_files_read(path, CONTENT_MAX, &text, NULL) == 0 &&
		    ra_digest_of(text.data, text.len, known) < 0)
			return ra_say_no_memory(l), -ENOMEM;
	}
	memcpy(out, known, RA_DIGEST_SIZE);
	return 0;
}

/* --- those of one check --- */

void
ra_secrets_clear(struct ra_secrets *s)
{
	free(s->list);
	*s = (struct ra_secrets){ 0 };
}

static int
add_form(struct ra_loading *l, struct ra_secrets *s, const char *value)
{
	if (*value == '\0')
		return 0;
	for (size_t i = 0; i < s->count; i++) {
		if (strcmp(s->list[i], value) == 0)
			return 0;
	}
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 4 : 2 * s->cap;
		const char **list = reallocarray(s->list, cap, sizeof(*list));

		if (list == NULL)
			return ra_say_no_memory(l), -ENOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->count++] = value;
	return 0;
}

static int
add_escaped(struct ra_loading *l, struct ra_secrets *s, const struct ra_buf *escaped)
{
	const char *kept = escaped->error == 0 ? ra_keep(l, ra_buf_text(escaped)) : NULL;

	if (kept == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	return add_form(l, s, kept);
}

/* As servers echo what was in a URL. */
static void
escape_url(struct ra_buf *out, const char *value)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";

	for (; *value != '\0'; value++) {
		if (strchr(unreserved, *value) != NULL)
			(void)ra_buf_putc(out, *value);
		else
			(void)ra_buf_printf(out, "%%%02X", (unsigned char)*value);
	}
}

/* As it is, and as it stands in JSON, in a URL, in a line that was escaped and may be cut later. */
static int
add_one(struct ra_loading *l, struct ra_secrets *s, const char *value)
{
	RA_BUF_LOCAL json = RA_BUF(0);
	RA_BUF_LOCAL line = RA_BUF(0);
	RA_BUF_LOCAL url = RA_BUF(0);
	const struct ra_buf *const forms[] = { &json, &line, &url };
	int r = add_form(l, s, value);

	(void)ra_escape_json(&json, value, strlen(value));
	(void)ra_escape_line(&line, value, strlen(value), 0);
	escape_url(&url, value);
	for (size_t i = 0; r == 0 && i < RA_ARRAY_SIZE(forms); i++) {
		if (forms[i]->error < 0 || strcmp(ra_buf_text(forms[i]), value) != 0)
			r = add_escaped(l, s, forms[i]);
	}
	return r;
}

/* A line of a key file is as secret as the whole, and more likely to be shown. */
static int
add_lines(struct ra_loading *l, struct ra_secrets *s, const char *value)
{
	const char *at = value;
	int r = 0;

	while (r == 0 && *at != '\0') {
		size_t len = strcspn(at, "\r\n");

		if (len >= LINE_LEAST) {
			RA_FREE char *line = strndup(at, len);
			const char *kept = line != NULL ? ra_keep(l, line) : ra_say_no_memory(l);

			r = kept != NULL ? add_one(l, s, kept) : -ENOMEM;
		}
		at += len;
		at += strspn(at, "\r\n");
	}
	return r;
}

int
ra_secrets_add(struct ra_loading *l, struct ra_secrets *s, const char *value)
{
	int r = add_one(l, s, value);

	if (r == 0 && strpbrk(value, "\r\n") != NULL)
		r = add_lines(l, s, value);
	return r;
}

static int
add_base64(struct ra_loading *l, struct ra_secrets *s, const char *text, size_t len)
{
	RA_FREE char *coded = NULL;
	const char *kept;

	if (len > RA_TEXT_MAX)
		return 0;
	coded = malloc(4 * ((len + 2) / 3) + 1);
	if (coded == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)text, (int)len);
	kept = ra_keep(l, coded);
	return kept != NULL ? add_one(l, s, kept) : -ENOMEM;
}

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at =
	    c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* In place. */
static size_t
decode_percent(char *text)
{
	size_t n = 0;

	for (const char *p = text; *p != '\0'; p++) {
		int high = *p == '%' ? hex_value(p[1]) : -1, low = high >= 0 ? hex_value(p[2]) : -1;

		text[n] = *p;
		if (low >= 0) {
			text[n] = (char)(high * 16 + low);
			p += 2;
		}
		n++;
	}
	text[n] = '\0';
	return n;
}

/* "user:password@" of a URL, as it stands and as the header that it becomes. */
static int
add_userinfo(struct ra_loading *l, struct ra_secrets *s, const char *url)
{
	const char *start = strstr(url, "://"), *end, *kept;
	RA_FREE char *info = NULL;
	size_t len;
	int r;

	start = start != NULL ? start + 3 : url;
	len = strcspn(start, "/?#");
	end = memrchr(start, '@', len);
	if (end == NULL)
		return 0;
	info = strndup(start, (size_t)(end - start));
	kept = info != NULL ? ra_keep(l, info) : ra_say_no_memory(l);
	r = kept != NULL ? add_one(l, s, kept) : -ENOMEM;
	if (r == 0) {
		len = decode_percent(info);
		r = add_base64(l, s, info, len);
		kept = r == 0 ? strchr(info, ':') : NULL;
		if (kept != NULL)
			kept = ra_keep(l, kept + 1);
		if (kept != NULL)
			r = add_one(l, s, kept);
	}
	return r;
}

/* A map with `user` and `password` goes out as basic authentication. */
static int
add_basic(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *map)
{
	const struct ra_node *user = ra_tree_get(map, "user");
	const struct ra_node *password = ra_tree_get(map, "password");
	RA_BUF_LOCAL both = RA_BUF(2 * RA_TEXT_MAX);

	if (user == NULL || password == NULL || user->type != RA_NODE_SCALAR ||
	    password->type != RA_NODE_SCALAR)
		return 0;
	if (ra_buf_printf(&both, "%s:%s", user->text, password->text) == -ENOMEM)
		return ra_say_no_memory(l), -ENOMEM;
	return both.error < 0 ? 0 : add_base64(l, s, both.data, both.len);
}

int
ra_secrets_derive(struct ra_loading *l, struct ra_secrets *s, const struct ra_node *node)
{
	int r = 0;

	if (!(node->flags & RA_NODE_SECRET))
		return 0;
	if (node->type == RA_NODE_SCALAR)
		return add_userinfo(l, s, node->text);
	for (size_t i = 0; r == 0 && node->type == RA_NODE_LIST && i < node->count; i++)
		r = ra_secrets_derive(l, s, node->items[i]);
	for (size_t i = 0; r == 0 && node->type == RA_NODE_MAP && i < node->count; i++)
		r = ra_secrets_derive(l, s, node->entries[i].value);
	if (r == 0 && node->type == RA_NODE_MAP)
		r = add_basic(l, s, node);
	return r;
}

static int
compare_lengths(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *two = *(const char *const *)b;
	size_t n = strlen(one), m = strlen(two);

	return n != m ? (n > m ? -1 : 1) : strcmp(one, two);
}

int
ra_secrets_keep(struct ra_loading *l, struct ra_secrets *s, struct ra_check *c)
{
	const char **list;

	if (s->count == 0)
		return 0;
	qsort(s->list, s->count, sizeof(*s->list), compare_lengths);
	list = ra_arena_memdup(l->config->arena, s->list, s->count * sizeof(*list));
	if (list == NULL)
		return ra_say_no_memory(l), -ENOMEM;
	c->secrets = list;
	c->secret_count = s->count;
	return 0;
}
