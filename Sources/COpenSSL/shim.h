#ifndef ACKSCOPE_COPENSSL_H
#define ACKSCOPE_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

// One record of TLS 1.3 (RFC 8446 §5.2): `header` is what is authenticated beside it, `nonce` 12 bytes, the tag the last 16
// bytes of what is sealed. Here rather than in Swift because each step is a macro over EVP_CIPHER_CTX_ctrl or wants an
// `int` of its own to write to.

// `length` counts the tag. Writes `length - 16` bytes to `out`, which must not overlap `sealed`; 0 where the tag is wrong.
static inline int ackscope_open_record(EVP_CIPHER_CTX *keys, const unsigned char *nonce, const unsigned char *header,
                                       const unsigned char *sealed, int length, unsigned char *out) {
  int written = 0;
  int last = 0;
  return EVP_DecryptInit_ex(keys, NULL, NULL, NULL, nonce) == 1 &&
         EVP_DecryptUpdate(keys, NULL, &written, header, 5) == 1 &&
         EVP_DecryptUpdate(keys, out, &written, sealed, length - 16) == 1 &&
         EVP_CIPHER_CTX_ctrl(keys, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(sealed + length - 16)) == 1 &&
         EVP_DecryptFinal_ex(keys, out + written, &last) == 1;
}

// Seals `length` bytes and the `type` behind them. Writes `length + 17` bytes to `out`, which must not overlap `plain`.
static inline int ackscope_seal_record(EVP_CIPHER_CTX *keys, const unsigned char *nonce, const unsigned char *header,
                                       const unsigned char *plain, int length, unsigned char type,
                                       unsigned char *out) {
  int written = 0;
  int last = 0;
  return EVP_EncryptInit_ex(keys, NULL, NULL, NULL, nonce) == 1 &&
         EVP_EncryptUpdate(keys, NULL, &written, header, 5) == 1 &&
         (length == 0 || EVP_EncryptUpdate(keys, out, &written, plain, length) == 1) &&
         EVP_EncryptUpdate(keys, out + length, &written, &type, 1) == 1 &&
         EVP_EncryptFinal_ex(keys, out + length + 1, &last) == 1 &&
         EVP_CIPHER_CTX_ctrl(keys, EVP_CTRL_AEAD_GET_TAG, 16, out + length + 1) == 1;
}

#endif
