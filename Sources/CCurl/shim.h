#pragma once
#include <curl/curl.h>

// Swift does not import variadic functions.
static inline CURLcode las_curl_set_text(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_number(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_pointer(CURL *easy, CURLoption option, void *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode las_curl_set_writer(CURL *easy, curl_write_callback writer) { return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, writer); }
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
