// REES46 "eCommerce behavior data from multi category store": a row per event, nine columns, no event ids.
// Source of the columns' meaning: the data set's own description (rees46.com, on Kaggle as mkechinov's data set).
#include "ingest/table_dialect.h"

namespace pactolus {
namespace {

constexpr DialectColumn kColumns[] = {
    {"event_time", "timestamp", ColumnKind::time},  // 2019-10-01 00:00:00 UTC
    {"event_type", "event_type", ColumnKind::event_type},
    {"product_id", "product_id"},
    {"category_id", "category_id"},
    {"category_code", "product_category"},  // appliances.environment.water_heater
    {"brand", "brand"},
    {"price", "price"},  // of one piece; a purchase of three is three rows
    {"user_id", "user_id", ColumnKind::user},
    {"user_session", "session_id"},
};

constexpr DialectWord kEventTypes[] = {
    {"view", "view"},
    {"cart", "add_to_cart"},
    {"remove_from_cart", "remove_from_cart"},
    {"purchase", "purchase"},
};

constexpr TableMapping kMapping{.name = "rees46", .version = 1, .columns = kColumns, .event_types = kEventTypes};

}  // namespace

std::unique_ptr<Dialect> make_rees46() { return make_table_dialect(kMapping); }

}  // namespace pactolus
