/* SPDX-License-Identifier: MIT */
/* test_header.c -- what the reader takes and what it refuses. */
#include "io_test.h"

/* ---- Valid ---- */

#define W(shape, begin, end) "{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

struct vector { const char *json; size_t data; int tensors; };
static const struct vector valid[] = {
    { "{}      ", 0, 0 },
    { "{}", 0, 0 },
    { "{\"w\":" W("2", "0", "8") "}  ", 8, 1 },
    { "{\"b\":" W("2", "8", "16") ",\"a\":" W("2", "0", "8") "}", 16, 2 },
    { "{\"a\":" W("1", "0", "4") ",\"__metadata__\":{\"k\":\"v\"}}", 4, 1 },
    { "{\"__metadata__\":null,\"a\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"__metadata__\":{},\"a\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"__met\\u0061data__\":{\"k\":\"v\"}}", 0, 0 },
    { "{\"a\":" W("", "0", "4") "}", 4, 1 },                                                             /* scalar */
    { "{\"e\":" W("0", "0", "0") ",\"a\":" W("1", "0", "4") "}", 4, 2 },                                 /* empty: first */
    { "{\"a\":" W("1", "0", "4") ",\"e\":" W("0", "4", "4") "}", 4, 2 },                                 /* last */
    { "{\"b\":" W("1", "4", "8") ",\"e\":" W("0,7", "4", "4") ",\"a\":" W("1", "0", "4") "}", 8, 3 },    /* between */
    { "{\"f\":" W("0", "4", "4") ",\"e\":" W("0", "4", "4") ",\"a\":" W("1", "0", "4") "}", 4, 3 },      /* two at once */
    { "{\"a\":" W("1", "0", "4") "} ", 4, 1 },
    { "{\"a\":" W("1", "0", "4") "}\t\r\n \t", 4, 1 },
    { "{ \"a\" : { \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 4 ] ,\n \"dtype\" : \"F32\" } }", 4, 1 },
    { "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"\\ud83d\\ude00\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"a\x7f\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\":" W("1", "0", "4") "}", 4, 1 },
    { "{\"a\":{\"dtype\":\"F32\",\"x\":-1.5e+3,\"shape\":[1],\"x\":{\"y\":[null]},\"data_offsets\":[0,4]}}", 4, 1 },
    { "{\"a\":{\"d\\u0074ype\":\"\\u004632\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, 1 },
    { "{\"a\":" W("0,1099511627776,1099511627776", "0", "0") "}", 0, 1 },           /* zero first: does not overflow */
    { "{\"a\":" W("0,18446744073709551615", "0", "0") "}", 0, 1 },
    { "{\"a\":" W("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "0", "4") "}", 4, 1 },
    { "{\"a\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[0,3]}}", 3, 1 },
    { "{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, 1 },
    { "{\"a\":{\"dtype\":\"F8_E4M3FNUZ\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3, 1 },
    { "{\"a\":{\"dtype\":\"C64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16, 1 },
};

static void accepts(void)
{
    for (int i = 0; i < COUNT(valid); i++) {
        mim_tensors *t = NULL;
        mim_status status = open_header(valid[i].json, strlen(valid[i].json), valid[i].data, &t);
        if (!CHECK(status == MIM_OK) || !CHECK(mim_tensors_count(t) == valid[i].tensors))
            printf("    %s: %s\n", valid[i].json, status ? last_error() : "");
        mim_tensors_destroy(t);
    }
}

static void names_and_offsets(void)
{
    const struct vector *v = &valid[3];                  /* listed in reverse */
    mim_tensors *t = NULL;
    unsigned char bytes[8];
    if (!CHECK(open_header(v->json, strlen(v->json), v->data, &t) == MIM_OK))
        return;
    float f[2];
    CHECK(mim_tensors_read(t, "b", MIM_F32, 0, 2, f) == MIM_OK);
    memcpy(bytes, f, 8);
    for (int i = 0; i < 8; i++)
        CHECK(bytes[i] == 8 + i);
    mim_tensors_destroy(t);
    const char *escapes = "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\":" W("1", "0", "4") "}";
    if (!CHECK(open_header(escapes, strlen(escapes), 4, &t) == MIM_OK))
        return;
    char name[64];
    CHECK(mim_tensors_name(t, 0, name, sizeof name, NULL) == MIM_OK);
    CHECK_TEXT(name, "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
    CHECK(mim_tensors_info(t, name, NULL, NULL, NULL, NULL) == MIM_OK);
    mim_tensors_destroy(t);
}

/* ---- Invalid ---- */

#define F(fields) "{\"a\":{" fields "}}"
#define A "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"

static const struct vector invalid[] = {
    { "", 0, 0 }, { " {}", 0, 0 }, { "\xef\xbb\xbf{}", 0, 0 }, { "[]", 0, 0 }, { "{}{}", 0, 0 }, { "{} x", 0, 0 },
    { "1", 0, 0 },
    { "null", 0, 0 }, { "{", 0, 0 }, { "{\"a\"", 0, 0 }, { "{\"a\":", 0, 0 }, { "{,}", 0, 0 }, { "{/**/}", 0, 0 },
    { "{\"a\":" W("1", "0", "4") ",}", 4, 0 }, { "{'a':" W("1", "0", "4") "}", 4, 0 },
    { F("\"x\":NaN," A), 4, 0 }, { F("\"x\":0x1," A), 4, 0 }, { F("\"x\":+1," A), 4, 0 }, { F("\"x\":01," A), 4, 0 },
    { F("\"dtype\":\"F32\"," A), 4, 0 }, { F("\"shape\":[1]," A), 4, 0 }, { F("\"data_offsets\":[0,4]," A), 4, 0 },
    { F("\"shap\\u0065\":[1]," A), 4, 0 },
    { "{\"a\":" W("1", "0", "4") ",\"a\":" W("1", "4", "8") "}", 8, 0 },
    { "{\"a\":" W("1", "0", "4") ",\"\\u0061\":" W("1", "4", "8") "}", 8, 0 },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, 0 }, { "{\"__metadata__\":null,\"__metadata__\":{}}", 0, 0 },
    { "{\"__metadata__\":{\"k\":\"1\",\"j\":\"\",\"k\":\"2\"}}", 0, 0 }, { "{\"__metadata__\":{\"k\":1}}", 0, 0 },
    { "{\"__metadata__\":{\"k\":null}}", 0, 0 }, { "{\"__metadata__\":{\"k\":{}}}", 0, 0 },
    { "{\"__metadata__\":{\"k\":[]}}", 0, 0 }, { "{\"__metadata__\":{\"k\":true}}", 0, 0 },
    { "{\"__metadata__\":[]}", 0, 0 },
    { "{\"__metadata__\":\"\"}", 0, 0 }, { "{\"__metadata__\":{\"k\\u0000\":\"\"}}", 0, 0 },
    { "{\"__metadata__\":{\"k\":\"\\u0000\"}}", 0, 0 },
    { F("\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 }, { F("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"F32\",\"shape\":[1]"), 4, 0 }, { "{\"a\":[\"F32\",[1],[0,4]]}", 4, 0 }, { "{\"a\":null}", 0, 0 },
    { F("\"dtype\":{\"F32\":null},\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"F32\\u0000\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"F32_AND_A_LONG_TAIL\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]"), 4, 0 },
    { F("\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]"), 4, 0 },
    { "{\"a\":" W("1.0", "0", "4") "}", 4, 0 }, { "{\"a\":" W("1e0", "0", "4") "}", 4, 0 },
    { "{\"a\":" W("-0", "0", "0") "}", 0, 0 }, { "{\"a\":" W("-1", "0", "4") "}", 4, 0 },
    { "{\"a\":" W("\"1\"", "0", "4") "}", 4, 0 }, { "{\"a\":" W("true", "0", "4") "}", 4, 0 },
    { "{\"a\":" W("[1]", "0", "4") "}", 4, 0 }, { "{\"a\":" W("1", "0", "4.0") "}", 4, 0 },
    { "{\"a\":" W("1", "-0", "4") "}", 4, 0 }, { "{\"a\":" W("0,18446744073709551616", "0", "0") "}", 0, 0 },
    { F("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]"), 4, 0 },
    { F("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]"), 4, 0 },
    { F("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"0\":0,\"1\":4}"), 4, 0 },
    { F("\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[]"), 0, 0 },
    { F("\"x\":\"\x01\"," A), 4, 0 }, { F("\"x\":\"\\x41\"," A), 4, 0 }, { F("\"x\":\"\\ud800\"," A), 4, 0 },
    { F("\"x\":\"\\udc00\"," A), 4, 0 }, { F("\"x\":\"\\ud800\\u0041\"," A), 4, 0 },
    { "{\"a\\u0000\":" W("1", "0", "4") "}", 4, 0 }, { "{\"\":" W("1", "0", "4") "}", 4, 0 },
    { "{\"\xc0\xaf\":" W("1", "0", "4") "}", 4, 0 }, { "{\"\xed\xa0\x80\":" W("1", "0", "4") "}", 4, 0 },
    { "{\"\xf4\x90\x80\x80\":" W("1", "0", "4") "}", 4, 0 }, { "{\"\xe2\x82\":" W("1", "0", "4") "}", 4, 0 },
    { "{\"a\":" W("2", "0", "8") ",\"b\":" W("2", "7", "15") "}", 15, 0 },                                 /* overlap */
    { "{\"a\":" W("1", "1", "5") "}", 5, 0 },                                                            /* holes */
    { "{\"a\":" W("1", "0", "4") ",\"b\":" W("1", "5", "9") "}", 9, 0 },
    { "{\"a\":" W("1", "0", "4") "}", 5, 0 }, { "{\"a\":" W("1", "0", "4") "}", 3, 0 }, { "{}", 1, 0 },
    { "{\"a\":" W("1", "4", "0") "}", 4, 0 }, { "{\"a\":" W("1", "0", "3") "}", 3, 0 },
    { "{\"a\":" W("1", "0", "5") "}", 5, 0 },
    { "{\"a\":" W("1", "0", "4") ",\"e\":" W("0", "2", "2") "}", 4, 0 },                                  /* empty inside */
    { "{\"a\":" W("1099511627776,1099511627776,0", "0", "0") "}", 0, 0 },
    { "{\"a\":" W("4294967296,4294967296", "0", "0") "}", 0, 0 },
    { "{\"a\":" W("1152921504606846976", "0", "0") "}", 0, 0 },                                           /* bits overflow */
    { "{\"a\":" W("18446744073709551615", "0", "18446744073709551612") "}", 4, 0 },
    { "{\"a\":" W("1", "18446744073709551612", "0") "}", 4, 0 },
    { "{\"a\":" W("1", "0", "5") ",\"b\":" W("1", "4", "8") "}", 8, 0 },      /* END alone is wrong */
    { "{\"a\":" W("1", "0", "3") ",\"b\":" W("1", "4", "8") "}", 8, 0 },
    { "{\"e\":" W("0", "0", "4") ",\"b\":" W("1", "0", "4") "}", 4, 0 },
    { F("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]"), 1, 0 },
    { F("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, 0 },
    { F("\"dtype\":\"F6_E3M2\",\"shape\":[2],\"data_offsets\":[0,2]"), 2, 0 },
    { "{\"a\":" W("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "0", "4") "}", 4, 0 },
};

static void refused(const char *json, size_t size, size_t data)
{
    mim_tensors *t = NULL;
    mim_status status = open_header(json, size, data, &t);
    if (!CHECK(status == MIM_ERR_FORMAT) || !CHECK(t == NULL) || !CHECK(strstr(last_error(), "'memory', byte ")
                                                                         || strstr(last_error(), "twice")))
        printf("    %s: %d %s\n", json, (int)status, last_error());
    mim_tensors_destroy(t);
}

static void refuses(void)
{
    for (int i = 0; i < COUNT(invalid); i++)
        refused(invalid[i].json, strlen(invalid[i].json), invalid[i].data);
}

static void refuses_same_range(void)
{
    char json[2048] = "{";
    for (int i = 0; i < 10; i++)
        snprintf(json + strlen(json), sizeof json - strlen(json), "%s\"t%d\":" W("2", "0", "8"), i ? "," : "", i);
    strcat(json, "}");
    refused(json, strlen(json), 8);
    refused(json, strlen(json), 80);
}

static void nul_padding(void)
{
    static const char json[] = "{\"a\":" W("1", "0", "4") "}\0\0\0";
    refused(json, sizeof json, 4);
    CHECK(strstr(last_error(), "padded with NUL") != NULL);
    static const char inside[] = "{\"a\0\":" W("1", "0", "4") "}";
    refused(inside, sizeof inside - 1, 4);
    CHECK(strstr(last_error(), "padded") == NULL);
}

static void nesting(void)
{
    for (int depth = 55; depth <= 200; depth += depth < 70 ? 1 : 65) {       /* levels in all: header, entry, then these */
        char json[1024] = "{\"a\":{\"x\":";
        memset(json + strlen(json), '[', (size_t)depth - 2);
        memset(json + strlen(json), ']', (size_t)depth - 2);
        strcat(json, "," A "}}");
        mim_tensors *t = NULL;
        CHECK(open_header(json, strlen(json), 4, &t) == (depth <= 64 ? MIM_OK : MIM_ERR_FORMAT));
        mim_tensors_destroy(t);
    }
}

static void name_length(void)
{
    for (int n = 1023; n <= 1026; n++) {
        char json[2048];
        snprintf(json, sizeof json, "{\"%0*d\":" W("1", "0", "4") "}", n, 0);
        mim_tensors *t = NULL;
        CHECK(open_header(json, strlen(json), 4, &t) == (n <= 1024 ? MIM_OK : MIM_ERR_FORMAT));
        mim_tensors_destroy(t);
    }
}

/* ---- The length ---- */

static mim_status open_length(uint64_t n, size_t size)
{
    unsigned char file[64] = { 0 };
    make_file(file, "{}                                          ", 40, 0);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)(n >> 8 * i);
    mim_tensors *t = NULL;
    mim_status status = mim_tensors_open_memory(context, file, size, &t);
    mim_tensors_destroy(t);
    return status;
}

static void lengths(void)
{
    CHECK(open_length(40, 48) == MIM_OK);
    for (size_t size = 0; size < 8; size++)
        CHECK(open_length(0, size) == MIM_ERR_FORMAT);
    CHECK(open_length(0, 8) == MIM_ERR_FORMAT);
    CHECK(open_length(41, 48) == MIM_ERR_FORMAT);
    CHECK(strstr(last_error(), "a header of 41 bytes does not fit a file of 48") != NULL);
    CHECK(open_length(100000001, 48) == MIM_ERR_FORMAT);
    CHECK(open_length(100000000, 48) == MIM_ERR_FORMAT);
    CHECK(open_length(UINT64_MAX, 48) == MIM_ERR_FORMAT);
    CHECK(open_length(UINT64_MAX - 7, 48) == MIM_ERR_FORMAT);
}

/* A header of spaces, made on the fly. */
static int32_t read_spaces(void *user, uint64_t offset, void *to, size_t size)
{
    const uint64_t n = *(const uint64_t *)user;
    static const char json[] = "{\"a\":" W("1", "0", "4") "}";
    memset(to, ' ', size);
    for (size_t i = 0; i < size && offset + i < 8 + sizeof json - 1; i++)
        ((unsigned char *)to)[i] =
            (unsigned char)(offset + i < 8 ? n >> 8 * (offset + i) : (unsigned char)json[offset + i - 8]);
    return 0;
}

static void longest_header(void)
{
    uint64_t n = 100000000;
    mim_tensors *t = NULL;
    CHECK(mim_tensors_open_stream(context, read_spaces, &n, 8 + n + 4, &t) == MIM_OK);
    CHECK(mim_tensors_count(t) == 1);
    mim_tensors_destroy(t);
    t = NULL;
    n++;
    CHECK(mim_tensors_open_stream(context, read_spaces, &n, 8 + n + 4, &t) == MIM_ERR_FORMAT);
}

/* ---- Damage ---- */

static const char sound[] = "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"\\u00e9\"},"
    "\"ab\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[0,12]},\"c\":" W("", "12", "16") "}    ";

static void truncated(void)
{
    unsigned char file[512];
    size_t size = make_file(file, sound, sizeof sound - 1, 16);
    for (size_t n = 0; n <= size; n++) {
        mim_tensors *t = NULL;
        CHECK(mim_tensors_open_memory(context, file, n, &t) == (n == size ? MIM_OK : MIM_ERR_FORMAT));
        mim_tensors_destroy(t);
    }
}

static void bad_utf8_anywhere(void)
{
    for (size_t at = 0; at < sizeof sound - 1; at++) {
        char json[sizeof sound];
        memcpy(json, sound, sizeof json);
        json[at] = (char)0xff;
        refused(json, sizeof sound - 1, 16);
    }
}

/* Whatever opens can be walked and read without harm. */
static void read_everything(mim_tensors *t)
{
    for (int64_t i = 0; i < mim_tensors_count(t); i++) {
        const struct mim__tensor *x = mim__tensors_at(t, i);
        size_t elements;
        double values[16];
        if (mim_tensors_info(t, x->name, NULL, NULL, NULL, &elements) == MIM_OK && elements <= 16) {
            mim_tensors_read(t, x->name, MIM_F32, 0, elements, values);
            mim_tensors_read(t, x->name, MIM_I64, 0, elements, values);
        }
    }
}

static void bit_flips(void)
{
    unsigned char file[512];
    size_t size = make_file(file, sound, sizeof sound - 1, 16);
    int opened = 0;
    for (size_t bit = 0; bit < 8 * (8 + sizeof sound - 1); bit++) {
        mim_tensors *t = NULL;
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        mim_status status = mim_tensors_open_memory(context, file, size, &t);
        CHECK(status == MIM_OK || status == MIM_ERR_FORMAT);
        if (status == MIM_OK) {
            opened++;
            read_everything(t);
        }
        mim_tensors_destroy(t);
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK(opened > 0 && opened < 200);           /* letters of names change, and I16 becomes U16 with luck */
}

static mim_status open_sound(void)
{
    mim_tensors *t = NULL;
    mim_status status = open_header(sound, sizeof sound - 1, 16, &t);
    CHECK((t != NULL) == (status == MIM_OK));
    mim_tensors_destroy(t);
    return status;
}

static void allocations_fail(void) { CHECK(fail_each_allocation(open_sound) > 5); }

/* Neither names nor offsets in order. */
static void many(void)
{
    enum { N = 20000 };
    char *json = malloc((size_t)N * 80 + 2), *p = json;
    p += sprintf(p, "{");
    for (int i = N; i-- > 0;)
        p += sprintf(p, "\"%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}%s", i * 7919 % N, i, i + 1,
                     i ? "," : "}");
    mim_tensors *t = NULL;
    CHECK(open_header(json, (size_t)(p - json), N, &t) == MIM_OK);
    free(json);
    CHECK(mim_tensors_count(t) == N);
    uint8_t byte = 0;
    CHECK(mim_tensors_read(t, "7919", MIM_U8, 0, 1, &byte) == MIM_OK && byte == 1);
    mim_tensors_destroy(t);
}

int main(void)
{
    if (!context_begin())
        return 1;
    TEST(accepts);
    TEST(names_and_offsets);
    TEST(refuses);
    TEST(refuses_same_range);
    TEST(nul_padding);
    TEST(nesting);
    TEST(name_length);
    TEST(lengths);
    TEST(longest_header);
    TEST(truncated);
    TEST(bad_utf8_anywhere);
    TEST(bit_flips);
    TEST(allocations_fail);
    TEST(many);
    return context_end();
}
