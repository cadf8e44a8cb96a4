/* SPDX-License-Identifier: Apache-2.0 */
#include "http_private.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relaudit/base/clock.h"
#include "relaudit/base/map.h"
#include "relaudit/io/loop.h"

#define LOOK_EVERY  (5 * RA_SECOND)
#define STORES_MOST 32 /* unused ones go beyond that */
#define SHARES	    64 /* curl keeps 8 sessions in each */

/*
 * The certificates of one CA file, read again when it changed, and the sessions that were verified
 * with it: they are not resumed under another.
 */
struct ra_http_store {
	struct ra_http *http;
	struct ra_http_store *next;
	char *path;
	X509_STORE *x509;
	CURLSH *shares[SHARES];
	struct stat seen;
	int64_t looked;
	unsigned refs; /* transfers */
	bool current; /* in the list */
};

static const char *
system_path(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	return v->cainfo != NULL ? v->cainfo : "/etc/ssl/certs/ca-certificates.crt";
}

static void
store_free(struct ra_http_store *s)
{
	size_t i;

	for (i = 0; i < SHARES; i++)
		if (s->shares[i] != NULL)
			(void)curl_share_cleanup(s->shares[i]);
	X509_STORE_free(s->x509);
	free(s->path);
	free(s);
}

static void
store_leave(struct ra_http_store *s)
{
	struct ra_http_store **at = &s->http->stores;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->current = false;
	if (s->refs == 0)
		store_free(s);
}

void
ra_http_store_put(struct ra_http_store *s)
{
	if (--s->refs == 0 && !s->current)
		store_free(s);
}

void
ra_http_stores_free(struct ra_http *h)
{
	while (h->stores != NULL)
		store_leave(h->stores);
}

static void
drop_unused(struct ra_http *h)
{
	struct ra_http_store *s, *next;
	size_t count = 0;

	for (s = h->stores; s != NULL; s = next) {
		next = s->next;
		if (++count > STORES_MOST && s->refs == 0)
			store_leave(s);
	}
}

static int
store_load(struct ra_http_store *s, struct ra_error *err)
{
	if (access(s->path, R_OK) < 0)
		return ra_error_set(err, -errno, "CA file %s: %s", s->path, strerror(errno));
	s->x509 = X509_STORE_new();
	if (s->x509 == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	ERR_clear_error();
	if (X509_STORE_load_file(s->x509, s->path) != 1) {
		ERR_clear_error();
		return ra_error_set(
		    err, -EINVAL, "CA file %s has no certificate in PEM form", s->path);
	}
	(void)X509_STORE_set_flags(s->x509, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static int
store_new(struct ra_http *h, const char *path, struct ra_http_store **ret, struct ra_error *err)
{
	struct ra_http_store *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return ra_error_set(err, -ENOMEM, "out of memory");
	s->http = h;
	s->looked = ra_clock_mono();
	s->path = strdup(path);
	if (s->path == NULL) {
		store_free(s);
		return ra_error_set(err, -ENOMEM, "out of memory");
	}
	if (stat(path, &s->seen) < 0)
		memset(&s->seen, 0, sizeof(s->seen));
	r = store_load(s, err);
	if (r < 0) {
		store_free(s);
		return r;
	}
	s->current = true;
	s->next = h->stores;
	h->stores = s;
	drop_unused(h);
	*ret = s;
	return 0;
}

static bool
store_changed(struct ra_http_store *s)
{
	int64_t now = ra_clock_mono();
	struct stat st;

	if (now - s->looked < LOOK_EVERY)
		return false;
	s->looked = now;
	if (stat(s->path, &st) < 0)
		return true;
	return st.st_dev != s->seen.st_dev || st.st_ino != s->seen.st_ino ||
	       st.st_size != s->seen.st_size || st.st_mtim.tv_sec != s->seen.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != s->seen.st_mtim.tv_nsec;
}

int
ra_http_store_get(
    struct ra_http *h, const char *path, struct ra_http_store **ret, struct ra_error *err)
{
	struct ra_http_store *s;
	int r;

	if (path == NULL)
		path = system_path();
	for (s = h->stores; s != NULL; s = s->next)
		if (strcmp(s->path, path) == 0)
			break;
	if (s != NULL && store_changed(s)) {
		store_leave(s);
		s = NULL;
	}
	if (s == NULL) {
		r = store_new(h, path, &s, err);
		if (r < 0)
			return r;
	}
	s->refs++;
	*ret = s;
	return 0;
}

CURLSH *
ra_http_store_share(struct ra_http_store *s, const struct ra_http_url *url)
{
	size_t i = (size_t)((ra_hash_stable(url->host, strlen(url->host)) + url->port) % SHARES);

	if (s->shares[i] == NULL) {
		s->shares[i] = curl_share_init();
		if (s->shares[i] != NULL)
			(void)curl_share_setopt(
			    s->shares[i], CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	}
	return s->shares[i];
}

/* curl keeps the first error text only, which need not be the one with the alert in it. */
static void
on_info(const SSL *ssl, int where, int what)
{
	struct ra_http_transfer *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (where == SSL_CB_READ_ALERT && (what & 0xff) == SSL_AD_CLOSE_NOTIFY)
		t->notified = true;
	else if (where == SSL_CB_READ_ALERT)
		t->alert = (uint8_t)(what & 0xff);
	else if (where == SSL_CB_CONNECT_LOOP && SSL_get_state(ssl) == TLS_ST_CR_CERT_REQ)
		t->certificate_asked = true;
}

CURLcode
ra_http_tls_context(CURL *easy, void *context, void *arg)
{
	struct ra_http_transfer *t = arg;

	if (t->store == NULL)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(context, t->store->x509);
	SSL_CTX_set_app_data(context, t);
	SSL_CTX_set_info_callback(context, on_info);
	return CURLE_OK;
}

static int64_t
to_wall(const ASN1_TIME *when)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	int64_t wall = 0;

	if (epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, when) == 1)
		wall = days * RA_DAY + seconds * RA_SECOND;
	ASN1_TIME_free(epoch);
	return wall;
}

/* A resumed session is not verified again, so what its certificate says of today is looked at. */
void
ra_http_tls_peer(struct ra_http_transfer *t)
{
	const struct curl_tlssessioninfo *info = NULL;
	X509 *cert;

	(void)curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info);
	if (info == NULL || info->backend != CURLSSLBACKEND_OPENSSL || info->internals == NULL)
		return;
	cert = SSL_get0_peer_certificate(info->internals);
	if (cert == NULL)
		return;
	t->response.certificate_expires = to_wall(X509_get0_notAfter(cert));
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		t->stop = RA_R_TLS_EXPIRED;
}
