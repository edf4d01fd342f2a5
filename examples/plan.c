/* SPDX-License-Identifier: MIT */
/* plan.c -- what training a model would take, without allocating it: GiB and TFLOP of a step by precision, batch,
 * recomputation and processes that share the moments, as a table in Markdown. The batch is that of one process:
 * trainer.batch, or else 1, 2, 4 and 8.
 *
 *     plan PRESET [key=value]...
 *     plan simmim_swinv2_giant image.height=1536 image.width=1536 encoder.window=24 encoder.table_window=12 */
#include <mim.h>
#include <stdio.h>
#include <string.h>

enum { GIB = 1 << 30, SHARES = 3 };
static const double tera = 1e12;
static const char *const precisions[] = { "f32", "bf16" };
static const int64_t batches[] = { 1, 2, 4, 8 }, processes[SHARES] = { 1, 8, 64 };
static const char *const columns[] = { "precision", "trainer.recompute", "optimizer.shards" };   /* of the table itself */

static mim_status set(mim_config *config, const char *pair)
{
    const char *value = strchr(pair, '=');
    char key[128];
    snprintf(key, sizeof key, "%.*s", value ? (int)(value - pair) : 0, pair);
    for (int i = 0; i < 3; i++)
        if (!strcmp(key, columns[i])) {
            fprintf(stderr, "plan: the table has columns for %s; it is not to be set\n", key);
            return MIM_ERR_KEY;
        }
    return mim_config_set_str(config, key, value ? value + 1 : "");
}

static double number(const mim_config *plan, const char *key, double unit)
{
    double v = 0;
    mim_config_get_f64(plan, key, &v);
    return v / unit;
}

static mim_status print_row(mim_context *context, mim_config *config, const char *precision, int64_t batch, int all)
{
    mim_config *plans[SHARES] = { NULL };
    mim_status status = mim_config_set_str(config, "precision", precision);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", batch);
    if (!status) status = mim_config_set_i64(config, "trainer.recompute", all ? 1000 : 0);
    for (int i = 0; i < SHARES && !status; i++) {
        status = mim_config_set_i64(config, "optimizer.shards", processes[i]);
        if (!status) status = mim_trainer_plan(context, config, &plans[i]);
    }
    if (!status)
        printf("| %s | %d | %s | %.2f | %.2f | %.2f | %.2f | %.4g | %.4g |\n", precision, (int)batch,
               all ? "all blocks" : "nothing",
               number(plans[0], "bytes.activations", GIB) + number(plans[0], "bytes.scratch", GIB),
               number(plans[0], "bytes.total", GIB), number(plans[1], "bytes.total", GIB),
               number(plans[2], "bytes.total", GIB), number(plans[0], "operations.step", tera),
               number(plans[0], "operations.recomputed", tera));
    for (int i = 0; i < SHARES; i++)
        mim_config_destroy(plans[i]);
    return status;
}

static mim_status print_table(mim_context *context, mim_config *config, int own_batch)
{
    mim_config *plan = NULL;
    int64_t batch = 0;
    mim_status status = mim_config_get_i64(config, "trainer.batch", &batch);
    if (!status) status = mim_trainer_plan(context, config, &plan);
    if (!status)
        printf("%.0f parameters; GiB: weights %.2f, gradients %.2f, moments %.2f\n\n"
               "| precision | batch | recomputed | GiB: activations, work | all | 8 processes | 64 "
               "| TFLOP a step | again |\n"
               "|---|---|---|---|---|---|---|---|---|\n",
               number(plan, "parameters", 1), number(plan, "bytes.weights", GIB), number(plan, "bytes.gradients", GIB),
               number(plan, "bytes.moments", GIB));
    mim_config_destroy(plan);
    for (int row = 0; row < 16 && !status; row++)
        if (!own_batch || row % 4 == 0)
            status = print_row(context, config, precisions[row / 8], own_batch ? batch : batches[row % 4], row / 4 % 2);
    return status;
}

int main(int argc, char **argv)
{
    mim_context *context = NULL;
    mim_config *config = NULL;
    char why[512] = "";
    int own_batch = 0;
    if (argc < 2 || *argv[1] == '-')
        return fprintf(stderr, "usage: plan PRESET [key=value]...\n"), 1;
    mim_status status = mim_context_create(NULL, &context);
    if (!status) status = mim_config_create(context, argv[1], &config);
    if (!status) status = mim_config_set_i64(config, "trainer.batch", 1);
    for (int i = 2; i < argc && !status; i++) {
        status = set(config, argv[i]);
        own_batch |= !strncmp(argv[i], "trainer.batch=", 14);
    }
    if (!status) status = print_table(context, config, own_batch);
    if (status && context) mim_last_error(context, why, sizeof why, NULL);
    if (status && (*why || !context)) fprintf(stderr, "%s: %s\n", mim_status_name(status), why);
    mim_config_destroy(config);
    mim_context_destroy(context);
    return status != MIM_OK;
}
