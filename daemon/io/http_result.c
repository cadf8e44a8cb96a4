/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a transfer, in our reasons and words. */
#include "http_private.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relaudit/base/escape.h"

/* "https://shop.example:443 (10.0.0.1): " and the text. The path may hold a secret. */
void
ra_http_fail(struct ra_http_transfer *t, enum ra_reason reason, const char *fmt, ...)
{
	struct ra_http_response *r = &t->response;
	char address[RA_HTTP_ADDRESS], text[sizeof(r->error)];
	RA_BUF_LOCAL line = RA_BUF(4 * sizeof(r->error));
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->at.host[0] != '\0')
		(void)ra_buf_printf(&line, "%s://%.180s", t->at.tls ? "https" : "http",
		    ra_http_address_format(&t->at, address));
	if (t->request->proxy != NULL && t->peer.host[0] != '\0')
		(void)ra_buf_printf(
		    &line, " by the proxy %.100s", ra_http_address_format(&t->peer, address));
	else if (t->request->unix_path != NULL)
		(void)ra_buf_printf(&line, " on %.108s", t->request->unix_path);
	else if (r->address[0] != '\0' && !t->at.numeric)
		(void)ra_buf_printf(&line, " (%s)", r->address);
	else if (t->addresses != NULL)
		(void)ra_buf_printf(&line, " (%s)", t->addresses[t->address]);
	(void)ra_buf_printf(&line, "%s%s", line.len > 0 ? ": " : "", text);
	r->reason = reason;
	(void)snprintf(r->error, sizeof(r->error), "%s", ra_buf_text(&line));
}

static bool
says(const struct ra_http_transfer *t, const char *words)
{
	return strcasestr(t->cause, words) != NULL;
}

/* curl's own words may quote the server. */
static void
fail_cause(struct ra_http_transfer *t, enum ra_reason reason, const char *what)
{
	RA_BUF_LOCAL text = RA_BUF(1024);

	(void)ra_escape_line(&text, t->cause, strlen(t->cause), 120);
	ra_http_fail(t, reason, "%s%s%s", what, text.len > 0 ? ": " : "", ra_buf_text(&text));
}

static void
fail_verify(struct ra_http_transfer *t, long verify)
{
	/* curl checks the name by itself, after OpenSSL. */
	if (says(t, "subject name") || says(t, "does not match"))
		verify = X509_V_ERR_HOSTNAME_MISMATCH;
	switch (verify) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		ra_http_fail(
		    t, RA_R_TLS_WRONG_HOST, "the certificate is not for %.100s", t->at.host);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		ra_http_fail(t, RA_R_TLS_EXPIRED, "a certificate has expired");
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		ra_http_fail(t, RA_R_TLS_NOT_YET_VALID, "a certificate is not valid yet");
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		ra_http_fail(t, RA_R_TLS_SELF_SIGNED, "the certificate is self-signed");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		ra_http_fail(t, RA_R_TLS_UNKNOWN_CA, "the certificate's issuer is not known (%s)",
		    X509_verify_cert_error_string(verify));
		break;
	case X509_V_ERR_CERT_REVOKED:
		ra_http_fail(t, RA_R_TLS_REVOKED, "a certificate was revoked");
		break;
	default:
		ra_http_fail(t, RA_R_TLS_ERROR, "the certificate cannot be verified: %s",
		    X509_verify_cert_error_string(verify));
		break;
	}
}

/* What the server said against our side of the handshake. False: nothing. */
static bool
fail_alert(struct ra_http_transfer *t)
{
	const char *said = SSL_alert_desc_string_long(t->alert);
	bool none = t->certificate_asked && t->request->certificate == NULL;

	switch (t->alert) {
	case 0:
		if (!none || t->header_bytes > 0)
			return false;
		ra_http_fail(t, RA_R_TLS_CLIENT_CERT,
		    "the server asked for a certificate, got none and closed the connection");
		return true;
	case SSL_AD_PROTOCOL_VERSION:
		ra_http_fail(t, RA_R_TLS_VERSION, "the server speaks no TLS version from 1.2 on");
		return true;
	case SSL_AD_HANDSHAKE_FAILURE:
		if (!none)
			break;
		/* TLS 1.2's way to say that one is required */
		/* fall through */
	case SSL_AD_NO_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REQUIRED:
		ra_http_fail(
		    t, RA_R_TLS_CLIENT_CERT, "the server wants a certificate of ours (%s)", said);
		return true;
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
		if (!t->certificate_asked)
			break;
		ra_http_fail(
		    t, RA_R_TLS_CLIENT_CERT, "the server refused our certificate (%s)", said);
		return true;
	}
	ra_http_fail(t, RA_R_TLS_ERROR, "the server ended the TLS handshake (%s)", said);
	return true;
}

static void
fail_tls(struct ra_http_transfer *t)
{
	if (t->alert != 0)
		(void)fail_alert(t);
	else if (says(t, "unsupported protocol"))
		ra_http_fail(t, RA_R_TLS_VERSION, "the server speaks no TLS version from 1.2 on");
	else if (says(t, "wrong version number") || says(t, "packet length too long"))
		ra_http_fail(t, RA_R_TLS_ERROR, "the answer is not TLS (is it plain http?)");
	else if (!fail_alert(t))
		fail_cause(t, RA_R_TLS_ERROR, "the TLS handshake failed");
}

