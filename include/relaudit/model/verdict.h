/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdict and reason are two things: a small closed enum, and an open list of stable codes that
 * pipelines match on. A code is never renamed; docs/man lists them from this table.
 */
#ifndef RELAUDIT_MODEL_VERDICT_H
#define RELAUDIT_MODEL_VERDICT_H

#include "relaudit/base/macro.h"

/* Numbers as monitoring plugins have them; PENDING is "no result yet" and counts as UNKNOWN. */
enum ra_verdict {
	RA_OK = 0,
	RA_WARNING = 1,
	RA_CRITICAL = 2,
	RA_UNKNOWN = 3,
	RA_PENDING = 4,
};

const char *ra_verdict_name(enum ra_verdict v);			/* "OK", ... */
int ra_verdict_parse(const char *name, enum ra_verdict *ret);	/* 0 or -EINVAL; any case */
int ra_verdict_exit(enum ra_verdict v);				/* 0..3 */
/* CRITICAL > UNKNOWN, PENDING > WARNING > OK. */
enum ra_verdict ra_verdict_worst(enum ra_verdict a, enum ra_verdict b);
/* Rank for sorting, worst highest. */
int ra_verdict_rank(enum ra_verdict v);

/*
 * X(symbol, code, meaning, next step). The next step is what an operator does first; a judge may
 * say a better one. Add lines at the end of their group.
 */
