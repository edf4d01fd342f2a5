/* SPDX-License-Identifier: MIT */
/* test_philox.c -- published vectors, the addressing of draws, and the mappings. */
#include "base/philox.h"
#include "support/test.h"

static void vector(const uint32_t c[4], const uint32_t k[2], const uint32_t expected[4])
{
    uint32_t out[4];
    mim__philox(c, k, out);
    CHECK(!memcmp(out, expected, sizeof out));
}

static void vectors(void)
{
    const uint32_t ones = 0xFFFFFFFFu;
    vector((uint32_t[]){ 0, 0, 0, 0 }, (uint32_t[]){ 0, 0 },
           (uint32_t[]){ 0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8 });
    vector((uint32_t[]){ ones, ones, ones, ones }, (uint32_t[]){ ones, ones },
           (uint32_t[]){ 0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD });
    vector((uint32_t[]){ 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344 }, (uint32_t[]){ 0xA4093822, 0x299F31D0 },
           (uint32_t[]){ 0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1 });
}

static void words(void)
{
    static const uint32_t expected[] = { 0xF942741C, 0xB7A11B7A, 0x8B27A0CC, 0xBD95ACC8 };
    static const double floats[] = { 0.9736702442, 0.7173020244, 0.5435733795, 0.7405650616 };
    struct mim__stream s = mim__stream(1234, STREAM_MASK_RANDOM, 5, 0);
    uint32_t block[4];
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(mim__word(&s, i) == expected[i]);
        CHECK_NEAR(mim__unit(mim__word(&s, i)), floats[i], 1e-9);
    }
    mim__philox((uint32_t[]){ 7, 0, 5, 0 }, (uint32_t[]){ 1234, 0 }, block);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(mim__word(&s, 28 + i) == block[i]);
}

static bool differs(struct mim__stream a, struct mim__stream b)
{
    return memcmp(&a, &b, sizeof a) && mim__word(&a, 0) != mim__word(&b, 0);
}

/* Every part of an address matters, the upper halves as well. */
static void addresses(void)
{
    struct mim__stream s = mim__stream(1, 2, 3, 4);
    CHECK(differs(s, mim__stream(2, 2, 3, 4)) && differs(s, mim__stream(1 + (1ull << 32), 2, 3, 4)));
    CHECK(differs(s, mim__stream(1, 3, 3, 4)) && differs(s, mim__stream(1, 2, 4, 4)));
    CHECK(differs(s, mim__stream(1, 2, 3, 5)) && differs(s, mim__stream(1, 2, 3, 4 + (1ull << 32))));
    for (int bit = 32; bit < 64; bit++) {
        CHECK(differs(s, mim__stream(1, 2, 3 | 1ull << bit, 4)));
        CHECK(differs(mim__stream(1, 2, 3, 5), mim__stream(1, 2, 3 | 1ull << bit, 4)));
        CHECK(differs(mim__stream(1, 3, 3, 4), mim__stream(1, 2, 3 | 1ull << bit, 4)));
    }
}

static void mappings(void)
{
    CHECK(mim__unit(0) == 0 && mim__unit(0xFFFFFFFFu) < 1);
    CHECK(mim__open(0) > 0 && mim__open(0xFFFFFFFFu) < 1);
    CHECK(mim__below(0, 7) == 0 && mim__below(0xFFFFFFFFu, 7) == 6 && mim__below(0x80000000u, 10) == 5);
}

static void normal(void)
{
    struct mim__stream s = mim__stream(9, STREAM_INIT, mim__hash("weight"), 0);
    double sum = 0, square = 0;
    enum { N = 20000 };
    for (uint32_t i = 0; i < N; i++) {
        double v = mim__normal(&s, i), r = sqrt(-2 * log(mim__open(mim__word(&s, 2 * i))));
        CHECK_NEAR(v, r * cos(2 * 3.141592653589793 * mim__unit(mim__word(&s, 2 * i + 1))), 1e-12);
        sum += v;
        square += v * v;
    }
    CHECK_NEAR(sum / N, 0, 0.03);
    CHECK_NEAR(square / N, 1, 0.04);
}

static void hash(void)
{
    CHECK(mim__hash("") == 0xCBF29CE484222325u);
    CHECK(mim__hash("a") == 0xAF63DC4C8601EC8Cu);
    CHECK(mim__hash("foobar") == 0x85944171F73967E8u);
}

int main(void)
{
    TEST(vectors);
    TEST(words);
    TEST(addresses);
    TEST(mappings);
    TEST(normal);
    TEST(hash);
    return test_end();
}
