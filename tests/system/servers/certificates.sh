#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes in folder $1 the certificates that TLS tests need, all for "localhost" and 127.0.0.1 unless
# said otherwise: ca.pem, server (good), expired, future, wrong-host, self-signed, unknown-ca (signed
# by another CA), client; each NAME.pem (certificate, chain) with NAME.key.
set -eu
cd "$1"

cat >ca.cnf <<'CNF'
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CNF
: >index.txt
echo 01 >serial

key() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

root() { # NAME
	key "$1"
	openssl req -x509 -config ca.cnf -new -key "$1.key" -subj "/CN=$1" -days 3650 -out "$1.pem" \
		-addext basicConstraints=critical,CA:TRUE
}

leaf() { # NAME CA FROM TO ALTNAMES
	key "$1"
	openssl req -config ca.cnf -new -key "$1.key" -subj "/CN=$1" -addext "subjectAltName=$5" \
		-out "$1.csr"
	openssl ca -batch -notext -config ca.cnf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" \
		-startdate "$3" -enddate "$4" -out "$1.pem" 2>ca.log || { cat ca.log >&2; exit 1; }
}

here=DNS:localhost,DNS:one.test,IP:127.0.0.1
from=20200101000000Z
to=20491231235959Z
root ca
root other
leaf server ca $from $to $here
leaf expired ca $from 20210101000000Z $here
leaf future ca 20480101000000Z $to $here
leaf wrong-host ca $from $to DNS:elsewhere.example
leaf unknown-ca other $from $to $here
leaf client ca $from $to DNS:client
key self-signed
openssl req -x509 -config ca.cnf -new -key self-signed.key -subj /CN=localhost -days 3650 \
	-out self-signed.pem -addext "subjectAltName=$here"