#define RA_REASONS(X) \
	X(OK, "ok", "as expected", "") \
	X(PENDING, "pending", "no result yet", "wait for the first probe, or `relauditctl run`") \
	X(STALE, "stale", "the last result is older than two intervals plus the timeout", \
	    "see in its log whether relauditd is overloaded or was asleep") \
	/* versions */ \
	X(VERSION_DIFFERS, "version-differs", "another version runs than is expected", \
	    "deploy the expected version, or change `expect: version`") \
	X(VERSION_UNREADABLE, "version-unreadable", "what was read is not a version", \
	    "look at the answer with `relauditctl try`, mend the selector") \
	X(COMMIT_DIFFERS, "commit-differs", "another commit runs than is expected", \
	    "find out who deployed it") \
	X(INSTANCES_DIFFER, "instances-differ", "instances of one check do not agree", \
	    "finish or roll back the deployment on the instances named") \
	X(VERSION_UNTAGGED, "version-untagged", "what runs has no tag in the repository", \
	    "deploy a release, or tag the commit that runs and push the tag") \
	X(VERSION_DIRTY, "version-dirty", "what runs was built with changes that no commit has", \
	    "build from a clean checkout of the tag") \
	X(VERSION_BEHIND, "version-behind", "there are newer releases than the one that runs", \
	    "deploy the newest release, or allow for more lag") \
	X(VERSION_UNORDERED, "version-unordered", "the order of the releases is not known", \
	    "tag releases with semantic versions, see that the tag pattern is right") \
	X(VERSION_AHEAD, "version-ahead", "a newer version runs than there", \
	    "deploy it there as well, or roll back here") \
	X(VERSION_DIVERGED, "version-diverged", "what runs has commits that the other lacks, and " \
	    "lacks some of it", "see which branch was deployed") \
	/* backups */ \
	X(BACKUP_TOO_OLD, "backup-too-old", "the newest backup is older than its limit", \
	    "see why the backup job did not run or did not finish") \
	X(BACKUP_NONE, "backup-none", "there is no backup that counts", \
	    "see whether the backup job writes here at all") \
	X(BACKUP_FUTURE, "backup-future", "backups are dated in the future only", \
	    "compare the clocks of the backup host and of this one") \
	X(BACKUP_EMPTY, "backup-empty", "backups are empty", \
	    "see the backup job's own log: it ran and wrote nothing") \
	X(BACKUP_TOO_SMALL, "backup-too-small", "the newest backup is smaller than its limit", \
	    "see whether it was cut off; try to restore it") \
	X(BACKUP_SHRUNK, "backup-shrunk", "the newest backup shrank against the one before", \
	    "see what is missing in the newest backup") \
	X(BACKUP_TOO_FEW, "backup-too-few", "there are fewer backups than expected", \
	    "see whether backups fail, or whether they are deleted too early") \
	X(BACKUP_UNFINISHED, "backup-unfinished", \
	    "what is needed of backups may still be being written", \
	    "wait until it is whole; see `quiet:` in `relauditd --describe backup`") \
	/* logs */ \
	X(LOGS_TOO_OLD, "logs-too-old", "the newest log entry is older than its limit", \
	    "see whether the service runs, and whether its log is shipped") \
	X(LOGS_EMPTY, "logs-empty", "the log was read and has no entry", \
	    "see whether the service logs here") \
	X(LOGS_FUTURE, "logs-future", "the newest log entry is dated in the future", \
	    "compare the clocks; give the time zone in the log or in `time:`") \
	X(LOGS_NO_TIME, "logs-no-time", "no entry has a time that the pattern finds", \
	    "say in `time:` where it stands; try it with `relauditctl try`") \
	X(LOGS_REQUIRED, "logs-required-missing", \
	    "a required pattern is not in the newest entries", \
	    "see why the service no longer logs it") \
	X(LOGS_FORBIDDEN, "logs-forbidden", "a forbidden pattern is in the newest entries", \
	    "read the entry named in the evidence") \
	/* configuration */ \
	X(DRIFT, "drift", "the configuration is not as it ought to be", \
	    "see the keys with `relauditctl drift`; mend them where they are wrong") \
	X(KEY_MISSING, "key-missing", "a required key is not in the configuration", \
	    "add the keys named to the file in the evidence") \
	X(KEY_FORBIDDEN, "key-forbidden", "a forbidden key is in the configuration", \
	    "take the keys named out of the file in the evidence") \
	X(KEY_UNREAD, "key-unread", "a forbidden key may stand in a line that is not read as one", \
	    "mend the line named or take it out; see `format:` and `dialect:`") \
	X(UNVERIFIABLE, "unverifiable", "no key was compared: all are ignored or unverifiable", \
	    "narrow `ignore`; name a baseline that has values, or do without it") \
	X(SETTLING, "settling", "there is drift, and the version changed a moment ago", \
	    "wait until the time of `settle` is over") \
	X(PEER_UNREAD, "peer-unread", "what this is to be held against is not known now", \
	    "see the other check: why it has no result of late") \
	/* files */ \
	X(FILE_MISSING, "file-missing", "the path does not exist", \
	    "see whether the path is right and its file system mounted") \
	X(FILE_DENIED, "file-denied", "the path may not be read", \
	    "let its group or relauditd in where neither may (chmod, setfacl); give relauditd " \
	    "the group that may (SupplementaryGroups= in a drop-in)") \
	X(FILE_TYPE, "file-type", "not a regular file or folder", \
	    "name a regular file; of a link what it leads to, or say `follow: true`") \
	X(FILE_HUNG, "file-hung", "the file system did not answer in time", \
	    "see the mount: it hangs") \
	X(FILE_TOO_MANY, "file-too-many", "the folder has too many entries", \
	    "use a narrower pattern or a folder of its own") \
	X(FILE_CHANGED, "file-changed", "the file changed while it was read", \
	    "nothing if it happens once; else see who rewrites it all the time") \
	X(FILE_ERROR, "file-error", "reading the path failed", "see the error named") \
	/* transport */ \
	X(TIMEOUT, "timeout", "no whole answer within the deadline", \
	    "see whether the service is slow or hangs") \
	X(CONNECT_TIMEOUT, "connect-timeout", "no connection within the deadline", \
	    "see the host, its firewall and the route to it") \
	X(REFUSED, "refused", "nothing listens there", "see whether the service runs") \
	X(UNREACHABLE, "unreachable", "no route to the host or network", \
	    "see the network between here and there") \
	X(RESET, "reset", "the connection was closed or reset before the answer was whole", \
	    "see the service's or the proxy's log") \
	X(CONNECT_ERROR, "connect-error", "connecting failed", "see the error named") \
	X(DNS_NOT_FOUND, "dns-not-found", "the name does not exist", \
	    "mend the name or its record") \
	X(DNS_NO_ADDRESS, "dns-no-address", "the name has no address", "add an address record") \
	X(DNS_TIMEOUT, "dns-timeout", "name servers did not answer in time", \
	    "see the name servers in /etc/resolv.conf") \
	X(DNS, "dns", "the name could not be resolved", "see the name servers' answer") \
	X(TLS_EXPIRED, "tls-expired", "the certificate has expired", "renew the certificate") \
	X(TLS_NOT_YET_VALID, "tls-not-yet-valid", "the certificate is not valid yet", \
	    "compare the clocks, see who issued it") \
	X(TLS_WRONG_HOST, "tls-wrong-host", "the certificate is for another name", \
	    "see whether this is the right server; mend its certificate") \
	X(TLS_SELF_SIGNED, "tls-self-signed", "the certificate is self-signed", \
	    "give its CA with `ca:`") \
	X(TLS_UNKNOWN_CA, "tls-unknown-ca", "the certificate's issuer is not known here", \
	    "give the CA with `ca:`; see whether the server sends its chain") \
	X(TLS_REVOKED, "tls-revoked", "the certificate was revoked", "replace the certificate") \
	X(TLS_VERSION, "tls-version", "no TLS version in common (1.2 is the least)", \
	    "update the server's TLS settings") \
	X(TLS_CLIENT_CERT, "tls-client-certificate", "the server did not accept our certificate", \
	    "give `certificate:`, or another one") \
	X(TLS_ERROR, "tls-error", "the TLS handshake failed", "see the error named") \
	X(TLS_CA_FILE, "tls-ca-file", "a CA or certificate file of ours cannot be used", \
	    "see the path and its permissions") \
	X(HTTP_STATUS, "http-status", "the status is not 2xx", "see the service's log") \
	X(HTTP_REDIRECT, "http-redirect", "the answer is a redirect, which is not followed", \
	    "give the final URL, or allow `redirects:`") \
	X(HTTP_MALFORMED, "http-malformed", "the answer is not valid HTTP", \
	    "see what listens on that port, and what passes its answers on") \
	X(HTTP_ENCODING, "http-encoding", "the body has an encoding that was not asked for", \
	    "switch compression off for this request") \
	X(HTTP_NO_HEADER, "http-no-header", "the answer lacks the header named", \
	    "see the answer with `relauditctl try`") \
	X(BODY_TOO_LARGE, "body-too-large", "the answer is larger than the limit", \
	    "raise `max-size:`, or ask for less") \
	X(PROXY, "proxy", "the proxy did not pass the request on", "see the proxy") \
	/* formats */ \
	X(NOT_JSON, "not-json", "the answer is not valid JSON", \
	    "see the answer with `relauditctl try`") \
	X(NOT_TEXT, "not-text", "the answer is not UTF-8 text", \
	    "see the answer with `relauditctl try`") \
	X(EMPTY, "empty", "the answer is empty", "see the answer with `relauditctl try`") \
	X(NO_SUCH_FIELD, "no-such-field", "the answer lacks the field named", \
	    "see the answer with `relauditctl try`, mend the selector") \
	X(FIELD_TYPE, "field-type", "the field is not a text, number or boolean", \
	    "point the selector at a single value") \
	X(NO_MATCH, "no-match", "the pattern matches nothing in the answer", \
	    "see the answer with `relauditctl try`, mend `regex:`") \
	X(REGEX_LIMIT, "regex-limit", "the pattern needs too much work on this answer", \
	    "write a simpler pattern") \
	X(TOO_DEEP, "too-deep", "the answer is nested too deeply", "see who sends such answers") \
	X(NOT_DOTENV, "not-dotenv", "the file is not of the form KEY=VALUE that is expected", \
	    "mend the line named, or give the `dialect:` of what reads the file") \
	X(NOT_INI, "not-ini", "the file is not of the form [section] and key = value", \
	    "mend the line named, or see whether it is another `format:`") \
	X(NOT_PROPERTIES, "not-properties", "the file is not a Java properties file", \
	    "mend the line named, or see whether it is another `format:`") \
	X(NOT_YAML, "not-yaml", "the answer is not valid YAML", \
	    "mend the line named, or see whether it is another `format:`") \
	X(DUPLICATE_KEY, "duplicate-key", "a key stands twice in one map", \
	    "take one of the two out: which of them counts depends on the reader") \
	X(TOO_MANY_KEYS, "too-many-keys", "the configuration is larger than what is compared", \
	    "choose a part of it with `select:`, or split the file") \
	/* commands */ \
	X(PLUGIN_WARNING, "plugin-warning", "the plugin says WARNING", "read what it says") \
	X(PLUGIN_CRITICAL, "plugin-critical", "the plugin says CRITICAL", "read what it says") \
	X(PLUGIN_UNKNOWN, "plugin-unknown", "the plugin says UNKNOWN", \
	    "run the command by hand as the user relaudit") \
	X(PLUGIN_EXIT, "plugin-exit", "the exit code is not a plugin's", \
	    "run the command by hand as the user relaudit") \
	X(PLUGIN_SILENT, "plugin-silent", "the plugin printed nothing", \
	    "run the command by hand as the user relaudit") \
	X(EXEC_NOT_FOUND, "exec-not-found", "the command does not exist", "mend `command:`") \
	X(EXEC_DENIED, "exec-denied", "the command may not be run", \
	    "see its permissions, and those of its folders") \
	X(EXEC_UNSAFE, "exec-unsafe", "others than root may change the command", \
	    "take write permission from group and others, on its folders too") \
	X(EXEC_START, "exec-not-started", "not run: no process could be started", \
	    "see the system's limits of processes and memory") \
	X(EXEC_EXIT, "exec-exit", "the command failed", "run it by hand as the user relaudit") \
	X(EXEC_SIGNAL, "exec-signal", "the command was ended by a signal", \
	    "see whether a limit of memory, time or size did it") \
	X(GIT_MISSING, "git-missing", "the program git is not there", "install the package git") \
	X(GIT_FAILED, "git-failed", "git failed on the mirror of a repository", \
	    "read what git says; the mirror is rebuilt by itself if it is damaged") \
	X(REPO_PENDING, "repo-pending", "the repository is still being fetched", \
	    "wait: a first fetch may take minutes") \
	X(REPO_LATE, "repo-late", "the repository was not looked at in time", \
	    "wait: it is looked at again within seconds; raise `timeout:` if that stays so") \
	X(REPO_DNS, "repo-dns", "the repository's host name could not be resolved", \
	    "mend the repository's URL, see the name servers") \
	X(REPO_REFUSED, "repo-refused", "nothing listens at the repository's host", \
	    "see whether the git server runs; mend host and port in the URL") \
	X(REPO_UNREACHABLE, "repo-unreachable", "the repository cannot be reached", \
	    "see the error named, the git server and the network to it") \
	X(REPO_TIMEOUT, "repo-timeout", "the repository did not answer in time", \
	    "see whether the git server is slow or hangs") \
	X(REPO_TLS, "repo-tls", "TLS to the repository's host failed", \
	    "see its certificate, and whether its CA is known here") \
	X(REPO_HOST_KEY, "repo-host-key", "the host key of the repository's host is not trusted", \
	    "compare the key, then add it to known_hosts of the user relaudit") \
	X(REPO_AUTH, "repo-auth", "the repository may not be read with these credentials", \
	    "give relauditd a key or token that may read it") \
	X(REPO_NOT_FOUND, "repo-not-found", "there is no git repository at the URL", \
	    "mend the URL; some servers say this when credentials are missing") \
	X(REPO_INVALID, "repo-invalid", "what answers at the URL is not a git repository", \
	    "mend the URL; see what answers there") \
	X(REPO_EMPTY, "repo-empty", "the repository is empty: no tag and no branch", \
	    "push to it, or mend the URL") \
	X(REPO_SHALLOW, "repo-shallow", "the repository is shallow: it lacks history", \
	    "give the URL of the whole repository (git fetch --unshallow mends a shallow one)") \
	X(REPO_TOO_LARGE, "repo-too-large", "the repository is larger than the limit", \
	    "raise the limit of mirrors, or take large files out of the repository") \
	X(TAG_MISSING, "tag-missing", "no tag of the repository is this version", \
	    "push the tag; see that the tag pattern is right") \
	X(TAG_NO_COMMIT, "tag-no-commit", "the tag does not point at a commit", \
	    "tag the commit that was released") \
	X(COMMIT_UNKNOWN, "commit-unknown", "the repository has no such commit", \
	    "push the commit; see whether it was built from another repository") \
	X(COMMIT_AMBIGUOUS, "commit-ambiguous", "several commits begin with these digits", \
	    "let the service report the whole commit") \
	X(REF_MISSING, "ref-missing", "the repository has no such branch, tag or commit", \
	    "mend `ref:`, or push it") \
	X(REF_AMBIGUOUS, "ref-ambiguous", "a branch and a tag of this name are at two commits", \
	    "write refs/heads/NAME or refs/tags/NAME for `ref:`, or delete one of them") \
	X(PATH_MISSING, "path-missing", "there is no such file in the repository at this ref", \
	    "mend `path:`, or commit the file") \
	X(PATH_TYPE, "path-type", "the path in the repository is not a file", \
	    "name a file; a link must lead to one within the repository") \
	/* us */ \
	X(NO_DESCRIPTORS, "no-descriptors", "not run: relauditd has no file descriptors left", \
	    "raise LimitNOFILE=, or lower `daemon: in-flight:`") \
	X(NO_MEMORY, "no-memory", "not run: out of memory", "raise MemoryMax= or free memory") \
	X(HELPER, "helper-lost", "the helper process went away during the probe", \
	    "see relauditd's log; it is started again by itself") \
	X(CANCELLED, "cancelled", "the probe was cancelled", "it runs again by itself") \
	X(INTERNAL, "internal", "a defect in relauditd", "report it, with the log")

enum ra_reason {
#define RA_X(symbol, code, meaning, next) RA_R_##symbol,
	RA_REASONS(RA_X)
#undef RA_X
	RA_REASON_COUNT
};

const char *ra_reason_code(enum ra_reason r);
const char *ra_reason_meaning(enum ra_reason r);
const char *ra_reason_next(enum ra_reason r);
/* 0, or -ENOENT for a code of another version. */
int ra_reason_parse(const char *code, enum ra_reason *ret);

#endif
