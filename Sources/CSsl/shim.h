#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Macros, which Swift does not see.
static inline int las_ssl_demand_tls12(SSL_CTX *context) { return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); }
static inline int las_ssl_is_closed(const SSL *ssl, int result) { return SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN; }
