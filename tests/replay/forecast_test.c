#include "replay/forecast.h"

#include <math.h>
#include <string.h>

#include "tests/test.h"

static bool near(double want, double got)
{
    bool fits = fabs(want - got) <= 1e-12;
    if (!fits) {
        fprintf(stderr, "want %.15g, got %.15g\n", want, got);
    }
    return fits;
}

static struct forecast *make_forecast(void)
{
    struct forecast *forecast = forecast_new();
    CHECK(forecast != NULL);
    return forecast;
}

static void add(struct forecast *forecast, struct forecast_row row)
{
    CHECK_EQ(STATUS_OK, forecast_add(forecast, &row));
}

static struct forecast_figures figures_of(struct forecast *forecast)
{
    struct forecast_figures figures;
    CHECK_EQ(STATUS_OK, forecast_figures(forecast, 1, &figures));
    forecast_free(forecast);
    return figures;
}

static void no_rows_have_no_figures(void)
{
    struct forecast_figures figures = figures_of(make_forecast());
    CHECK_EQ(0, figures.rows);
    CHECK_EQ(0, figures.bin_count);
    CHECK(isnan(figures.log_loss) && isnan(figures.reference_log_loss));
    CHECK(isnan(figures.predicted) && isnan(figures.observed) && isnan(figures.gain.value));
    CHECK(isnan(figures.calibration_error) && isnan(figures.auc.value));
    CHECK(isnan(figures.effective));
}

/* Losses: -ln(3/4) where 3/4 was given to what happened, -ln(1/4) where not; -ln(1/2) beside. */
static void log_losses_are_those_of_what_happened(void)
{
    struct forecast *forecast = make_forecast();
    struct forecast_row row = {.user_key = 1, .probability = 0.75, .reference = 0.5, .weight = 1};
    row.positive = true;
    add(forecast, row);
    row.user_key = 2;
    row.positive = false;
    row.weight = 3;
    add(forecast, row);
    struct forecast_figures figures = figures_of(forecast);
    CHECK(near((-log(0.75) - 3 * log(0.25)) / 4, figures.log_loss));
    CHECK(near(log(2), figures.reference_log_loss));
    CHECK(near(figures.reference_log_loss - figures.log_loss, figures.gain.value));
    CHECK(near(0.75, figures.predicted));
    CHECK(near(0.25, figures.observed));
    CHECK(near(1.6, figures.effective)); /* 4^2 / (1 + 9) */
    CHECK_EQ(2, figures.rows);
    CHECK_EQ(1, figures.positives);
    CHECK(near(0.5, figures.auc.value)); /* a tie */
}

/* Two bins of rows would be two of these four; with four rows each is a bin of its own. */
static void few_rows_are_a_bin_each(void)
{
    struct forecast *forecast = make_forecast();
    const double chances[] = {0.9, 0.2, 0.6, 0.1};
    for (unsigned i = 0; i < 4; i++) {
        add(forecast, (struct forecast_row){.user_key = 1 + i,
                                            .probability = chances[i],
                                            .reference = 0.5,
                                            .weight = 1,
                                            .positive = chances[i] > 0.5});
    }
    struct forecast_figures figures = figures_of(forecast);
    CHECK_EQ(4, figures.bin_count);
    CHECK(near(0.1, figures.bins[0].predicted) && near(0, figures.bins[0].observed));
    CHECK(near(0.9, figures.bins[3].predicted) && near(1, figures.bins[3].observed));
    CHECK(near((0.1 + 0.2 + 0.4 + 0.1) / 4, figures.calibration_error));
    CHECK(near(1, figures.auc.value));
}

/* 200 rows of 0.3, of which every second is positive: off by 0.2 in each bin of ten. */
static void the_calibration_error_is_how_far_bins_are_off(void)
{
    struct forecast *forecast = make_forecast();
    for (unsigned i = 0; i < 200; i++) {
        add(forecast, (struct forecast_row){.user_key = 1 + i,
                                            .probability = 0.3,
                                            .reference = 0.5,
                                            .weight = 2,
                                            .positive = i % 2 == 0});
    }
    struct forecast_figures figures = figures_of(forecast);
    CHECK_EQ(FORECAST_BINS, figures.bin_count);
    for (unsigned i = 0; i < FORECAST_BINS; i++) {
        CHECK_EQ(10, figures.bins[i].count);
        CHECK(near(20, figures.bins[i].weight));
        CHECK(near(0.5, figures.bins[i].observed));
    }
    CHECK(near(0.2, figures.calibration_error));
    CHECK(figures.gain.low < figures.gain.value && figures.gain.value < figures.gain.high);
}

static void being_sure_and_wrong_costs_much_but_not_everything(void)
{
    struct forecast *forecast = make_forecast();
    add(forecast,
        (struct forecast_row){.user_key = 1, .probability = 1, .reference = 1, .weight = 1});
    struct forecast_figures figures = figures_of(forecast);
    CHECK(near(40 * log(2), figures.log_loss));
}

static void rows_out_of_range_are_refused(void)
{
    struct forecast *forecast = make_forecast();
    const struct forecast_row good = {
        .user_key = 1, .probability = 0.5, .reference = 0.5, .weight = 1};
    struct forecast_row bad[6] = {good, good, good, good, good, good};
    bad[0].user_key = 0;
    bad[1].probability = 1.5;
    bad[2].probability = NAN;
    bad[3].reference = -0.1;
    bad[4].weight = 0;
    bad[5].weight = 2 * FORECAST_WEIGHT_MAX;
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(STATUS_INVALID, forecast_add(forecast, &bad[i]));
    }
    CHECK_EQ(0, figures_of(forecast).rows);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(no_rows_have_no_figures),
        TEST(log_losses_are_those_of_what_happened),
        TEST(few_rows_are_a_bin_each),
        TEST(the_calibration_error_is_how_far_bins_are_off),
        TEST(being_sure_and_wrong_costs_much_but_not_everything),
        TEST(rows_out_of_range_are_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
