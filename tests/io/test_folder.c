/* SPDX-License-Identifier: MIT */
/* test_folder.c -- opening: single files, folders with texts beside the weights, weights in parts, and indices that lie. */
#include "io_test.h"

static void write_part(const char *name, const char *header, size_t data)
{
    unsigned char file[1024];
    CHECK(write_file(in_folder(name), file, make_file(file, header, strlen(header), data)));
}

static void write_text(const char *name, const char *text) { CHECK(write_file(in_folder(name), text, strlen(text))); }

static void clean(void)
{
    static const char *const names[] = { "model.safetensors", "model.safetensors.index.json", "config.json",
        "preprocessor_config.json", "p1.safetensors", "p2.safetensors" };
    for (int i = 0; i < COUNT(names); i++)
        unlink(in_folder(names[i]));
}

#define ONE(name, from, to) "\"" name "\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[" from "," to "]}"

static void whole(void)
{
    mim_tensors *t = NULL;
    char text[64];
    write_part("model.safetensors", "{\"__metadata__\":{\"format\":\"pt\"}," ONE("a", "0", "2") "}", 2);
    CHECK(mim_tensors_open(context, folder, &t) == MIM_OK);
    CHECK(mim_tensors_count(t) == 1);
    CHECK(mim_tensors_get_text(t, "config.json", text, sizeof text, NULL) == MIM_ERR_KEY);
    mim_tensors_destroy(t);
    write_text("config.json", "{\"model_type\": \"vit\"}");
    write_text("preprocessor_config.json", "");
    write_text("model.safetensors.index.json", "not looked at");
    CHECK(mim_tensors_open(context, folder, &t) == MIM_OK);
    CHECK(mim_tensors_get_text(t, "config.json", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "{\"model_type\": \"vit\"}");
    CHECK(mim_tensors_get_text(t, "preprocessor_config.json", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "");
    CHECK(mim_tensors_get_text(t, "format", text, sizeof text, NULL) == MIM_OK);
    mim_tensors_destroy(t);
    CHECK(mim_tensors_open(context, in_folder("model.safetensors"), &t) == MIM_OK);
    mim_tensors_destroy(t);
    clean();
}

static void parts(void)
{
    mim_tensors *t = NULL;
    uint8_t got[2] = { 0 };
    char text[8];
    write_part("p1.safetensors",
               "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"1\"}," ONE("a", "0", "2") "," ONE("c", "2", "4") "}", 4);
    write_part("p2.safetensors", "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"2\",\"j\":\"3\"}," ONE("b", "0", "2") "}", 2);
    write_text("model.safetensors.index.json", "{\"metadata\":{\"total_size\":6},\"weight_map\":{\"b\":\"p2.safetensors\","
               "\"a\":\"p1.safetensors\",\"c\":\"p1.safetensors\"}}");
    if (!CHECK(mim_tensors_open(context, folder, &t) == MIM_OK)) {
        printf("    %s\n", last_error());
        return;
    }
    CHECK(mim_tensors_count(t) == 3);
    CHECK(mim_tensors_read(t, "c", MIM_U8, 0, 2, got) == MIM_OK && got[0] == 2 && got[1] == 3);
    CHECK(mim_tensors_read(t, "b", MIM_U8, 0, 2, got) == MIM_OK && got[0] == 0 && got[1] == 1);
    CHECK(mim_tensors_get_text(t, "k", text, sizeof text, NULL) == MIM_OK);
    CHECK_TEXT(text, "1");
    CHECK(mim_tensors_get_text(t, "j", text, sizeof text, NULL) == MIM_OK);
    mim_tensors_destroy(t);
}

/* Leaves the parts of the test above in place. */
static void hostile(void)
{
    static const struct { const char *index; mim_status status; } cases[] = {
        { "{\"weight_map\":{\"a\":\"../p1.safetensors\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"x\\\\p1.safetensors\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"x\\u002fp1.safetensors\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"C:p1.safetensors\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"..\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\".\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"p1.safetensors\\u0000\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":1}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"p3.safetensors\"}}", MIM_ERR_IO },
        { "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", MIM_ERR_FORMAT },
        { "{\"weight_map\":{\"a\":\"p2.safetensors\",\"b\":\"p1.safetensors\"}}", MIM_ERR_FORMAT },      /* the wrong part */
        { "{\"weight_map\":{\"a\":\"p1.safetensors\",\"x\":\"p1.safetensors\"}}", MIM_ERR_FORMAT },      /* not there */
        { "{\"weight_map\":[]}", MIM_ERR_FORMAT }, { "{}", MIM_ERR_FORMAT }, { "[]", MIM_ERR_FORMAT },
        { "", MIM_ERR_FORMAT },
        { "{\"weight_map\":", MIM_ERR_FORMAT }, { "\xff", MIM_ERR_FORMAT },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        mim_tensors *t = NULL;
        write_text("model.safetensors.index.json", cases[i].index);
        if (!CHECK(mim_tensors_open(context, folder, &t) == cases[i].status && t == NULL))
            printf("    %s: %s\n", cases[i].index, last_error());
        mim_tensors_destroy(t);
    }
    char name[400], index[512];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    snprintf(index, sizeof index, "{\"weight_map\":{\"a\":\"%s\"}}", name);
    write_text("model.safetensors.index.json", index);
    mim_tensors *t = NULL;
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_FORMAT);
}

static void twins_in_parts(void)
{
    mim_tensors *t = NULL;
    write_part("p2.safetensors", "{" ONE("a", "0", "2") "}", 2);
    write_text("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"p1.safetensors\",\"x\":\"p2.safetensors\"}}");
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_FORMAT);
    CHECK(strstr(last_error(), "'a' is there twice") != NULL);
    clean();
}

