/* SPDX-License-Identifier: MIT */
/* philox.c -- Philox4x32-10 (Salmon et al. 2011, sec. 3.3) and what libmim puts into its counter. */
#include "base/philox.h"
#include "base/normal.h"

void mim__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * c0, q = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)q;
        c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Stream numbers stay below 2^10 and epochs, in practice, below 2^22: the upper half of a sample (a hash, or a very
 * large collection) goes into the bits that they leave free. The upper half of an epoch goes into the key. */
struct mim__stream mim__stream(uint64_t seed, uint32_t stream, uint64_t sample, uint64_t epoch)
{
    uint32_t high = (uint32_t)(sample >> 32);
    return (struct mim__stream){
        .key = { (uint32_t)seed, (uint32_t)(seed >> 32) ^ (uint32_t)(epoch >> 32) },
        .counter = { 0, stream ^ high << 10, (uint32_t)sample, (uint32_t)epoch ^ (high & 0xFFC00000u) },
    };
}

uint32_t mim__word(const struct mim__stream *s, uint32_t index)
{
    uint32_t counter[4] = { s->counter[0] + index / 4, s->counter[1], s->counter[2], s->counter[3] }, out[4];
    mim__philox(counter, s->key, out);
    return out[index % 4];
}

/* Box-Muller; both words are in one block. */
double mim__normal(const struct mim__stream *s, uint32_t index)
{
    uint32_t counter[4] = { s->counter[0] + index / 2, s->counter[1], s->counter[2], s->counter[3] }, out[4];
    mim__philox(counter, s->key, out);
    const uint32_t *w = out + index % 2 * 2;
    return mim__box_muller(w[0], w[1]);
}

uint64_t mim__hash(const char *text)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    return h;
}
