// UCI "Online Retail" and "Online Retail II": the invoices of a British web shop, a row per line of an invoice, eight
// columns, no event ids. Source of the columns' meaning: the data set's description (UCI Machine Learning Repository,
// Daqing Chen, CC BY 4.0).
#include "ingest/table_dialect.h"

namespace pactolus {
namespace {

constexpr DialectColumn kColumns[] = {
    {"Invoice", "order_id"},  // C489449 for a cancellation
    {"StockCode", "product_id"},
    {"Description", "description"},
    {"Quantity", "quantity", ColumnKind::signed_quantity},  // below zero: taken back
    {"InvoiceDate", "timestamp", ColumnKind::time},         // to the minute; the shop's clock, taken as UTC
    {"Price", "price"},                                     // of one piece
    {"Customer ID", "user_id", ColumnKind::user_number},    // a fifth of the rows has none
    {"Country", "country"},
};

constexpr TableMapping kMapping{.name = "online-retail",
                                .version = 1,
                                .columns = kColumns,
                                .guest_of = "Invoice",
                                .cancelled_by = {"Invoice", "C"}};

}  // namespace

std::unique_ptr<Dialect> make_online_retail() { return make_table_dialect(kMapping); }

}  // namespace pactolus
