/* SPDX-License-Identifier: MIT */
/* test_mae_names.c -- MAE under the names of its authors and under both layouts of transformers: opened, given back as they
 * were, and not mistaken for other models. */
#include "train/make.h"

static mim_context *ctx;

static const char mae[] = "{\"encoder\": {\"mask_token\": 0, \"positions\": \"sincos\"}, \"head\": {\"kind\": \"mae\", \"width\": 8,"
                          " \"depth\": 2, \"heads\": 2, \"hidden\": 24, \"target\": \"patch_norm\"}, \"masker.ratio\": 0.7}";

/* The name without what stands before it, and with `to` in place of `from`; "^" is its beginning. */
static void rename_one(char *name, size_t capacity, const char *from, const char *to)
{
    char copy[256];
    const char *at = strstr(name, from);
    if (!strcmp(from, "^")) {
        memmove(name + strlen(to), name, strlen(name) + 1);
        memcpy(name, to, strlen(to));
        return;
    }
    if (!*from || !at)
        return;
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - name), name, to, at + strlen(from));
    snprintf(name, capacity, "%s", copy);
}

/* A set of its own with the weights of t under a naming, names changed as told. */
static mim_tensors *copy_of(mim_trainer *t, const char *naming, const char *const changes[][2])
{
    mim_tensors *w = NULL, *set = NULL;
    OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, naming, &w));
    OK(ctx, mim_tensors_create(ctx, &set));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        char name[256];
        int32_t rank = 0;
        int64_t shape[MIM_MAX_RANK];
        size_t n = 0;
        mim_tensors_name(w, i, name, sizeof name, NULL);
        mim_tensors_info(w, name, NULL, &rank, shape, &n);
        float *v = malloc(n * sizeof *v);
        OK(ctx, mim_tensors_read(w, name, MIM_F32, 0, n, v));
        for (int k = 0; changes[k][0]; k++)
            rename_one(name, sizeof name, changes[k][0], changes[k][1]);
        OK(ctx, mim_tensors_add(set, name, MIM_F32, rank, shape, v));
        free(v);
    }
    char json[2000];
    if (!mim_tensors_get_text(w, "config.json", json, sizeof json, NULL))
        OK(ctx, mim_tensors_set_text(set, "config.json", json));
    mim_tensors_destroy(w);
    return set;
}

static const char *const bare[][2] = { { "encoder.", "" }, { "head.", "" }, { NULL, NULL } };
static const char *const nested[][2] = { { "decoder_layers", "decoder_encoder.layer" }, { NULL, NULL } };
static const char *const same[][2] = { { NULL, NULL } };
static const char *const bare_wrapped[][2] = { { "encoder.", "" }, { "head.", "" }, { "^", "module." }, { NULL, NULL } };
static const char *const nested_wrapped[][2] = { { "decoder_layers", "decoder_encoder.layer" }, { "^", "_orig_mod.module." },
                                                 { NULL, NULL } };

static mim_status reopen(const mim_tensors *set, const char *json, mim_trainer **t)
{
    mim_config *config = NULL;
    mim_encoder *e = NULL;
    mim_head *h = NULL;
    *t = NULL;
    OK(ctx, mim_config_create(ctx, NULL, &config));
    OK(ctx, mim_config_read_json(config, json));
    mim_status status = mim_encoder_create(ctx, config, set, &e);
    if (!status) status = mim_head_create(ctx, config, e, set, &h);
    if (!status) status = mim_trainer_create(ctx, config, e, h, NULL, NULL, t);
    mim_head_destroy(h);
    mim_encoder_destroy(e);
    mim_config_destroy(config);
    return status;
}

/* Are these the names of the set, one for one? */
static int as_in(mim_tensors *view, const mim_tensors *set)
{
    int good = mim_tensors_count(view) == mim_tensors_count(set);
    for (int64_t i = 0; i < mim_tensors_count(view); i++) {
        char name[256];
        mim_tensors_name(view, i, name, sizeof name, NULL);
        if (mim_tensors_info(set, name, NULL, NULL, NULL, NULL)) {
            printf("%s\n", name);
            good = 0;
        }
    }
    return good;
}