static bool
fail_connect(struct ra_http_transfer *t)
{
	enum ra_reason reason = RA_R_CONNECT_ERROR;
	long number = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	if (t->socket_error != 0)
		number = t->socket_error;
	switch (number) {
	case ECONNREFUSED:
	case ENOENT:
		reason = RA_R_REFUSED;
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		reason = RA_R_UNREACHABLE;
		break;
	case ETIMEDOUT:
		reason = RA_R_CONNECT_TIMEOUT;
		break;
	case EMFILE:
	case ENFILE:
		ra_http_fail(t, RA_R_NO_DESCRIPTORS, "%s", strerror((int)number));
		return false;
	case ENOMEM:
	case ENOBUFS:
		ra_http_fail(t, RA_R_NO_MEMORY, "%s", strerror((int)number));
		return false;
	}
	if (t->request->proxy != NULL)
		reason = RA_R_PROXY;
	if (number != 0)
		ra_http_fail(t, reason, "%s", strerror((int)number));
	else
		fail_cause(t, reason, "cannot connect");
	return true;
}

static bool
fail_timeout(struct ra_http_transfer *t)
{
	curl_off_t secured = 0;
	long port = 0;

	/* CURLINFO_CONNECT_TIME stays 0 until TLS is done; ours is bound once TCP is connected. */
	(void)curl_easy_getinfo(t->easy, CURLINFO_LOCAL_PORT, &port);
	(void)curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (port == 0 && t->request->unix_path == NULL && t->header_bytes == 0) {
		ra_http_fail(t, t->request->proxy != NULL ? RA_R_PROXY : RA_R_CONNECT_TIMEOUT,
		    "no connection within %ld ms", t->connect_ms);
		return true;
	}
	if (t->at.tls && secured == 0)
		ra_http_fail(t, RA_R_TIMEOUT, "the TLS handshake did not end in time");
	else if (t->header_bytes == 0)
		ra_http_fail(t, RA_R_TIMEOUT, "connected, but no answer in time");
	else
		ra_http_fail(t, RA_R_TIMEOUT, "the answer began, but was not whole in time");
	return false;
}

static void
fail_stopped(struct ra_http_transfer *t)
{
	RA_BUF_LOCAL text = RA_BUF(256);

	switch (t->stop) {
	case RA_R_BODY_TOO_LARGE:
		ra_http_fail(t, t->stop, "answer larger than %zu bytes", t->request->max_body);
		break;
	case RA_R_HTTP_ENCODING:
		(void)ra_escape_line(&text, t->encoding, strlen(t->encoding), 40);
		ra_http_fail(
		    t, t->stop, "encoded as \"%s\", which was not asked for", ra_buf_text(&text));
		break;
	case RA_R_HTTP_MALFORMED:
		if (t->header_bytes > RA_HTTP_HEADERS_MOST)
			ra_http_fail(
			    t, t->stop, "headers larger than %d bytes", RA_HTTP_HEADERS_MOST);
		else
			ra_http_fail(t, t->stop, "%s", t->malformed);
		break;
	case RA_R_TLS_EXPIRED:
		ra_http_fail(t, t->stop, "a certificate has expired");
		break;
	default:
		ra_http_fail(t, t->stop, "out of memory");
		break;
	}
}

static void
fail_broken(struct ra_http_transfer *t, CURLcode code)
{
	if (t->at.tls && fail_alert(t))
		return;
	if (says(t, "CONNECT tunnel") || says(t, "from proxy"))
		fail_cause(t, RA_R_PROXY, "the proxy refused");
	else if (says(t, "chunk"))
		fail_cause(t, RA_R_HTTP_MALFORMED, "not HTTP");
	else if (code == CURLE_GOT_NOTHING)
		ra_http_fail(t, RA_R_RESET, "the connection was closed without an answer");
	else if (code == CURLE_PARTIAL_FILE)
		ra_http_fail(
		    t, RA_R_RESET, "the connection was closed before the answer was whole");
	else
		fail_cause(t, RA_R_RESET, "the connection broke");
}

bool
ra_http_explain(struct ra_http_transfer *t, CURLcode code)
{
	long verify = 0;

	if (t->stop != RA_R_OK) {
		fail_stopped(t);
		return false;
	}
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return fail_connect(t);
	case CURLE_OPERATION_TIMEDOUT:
		return fail_timeout(t);
	case CURLE_PEER_FAILED_VERIFICATION:
		(void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
		fail_verify(t, verify);
		break;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		fail_cause(t, RA_R_TLS_CA_FILE, "our certificate, key or CA cannot be used");
		break;
	case CURLE_SSL_CONNECT_ERROR:
		fail_tls(t);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		fail_broken(t, code);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
	case CURLE_WRITE_ERROR:
		fail_cause(t, RA_R_HTTP_MALFORMED, "not HTTP");
		break;
	case CURLE_FILESIZE_EXCEEDED:
		ra_http_fail(
		    t, RA_R_BODY_TOO_LARGE, "answer larger than %zu bytes", t->request->max_body);
		break;
	case CURLE_INTERFACE_FAILED:
		fail_cause(t, RA_R_CONNECT_ERROR, "the interface cannot be used");
		break;
	case CURLE_OUT_OF_MEMORY:
		ra_http_fail(t, RA_R_NO_MEMORY, "out of memory");
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		fail_cause(t, RA_R_DNS, "cannot resolve");
		break;
	default:
		fail_cause(t, RA_R_CONNECT_ERROR, curl_easy_strerror(code));
		break;
	}
	return false;
}
