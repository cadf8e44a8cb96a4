/* SPDX-License-Identifier: Apache-2.0 */
/* A file at a ref. Git is given object ids and a path that was checked, never a ref's name. */
#include <stdio.h>
#include <string.h>

#include "mirror_internal.h"
#include "relaudit/base/units.h"

static const struct ra_git_ref *
find_in(const struct ra_clone *c, const char *folder, const char *name)
{
	char full[4096];

	/* Without an allocation, as where the tag's name found no memory a branch would pass. */
	if ((size_t)snprintf(full, sizeof(full), "%s%s", folder, name) >= sizeof(full))
		return NULL;
	return ra_git_refs_find(c->refs, full);
}

/* A whole name is that ref or none, so that no other can be pushed in its place. */
static const struct ra_git_ref *
find_ref(const struct ra_clone *c, const char *name, bool *ret_ambiguous)
{
	const struct ra_git_ref *tag, *branch;

	*ret_ambiguous = false;
	if (strncmp(name, "refs/", 5) == 0)
		return ra_git_refs_find(c->refs, name);
	tag = find_in(c, "refs/tags/", name);
	branch = find_in(c, "refs/heads/", name);
	*ret_ambiguous = tag != NULL && branch != NULL && strcmp(tag->commit, branch->commit) != 0;
	return tag != NULL ? tag : branch;
}

static bool
is_whole_commit(const char *text)
{
	size_t len = strlen(text);

	return (len == 40 || len == 64) && ra_is_commit(text);
}

static const char *
find_ref_commit(struct ra_mirror_query *q, char out[RA_COMMIT_TEXT], enum ra_turn *ret)
{
	bool ambiguous;
	const struct ra_git_ref *ref = find_ref(q->repo->clone, q->ref, &ambiguous);

	/* A ref that is named like a commit does not pass for it. */
	if ((ref == NULL && ra_is_commit(q->ref)) || is_whole_commit(q->ref))
		return ra_query_commit(q, q->ref, out, ret);
	if (ref == NULL)
		*ret = ra_query_missing(
		    q, RA_R_REF_MISSING, "the repository has no branch or tag %.100s", q->ref);
	else if (ambiguous)
		*ret = ra_query_say(q, RA_R_REF_AMBIGUOUS,
		    "%.60s is a branch and a tag at another commit: write refs/heads/%.60s or "
		    "refs/tags/%.60s",
		    q->ref, q->ref, q->ref);
	else if (ref->commit[0] == '\0')
		*ret = ra_query_say(
		    q, RA_R_TAG_NO_COMMIT, "tag %.100s does not point at a commit", q->ref);
	else
		return ref->commit;
	return NULL;
}

/* The commit; NULL: *ret is what comes of it. */
static const char *
find_commit(struct ra_mirror_query *q, char out[RA_COMMIT_TEXT], enum ra_turn *ret)
{
	const char *version = q->side[0].version;
	const struct ra_tag *tag;

	if (q->ref != NULL)
		return find_ref_commit(q, out, ret);
	tag = ra_releases_find(q->repo->releases, version);
	if (tag == NULL)
		*ret = ra_query_missing(
		    q, RA_R_TAG_MISSING, "the repository has no tag of version %.100s", version);
	else if (tag->commit[0] == '\0')
		*ret = ra_query_say(
		    q, RA_R_TAG_NO_COMMIT, "tag %.100s does not point at a commit", tag->name);
	return tag != NULL && tag->commit[0] != '\0' ? tag->commit : NULL;
}

/* What git says of the path at the commit, known as `what`. NULL: *ret is what comes of it. */
static const struct ra_memo_item *
know_path(struct ra_mirror_query *q, const char *what, const struct ra_git_call *call,
    bool may_fail, enum ra_turn *ret)
{
	RA_BUF_LOCAL key = RA_BUF(8192);

	(void)ra_buf_printf(&key, "%s %s:%s", what, q->answer.ref_commit, q->path);
	if (key.error != 0) {
		*ret = ra_query_say(q, RA_R_NO_MEMORY, "out of memory");
		return NULL;
	}
	*ret = RA_TURN_WAIT;
	return ra_query_know(q, key.data, call, may_fail);
}