static void too_many_parts(void)
{
    char *index = malloc(100000), *p = index;
    mim_tensors *t = NULL;
    p += sprintf(p, "{\"weight_map\":{");
    for (int i = 0; i < 2000; i++)
        p += sprintf(p, "%s\"t%d\":\"f%d\"", i ? "," : "", i, i);
    sprintf(p, "}}");
    write_text("model.safetensors.index.json", index);
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_FORMAT);
    free(index);
    clean();
}

static void bad_places(void)
{
    mim_tensors *t = NULL;
    CHECK(mim_tensors_open(context, in_folder("missing"), &t) == MIM_ERR_IO);
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_IO);
    CHECK(strstr(last_error(), "has neither model.safetensors nor") != NULL);
    CHECK(mkdir(in_folder("model.safetensors"), 0777) == 0);
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_IO);
    rmdir(in_folder("model.safetensors"));
    write_part("model.safetensors", "{" ONE("a", "0", "2") "}", 2);
    CHECK(write_file(in_folder("config.json"), "{\0}", 3));
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_FORMAT);
    write_text("config.json", "\xff");
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_FORMAT);
    unlink(in_folder("config.json"));
    CHECK(mkdir(in_folder("config.json"), 0777) == 0);
    CHECK(mim_tensors_open(context, folder, &t) == MIM_ERR_IO);
    rmdir(in_folder("config.json"));
    CHECK(mim_tensors_open(NULL, folder, &t) == MIM_ERR_ARGUMENT && mim_tensors_open(context, NULL, &t) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_open(context, folder, NULL) == MIM_ERR_ARGUMENT && t == NULL);
    CHECK(mim_tensors_open_memory(context, NULL, 0, &t) == MIM_ERR_ARGUMENT);
    CHECK(mim_tensors_open_stream(context, NULL, NULL, 0, &t) == MIM_ERR_ARGUMENT);
    clean();
}

/* ---- Streams ---- */

struct bytes { unsigned char data[256]; size_t size; int calls, fail_at; };

static int32_t read_bytes(void *user, uint64_t offset, void *to, size_t size)
{
    struct bytes *b = user;
    if (++b->calls == b->fail_at || offset > b->size || size > b->size - offset)
        return 9;
    memcpy(to, b->data + offset, size);
    return 0;
}

static void streams(void)
{
    const char *header = "{" ONE("a", "0", "2") "}";
    struct bytes b = { .calls = 0 };
    mim_tensors *t = NULL;
    uint8_t got[2] = { 9, 9 };
    b.size = make_file(b.data, header, strlen(header), 2);
    for (b.fail_at = 1; b.fail_at <= 2; b.fail_at++) {
        b.calls = 0;
        CHECK(mim_tensors_open_stream(context, read_bytes, &b, b.size, &t) == MIM_ERR_IO && t == NULL);
    }
    b.calls = 0;
    CHECK(mim_tensors_open_stream(context, read_bytes, &b, b.size, &t) == MIM_OK && b.calls == 2);
    CHECK(mim_tensors_read(t, "a", MIM_U8, 0, 2, got) == MIM_ERR_IO && got[0] == 9);      /* the third read */
    CHECK(mim_tensors_read(t, "a", MIM_U8, 0, 2, got) == MIM_OK && got[1] == 1);
    mim_tensors_destroy(t);
    t = NULL;
    b.size -= 1;                                         /* it is shorter than it was said to be */
    CHECK(mim_tensors_open_stream(context, read_bytes, &b, b.size + 1, &t) == MIM_OK);
    CHECK(mim_tensors_read(t, "a", MIM_U8, 0, 2, got) == MIM_ERR_IO);
    mim_tensors_destroy(t);
}

static mim_status open_folder(void)
{
    mim_tensors *t = NULL;
    mim_status status = mim_tensors_open(context, folder, &t);
    CHECK((t != NULL) == (status == MIM_OK));
    mim_tensors_destroy(t);
    return status;
}

static void allocations_fail(void)
{
    write_part("p1.safetensors", "{\"__metadata__\":{\"k\":\"1\"}," ONE("a", "0", "2") "}", 2);
    write_part("p2.safetensors", "{" ONE("b", "0", "2") "}", 2);
    write_text("model.safetensors.index.json", "{\"weight_map\":{\"b\":\"p2.safetensors\",\"a\":\"p1.safetensors\"}}");
    write_text("config.json", "{}");
    CHECK(fail_each_allocation(open_folder) > 20);
    clean();
}

int main(int argc, char **argv)
{
    if (!context_begin())
        return 1;
    folder_begin(argc, argv, "folder");
    TEST(whole);
    TEST(parts);
    TEST(hostile);
    TEST(twins_in_parts);
    TEST(too_many_parts);
    TEST(bad_places);
    TEST(streams);
    TEST(allocations_fail);
    rmdir(folder);
    return context_end();
}
