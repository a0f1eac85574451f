#ifndef ACKSCOPE_COPENSSL_H
#define ACKSCOPE_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// EVP_EC_gen, X509_getm_notBefore and others are macros or variadic, which the Swift importer cannot see.

static inline EVP_PKEY *ackscope_make_p256_key(void) { return EVP_EC_gen("P-256"); }

// The bytes that a memory BIO holds; they belong to the BIO.
static inline long ackscope_bio_bytes(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

// Stacks of certificates are reached through macros.
static inline STACK_OF(X509) *ackscope_make_stack(void) { return sk_X509_new_null(); }
static inline void ackscope_free_stack(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
// The stack owns the certificate where this returns more than 0.
static inline int ackscope_push(STACK_OF(X509) *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }

// A name as people read it.
static inline int ackscope_print_name(BIO *bio, X509_NAME *name) {
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

#endif