/* To git what the mirror lost is missing like what never was: all of the commit is looked for. */
static enum ra_turn
take_missing(struct ra_mirror_query *q)
{
	const char *commit = q->answer.ref_commit;
	const char *const whole_args[] = { "rev-list", "--objects", "--no-walk", "--quiet", commit,
		"--", NULL };
	const char *const list_args[] = { "ls-tree", "--full-tree", commit, "--", q->path, NULL };
	const struct ra_memo_item *item;
	enum ra_turn ret;

	item = know_path(q, "whole", &(struct ra_git_call){ .args = whole_args }, true, &ret);
	if (item == NULL)
		return ret;
	if (item->exit_code != 0)
		return ra_query_lost(q);
	item = know_path(q, "entry", &(struct ra_git_call){ .args = list_args }, false, &ret);
	if (item == NULL)
		return ret;
	if (strncmp(item->output, "160000 ", 7) == 0)
		return ra_query_say(q, RA_R_PATH_TYPE,
		    "%.150s is a submodule at %.12s: name the repository that has the file",
		    q->path, commit);
	return ra_query_say(q, RA_R_PATH_MISSING, "there is no %.150s at %.12s", q->path, commit);
}

/* "OBJECT TYPE SIZE", or "WORD LENGTH" and the path again, or "... missing". */
static enum ra_turn
take_entry(struct ra_mirror_query *q, const char *line)
{
	struct ra_mirror_answer *a = &q->answer;
	size_t len = strcspn(line, " ");
	const char *type = line + len + 1;
	int64_t size;

	if (line[len] == '\0' || (len != 40 && len != 64) ||
	    strspn(line, "0123456789abcdef") != len)
		return strncmp(line, "symlink ", 8) == 0 || strncmp(line, "loop ", 5) == 0
			   ? ra_query_say(q, RA_R_PATH_TYPE,
				 "%.150s is a link that leads out of the repository or in a circle",
				 q->path)
			   : take_missing(q);
	if (strncmp(type, "blob ", 5) != 0)
		return ra_query_say(
		    q, RA_R_PATH_TYPE, "%.150s is not a file at %.12s", q->path, a->ref_commit);
	if (ra_int_parse(type + 5, strcspn(type + 5, "\n"), &size) < 0 ||
	    (uint64_t)size > q->max_bytes)
		return ra_query_say(q, RA_R_BODY_TOO_LARGE,
		    "%.150s has %lld bytes at %.12s, the limit is %zu", q->path, (long long)size,
		    a->ref_commit, q->max_bytes);
	memcpy(a->blob, line, len);
	a->blob[len] = '\0';
	a->len = (size_t)size;
	return ra_query_say(q, RA_R_OK, "%s", "");
}

static bool
find_entry(struct ra_mirror_query *q, enum ra_turn *ret)
{
	static const char *const args[] = { "cat-file", "--follow-symlinks",
		"--batch-check=%(objectname) %(objecttype) %(objectsize)", NULL };
	RA_BUF_LOCAL input = RA_BUF(8192);
	const struct ra_memo_item *item;
	const char *line;

	(void)ra_buf_printf(
	    &input, "%s\n%s:%s\n", q->answer.ref_commit, q->answer.ref_commit, q->path);
	if (input.error != 0) {
		*ret = ra_query_say(q, RA_R_NO_MEMORY, "out of memory");
		return false;
	}
	item = know_path(
	    q, "path", &(struct ra_git_call){ .args = args, .input = input.data }, false, ret);
	if (item == NULL)
		return false;
	line = strchr(item->output, '\n');
	if (line == NULL || line - item->output < 8 || strncmp(line - 8, " missing", 8) == 0)
		*ret = ra_query_lost(q);
	else
		*ret = take_entry(q, line + 1);
	return *ret == RA_TURN_DONE && q->answer.reason == RA_R_OK;
}

enum ra_turn
ra_query_blob(struct ra_mirror_query *q)
{
	struct ra_mirror_answer *a = &q->answer;
	const char *const args[] = { "cat-file", "blob", a->blob, NULL };
	char own[RA_COMMIT_TEXT], key[RA_COMMIT_TEXT + 8];
	enum ra_turn ret = RA_TURN_WAIT;
	const struct ra_memo_item *item;
	const char *commit = find_commit(q, own, &ret);

	if (commit == NULL)
		return ret;
	(void)snprintf(a->ref_commit, sizeof(a->ref_commit), "%s", commit);
	if (!find_entry(q, &ret))
		return ret;
	(void)snprintf(key, sizeof(key), "blob %s", a->blob);
	item = ra_query_know(
	    q, key, &(struct ra_git_call){ .args = args, .max_output = a->len + 1 }, false);
	if (item == NULL)
		return RA_TURN_WAIT;
	if (item->len != a->len)
		return ra_query_say(q, RA_R_GIT_FAILED, "git gave %zu of %zu bytes of %.100s",
		    item->len, a->len, q->path);
	a->bytes = item->output;
	return ret;
}
