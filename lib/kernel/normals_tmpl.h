/* SPDX-License-Identifier: MIT */
/* normals_tmpl.h -- the kernels of normals.h: Philox4x32-10, and Box-Muller or a rounding, on many blocks side by side.
 * Not out of the verbs of vec_*.h: loops of constant length, which compilers turn into vectors of integers and doubles. */

enum { BLOCKS = NORMALS / 2 };              /* side by side; a block is two normal numbers */
typedef uint32_t block_words[4][BLOCKS];

INLINE void start_blocks(const struct mim__stream *s, block_words c)
{
    for (int w = 1; w < 4; w++)
        for (int i = 0; i < BLOCKS; i++)
            c[w][i] = s->counter[w];
}

/* As mim__philox. High and low halves are written as products of their own: compilers know a vector form of each. */
INLINE void philox_blocks(const uint32_t key[2], block_words c)
{
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int i = 0; i < BLOCKS; i++) {
            uint32_t p = (uint32_t)((uint64_t)0xD2511F53u * c[0][i] >> 32), low_p = 0xD2511F53u * c[0][i];
            uint32_t q = (uint32_t)((uint64_t)0xCD9E8D57u * c[2][i] >> 32), low_q = 0xCD9E8D57u * c[2][i];
            c[0][i] = q ^ c[1][i] ^ k0;
            c[1][i] = low_q;
            c[2][i] = p ^ c[3][i] ^ k1;
            c[3][i] = low_p;
        }
}

static void normals_row(const struct mim__stream *s, uint32_t first, int n, double *y)
{
    for (; n > 0; n -= NORMALS, first += NORMALS, y += NORMALS) {
        block_words c;
        double even[BLOCKS], odd[BLOCKS];
        start_blocks(s, c);
        for (int i = 0; i < BLOCKS; i++)
            c[0][i] = s->counter[0] + first / 2 + (uint32_t)i;
        philox_blocks(s->key, c);
        for (int i = 0; i < BLOCKS; i++)
            even[i] = mim__box_muller(c[0][i], c[1][i]);
        for (int i = 0; i < BLOCKS; i++)
            odd[i] = mim__box_muller(c[2][i], c[3][i]);
        for (int i = 0; i < BLOCKS; i++) {
            y[2 * i] = even[i];
            y[2 * i + 1] = odd[i];
        }
    }
}

static void normals_at(const struct mim__stream *s, int n, const uint32_t *index, double *y)
{
    for (; n > 0; n -= BLOCKS, index += BLOCKS, y += BLOCKS) {
        block_words c;
        start_blocks(s, c);
        for (int i = 0; i < BLOCKS; i++)
            c[0][i] = s->counter[0] + index[i] / 2;
        philox_blocks(s->key, c);
        for (int i = 0; i < BLOCKS; i++) {
            c[0][i] = index[i] % 2 ? c[2][i] : c[0][i];
            c[1][i] = index[i] % 2 ? c[3][i] : c[1][i];
        }
        for (int i = 0; i < BLOCKS; i++)
            y[i] = mim__box_muller(c[0][i], c[1][i]);
    }
}

static void normals_middle(const struct mim__stream *s, uint32_t first, int n, double spread, double *y)
{
    for (; n > 0; n -= 4 * BLOCKS, first += 4 * BLOCKS, y += 4 * BLOCKS) {
        block_words c;
        double z[4][BLOCKS];
        start_blocks(s, c);
        for (int i = 0; i < BLOCKS; i++)
            c[0][i] = s->counter[0] + first / 4 + (uint32_t)i;
        philox_blocks(s->key, c);
        for (int w = 0; w < 4; w++)
            for (int i = 0; i < BLOCKS; i++)
                z[w][i] = mim__middle_quantile(spread * (((double)(int32_t)(c[w][i] >> 8) + 0.5) * 0x1p-24 - 0.5));
        for (int i = 0; i < BLOCKS; i++)
            for (int w = 0; w < 4; w++)
                y[4 * i + w] = z[w][i];
    }
}

static void normals_words(const struct mim__stream *s, uint32_t first, uint32_t *y)
{
    block_words c;
    start_blocks(s, c);
    for (int i = 0; i < BLOCKS; i++)
        c[0][i] = s->counter[0] + first + (uint32_t)i;
    philox_blocks(s->key, c);
    memcpy(y, c, sizeof c);
}

/* restrict, so that compilers make vectors of it. */
static void normals_narrow(const uint32_t *words, const uint32_t *factors, const float *restrict x, uint16_t *restrict y)
{
    for (int k = 0; k < NARROWED / WORDS; k++, x += WORDS, y += WORDS)
        for (int i = 0; i < WORDS; i++) {
            uint32_t bits;
            memcpy(&bits, x + i, sizeof bits);
            y[i] = (uint16_t)((bits + (words[i] * factors[k] >> 16)) >> 16);
        }
}