static void round_trip(const char *naming, const char *const changes[][2], const char *json)
{
    mim_trainer *t = make_trainer(ctx, mae), *again = NULL;
    mim_tensors *set = copy_of(t, naming, changes), *view = NULL;
    if (OK(ctx, reopen(set, json, &again))) {
        for (int32_t what = MIM_WEIGHTS; what <= MIM_GRADIENTS; what++) {
            OK(ctx, mim_trainer_tensors(again, what, NULL, &view));
            CHECK(as_in(view, set));
            mim_tensors_destroy(view);
        }
        mim_images images = make_images(0, 4);
        OK(ctx, mim_trainer_evaluate(t, &images, 0, NULL));
        OK(ctx, mim_trainer_evaluate(again, &images, 0, NULL));
        CHECK(make_same_state(t, again, MIM_WEIGHTS) && make_same_state(t, again, MIM_OUTPUTS));
    }
    mim_trainer_destroy(again);
    mim_tensors_destroy(set);
    mim_trainer_destroy(t);
}

#define REST "\"image\": {\"height\": 12, \"width\": 8, \"crop\": \"none\", \"flip\": 0}, \"masker.ratio\": 0.7, \"trainer.batch\": 4"
#define HEADS "\"encoder.heads\": 2, \"head\": {\"heads\": 2, \"target\": \"patch_norm\"}, "

static void authors_names(void) { round_trip("mim", bare, "{" HEADS REST "}"); }
/* As saved from within one of PyTorch's wrappers. */
static void authors_names_wrapped(void) { round_trip("mim", bare_wrapped, "{" HEADS REST "}"); }
static void nested_names_wrapped(void) { round_trip("huggingface", nested_wrapped, "{" HEADS "\"encoder.eps\": 1e-6, " REST "}"); }
/* transformers' config.json has square pictures only, so none goes with these. */
static void names_of_transformers(void) { round_trip("huggingface", same, "{" HEADS "\"encoder.eps\": 1e-6, " REST "}"); }
static void nested_names_of_transformers(void) { round_trip("huggingface", nested, "{" HEADS "\"encoder.eps\": 1e-6, " REST "}"); }

/* ---- what comes with a config.json ---- */

static void configuration(void)
{
    char json[800];
    snprintf(json, sizeof json, "%.*s, \"image.width\": 12, \"masker.count\": 7}", (int)strlen(mae) - 1, mae);
    mim_trainer *t = make_trainer(ctx, json);
    mim_tensors *set = copy_of(t, "huggingface", same);
    mim_config *config = NULL;
    char text[64];
    double ratio = 0;
    static const char *const want[][2] = {
        { "encoder.mask_token", "0" }, { "encoder.positions", "sincos" }, { "encoder.heads", "2" }, { "head.kind", "mae" },
        { "head.width", "8" }, { "head.depth", "2" }, { "head.heads", "2" }, { "head.hidden", "24" },
        { "head.positions", "sincos" }, { "head.target", "patch_norm" },
    };
    if (OK(ctx, mim_config_from_tensors(set, &config)))
        for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
            OK(ctx, mim_config_get_str(config, want[i][0], text, sizeof text, NULL));
            CHECK_TEXT(text, want[i][1]);
        }
    OK(ctx, mim_config_get_f64(config, "masker.ratio", &ratio));
    CHECK((int)(9 * (1 - ratio)) == 2);
    mim_config_destroy(config);
    config = NULL;
    static const char *const bad[] = {
        "\"decoder_num_attention_heads\": [4]", "\"norm_pix_loss\": \"yes\"", "\"mask_ratio\": {}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(json, sizeof json, "{\"image_size\": 12, \"num_attention_heads\": 2, %s}", bad[i]);
        OK(ctx, mim_tensors_set_text(set, "config.json", json));
        CHECK(mim_config_from_tensors(set, &config) == MIM_ERR_FORMAT && !config);
        CHECK(strstr(make_error(ctx), "in config.json is") != NULL);
    }
    mim_tensors_destroy(set);
    mim_trainer_destroy(t);
}

