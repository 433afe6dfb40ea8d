#pragma once
#include <curl/curl.h>
#include <stdlib.h>

// Swift does not import variadic functions.
static inline CURLcode las_curl_set_text(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_number(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_pointer(CURL *easy, CURLoption option, void *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_writer(CURL *easy, curl_write_callback writer) { return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, writer); }
// What every request of las has in common. `errors` has room for CURL_ERROR_SIZE; it is given up where nothing moves for `silence`
// seconds.
static inline void las_curl_begin(CURL *easy, const char *address, char *errors, long silence) {
    curl_easy_setopt(easy, CURLOPT_URL, address);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "las");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, errors);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 15L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, silence);
    // Only the answer of the server itself, not of a proxy before it.
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    // As curl itself does it: for those whose network has an authority of its own.
    const char *names[] = {"SSL_CERT_FILE", "CURL_CA_BUNDLE"};
    for (int i = 0; i < 2; i++) {
        const char *file = getenv(names[i]);
        if (file && *file) curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    }
}
static inline long las_curl_response_code(CURL *easy) {
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
}
// The result of a finished transfer; CURLMSG_DONE is the only message that there is.
static inline CURLcode las_curl_result(const CURLMsg *message) { return message->data.result; }
static inline CURLcode las_curl_set_header_reader(CURL *easy, curl_write_callback reader) { return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, reader); }
static inline CURLcode las_curl_set_reader(CURL *easy, curl_read_callback reader) { return curl_easy_setopt(easy, CURLOPT_READFUNCTION, reader); }
static inline CURLcode las_curl_set_seeker(CURL *easy, curl_seek_callback seeker) { return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seeker); }