/* transformers drops the fraction of what stays visible: the ratio it is told must give our count. */
static void ratios(void)
{
    for (int side = 4; side <= 40; side += 12)
        for (int hidden = 1; hidden < side / 4 * (side / 4) && hidden < 80; hidden++) {
            char json[800], text[2000];
            snprintf(json, sizeof json, "%.*s, \"image\": {\"height\": %d, \"width\": %d}, \"masker.count\": %d, \"trainer.batch\": 1}",
                     (int)strlen(mae) - 1, mae, side, side, hidden);
            mim_trainer *t = make_trainer(ctx, json);
            mim_tensors *w = NULL;
            OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "huggingface", &w));
            OK(ctx, mim_tensors_get_text(w, "config.json", text, sizeof text, NULL));
            const char *ratio = strstr(text, "\"mask_ratio\": ");
            int all = side / 4 * (side / 4);
            CHECK(ratio && (int)(all * (1 - strtod(ratio + 14, NULL))) == all - hidden);
            mim_tensors_destroy(w);
            mim_trainer_destroy(t);
        }
}

/* ---- other cases ---- */

/* The mask token beside an authors' decoder is the decoder's; SimMIM on top starts from a token of its own. */
static void the_decoders_token(void)
{
    mim_trainer *t = make_trainer(ctx, "{\"encoder\": {\"mask_token\": 0, \"positions\": \"sincos\"}, \"head\": {\"kind\": \"mae\","
                                       " \"width\": 16, \"depth\": 1, \"heads\": 2}}");
    mim_tensors *set = copy_of(t, "mim", bare), *w = NULL;
    mim_config *config = make_config(ctx, NULL);
    mim_encoder *fresh = NULL, *e = NULL;
    float a[16], b[16], decoder[16];
    OK(ctx, mim_encoder_create(ctx, config, NULL, &fresh));
    OK(ctx, mim_encoder_tensors(fresh, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_read(w, "mask_token", MIM_F32, 0, 16, a));
    mim_tensors_destroy(w);
    OK(ctx, mim_config_set_i64(config, "encoder.mask_token", 1));
    OK(ctx, mim_encoder_create(ctx, config, set, &e));
    OK(ctx, mim_encoder_tensors(e, MIM_WEIGHTS, "mim", &w));
    OK(ctx, mim_tensors_read(w, "mask_token", MIM_F32, 0, 16, b));
    OK(ctx, mim_tensors_read(set, "mask_token", MIM_F32, 0, 16, decoder));
    CHECK(!memcmp(a, b, sizeof a) && memcmp(b, decoder, sizeof b));
    mim_tensors_destroy(w);
    mim_encoder_destroy(e);
    mim_encoder_destroy(fresh);
    mim_config_destroy(config);
    mim_tensors_destroy(set);
    mim_trainer_destroy(t);
}

static void incomplete(void)
{
    static const char *const no_blocks[][2] = { { "encoder.", "" }, { "head.", "" }, { "decoder_blocks.", "other." }, { NULL, NULL } };
    static const char *const no_norm[][2] = { { "encoder.", "" }, { "head.", "" }, { "decoder_norm", "other" }, { NULL, NULL } };
    mim_trainer *t = make_trainer(ctx, mae), *again = NULL;
    mim_tensors *whole = copy_of(t, "mim", bare), *set = copy_of(t, "mim", no_blocks);
    CHECK(reopen(whole, "{\"encoder.heads\": 2, " REST "}", &again) == MIM_ERR_FORMAT && strstr(make_error(ctx), "head.heads"));
    CHECK(reopen(set, "{" HEADS REST "}", &again) == MIM_ERR_FORMAT);
    mim_tensors_destroy(set);
    set = copy_of(t, "mim", no_norm);
    CHECK(reopen(set, "{" HEADS REST "}", &again) == MIM_ERR_FORMAT && strstr(make_error(ctx), "decoder_norm"));
    CHECK(reopen(whole, "{\"head.width\": 12, " HEADS REST "}", &again) == MIM_ERR_SHAPE);
    mim_tensors_destroy(set);
    mim_tensors_destroy(whole);
    mim_trainer_destroy(t);
}

/* timm gets the encoder; a folder with a decoder in it, or of pictures that are not square, is no model of another library. */
static void out(void)
{
    static const struct { const char *naming, *why; } cases[] = { { NULL, "decoder" }, { "huggingface", "square" } };
    mim_trainer *t = make_trainer(ctx, mae), *again = NULL;
    mim_tensors *set = copy_of(t, "mim", bare), *w = NULL;
    char text[100];
    OK(ctx, reopen(set, "{" HEADS REST "}", &again));
    for (int i = 0; i < 2; i++) {
        OK(ctx, mim_trainer_tensors(again, MIM_WEIGHTS, cases[i].naming, &w));
        CHECK(mim_tensors_get_text(w, "config.json", text, sizeof text, NULL) == MIM_ERR_KEY);
        CHECK(mim_tensors_save_folder(w, "build/tmp/none") == MIM_ERR_UNSUPPORTED && strstr(make_error(ctx), cases[i].why));
        mim_tensors_destroy(w);
    }
    OK(ctx, mim_trainer_tensors(again, MIM_WEIGHTS, "timm", &w));
    for (int64_t i = 0; i < mim_tensors_count(w); i++) {
        mim_tensors_name(w, i, text, sizeof text, NULL);
        CHECK(!strstr(text, "decoder") && !strstr(text, "mask_token"));
    }
    mim_tensors_destroy(w);
    mim_trainer_destroy(again);
    mim_tensors_destroy(set);
    mim_trainer_destroy(t);
}

/* transformers knows pixels, and for MAE patch-normalised ones; a folder that said less would lead to another target. */
static void other_targets(void)
{
    static const struct { const char *head; int said; } all[] = {
        { "\"target\": \"window_norm\", \"window\": 5", 0 }, { "\"target\": \"edges\"", 0 },
        { "\"target\": \"patch_norm\"", 0 }, { "\"target\": \"host\"", 0 },
        { "\"target\": \"host\", \"numbers\": 2", 0 }, { "\"target\": \"pixels\"", 1 },
        { "\"kind\": \"mae\", \"target\": \"host\"", 0 }, { "\"kind\": \"mae\", \"target\": \"edges\"", 0 },
        { "\"kind\": \"mae\", \"target\": \"patch_norm\"", 1 }, { "\"kind\": \"mae\", \"target\": \"pixels\"", 1 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char json[200];
        mim_tensors *w = NULL;
        snprintf(json, sizeof json, "{\"head\": {%s}, \"encoder.mask_token\": %d, \"image.width\": 12}", all[i].head,
                 !strstr(all[i].head, "mae"));
        mim_trainer *t = make_trainer(ctx, json);
        OK(ctx, mim_trainer_tensors(t, MIM_WEIGHTS, "huggingface", &w));
        if (!CHECK((mim_tensors_get_text(w, "config.json", NULL, 0, NULL) != MIM_ERR_KEY) == all[i].said))
            printf("%s\n", json);
        if (!all[i].said)
            CHECK(mim_tensors_save_folder(w, "build/tmp/none") == MIM_ERR_UNSUPPORTED
                  && strstr(make_error(ctx), "another target"));
        mim_tensors_destroy(w);
        mim_trainer_destroy(t);
    }
}

int main(void)
{
    ctx = make_context();
    TEST(authors_names); TEST(names_of_transformers); TEST(nested_names_of_transformers); TEST(configuration); TEST(ratios);
    TEST(authors_names_wrapped); TEST(nested_names_wrapped);
    TEST(the_decoders_token); TEST(incomplete); TEST(out); TEST(other_targets);
    mim_context_destroy(ctx);
    return test_end();
}
