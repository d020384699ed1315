#include "runtime/deliveries.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "lake/delta/changes.h"
#include "runtime/alert_messages.h"
#include "runtime/alert_notes.h"
#include "runtime/alert_table.h"
#include "runtime/declared_view.h"
#include "sinks/webhook/webhook_sink.h"

namespace pactolus {
namespace {

constexpr int64_t kShow_us = 5 * kMicrosPerSecond;  // how often open windows are shown

// A line of a file that only its owner should be able to read; `key` is what names the file.
Result<std::string> read_secret(const std::string& path, const std::string& key) {
  auto read = read_file(path);
  if (!read) return fail(ErrorCode::bad_config, fmt::format("{}: {}", key, read.error().message));
  std::string text = std::move(*read);
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return fail(ErrorCode::bad_config, fmt::format("{}: the file is empty: {}", key, path));
  return text;
}

// What names a row of a view: its key and window. Keys of earlier declarations of the table count too, which are null
// in rows of today's: there may be rows of both in one window.
std::vector<std::string> keys_of(const ViewDeclaration& view, const delta::TableSchema& table) {
  std::vector<std::string> out;
  for (const EventColumn key : view.keys) out.emplace_back(name_of(key));
  out.emplace_back("window_start");
  out.emplace_back("window_end");
  const delta::TableSchema of_today = view_schema(view);
  for (const delta::SchemaField& field : table.fields)
    if (!of_today.find(field.name) && event_column(field.name)) out.push_back(field.name);
  return out;
}

}  // namespace

Result<std::vector<PostgresTable>> postgres_tables(const LakePaths& lake) {
  std::vector<PostgresTable> out;
  for (const std::string& name : gold_tables(lake)) {
    PostgresTable table{name, lake.gold(name), {}};
    if (name == kAlerts) {
      table.keys = {"rule", "product_id", "product_category", "opened_window", "window_end", "state"};
      table.opens_flash_sales = true;
    } else {
      const auto snapshot = delta::Snapshot::load(table.folder);
      if (!snapshot) return std::unexpected(snapshot.error());
      const DeclaredView declared = DeclaredView::read(snapshot->metadata().configuration);
      if (const auto view = declared.declaration(name))
        table.keys = keys_of(*view, TRY(delta::parse_schema(snapshot->metadata().schema_string,
                                                            snapshot->metadata().partition_columns)));
    }
    out.push_back(std::move(table));
  }
  return out;
}

Result<std::unique_ptr<Deliveries>> Deliveries::start(const Config& config, const Job& job) {
  std::unique_ptr<Deliveries> out(new Deliveries);
  if (!config.postgres.url.empty()) {
    std::string password;
    if (!config.postgres.password_file.empty())
      password = TRY(read_secret(config.postgres.password_file, "postgres.password_file"));
    out->add_postgres(config, job, std::move(password));
  }
  for (const Config::Webhook& webhook : config.webhooks) TRY(out->add_webhook(webhook, job));
  return out;
}

Deliveries::~Deliveries() = default;

// A webhook that is new begins with the alerts that come from now on.
Result<> Deliveries::add_webhook(const Config::Webhook& webhook, const Job& job) {
  WebhookSink::Options options;
  const auto url =
      parse_http_url(webhook.url_file.empty()
                         ? webhook.url
                         : TRY(read_secret(webhook.url_file, fmt::format("url_file of the webhook {}", webhook.name))));
  if (!url)
    return fail(ErrorCode::bad_config, fmt::format("the URL of the webhook {}: {}", webhook.name, url.error().message));
  options.url = *url;
  if (!webhook.secret_file.empty())
    options.secret = TRY(read_secret(webhook.secret_file, fmt::format("secret_file of the webhook {}", webhook.name)));
  if (!options.secret.empty() && !is_webhook_secret(options.secret))
    return fail(ErrorCode::bad_config,
                fmt::format("the secret of the webhook {} is not base64 behind whsec_", webhook.name));
  options.ca_file = webhook.ca_file;
  options.attempts = webhook.attempts;
  options.timeout_us = webhook.timeout_us;
  WebhookQueue::Position first;
  first.version = TRY(delta::changes_since(job.lake().gold(kAlerts), Version(-1))).version.value;
  first.batch = job.view().batch;
  auto sink = std::make_shared<WebhookSink>(std::move(options),
                                            TRY(WebhookQueue::open(job.lake().webhooks(), webhook.name, first)));
  threads_.push_back(std::make_unique<DeliveryThread>(
      fmt::format("webhook {}", webhook.name),
      [sink, webhook, lake = job.lake(), lake_id = job.lake_id()](
          int64_t, const std::function<bool()>& stop) -> Result<DeliveryThread::Passed> {
        SystemClock clock;
        WebhookQueue& queue = sink->queue();
        bool more = false;  // in the table, behind those that have room
        if (!queue.full()) {
          WebhookQueue::Position at = queue.position();
          std::vector<AlertRow> rows = TRY(read_alerts_since(lake.gold(kAlerts), at.batch, at.version));
          const size_t room = WebhookQueue::kMostPending - queue.pending();
          if (rows.size() > room) {  // whole batches, one at least; the others stay in the table
            const int64_t last = rows[room - 1].batch;
            std::erase_if(rows, [&](const AlertRow& row) { return row.batch > last; });
            at.version = queue.position().version;
            more = true;
          }
          if (!rows.empty()) at.batch = rows.back().batch;
          TRY(queue.add(alert_messages(rows, webhook, TRY(read_alert_notes(lake)), lake_id, clock.now_us()), at));
        }
        DeliveryThread::Passed passed;
        passed.delivered = TRY(sink->send_due([&] { return clock.now_us(); }, stop, passed.trouble));
        if (const auto next = queue.next_due())
          passed.again_us = std::max<int64_t>(*next - clock.now_us(), kMicrosPerSecond / 100);
        else if (more)
          passed.again_us = 1;
        passed.dead = queue.dead(), passed.waiting = int64_t(queue.pending());
        return passed;
      }));
  return {};
}

void Deliveries::add_postgres(const Config& config, const Job& job, std::string password) {
  open_limit_ = config.postgres.open_rows;
  PostgresSink::Options options;
  options.target.url = config.postgres.url;
  options.target.password = std::move(password);
  options.schema = config.postgres.schema;
  options.lake_id = job.lake_id();
  auto sink = std::make_shared<PostgresSink>(std::move(options));
  // By the names of Gold's tables: their keys do not change while a job runs.
  auto tables = std::make_shared<std::vector<PostgresTable>>();
  threads_.push_back(std::make_unique<DeliveryThread>(
      "postgres",
      [this, sink, tables, lake = job.lake()](int64_t,
                                              const std::function<bool()>& stop) -> Result<DeliveryThread::Passed> {
        StreamPosition position;
        OpenRows open;
        {
          const std::lock_guard lock(shown_.mutex);
          position = shown_.position;
          open = std::exchange(shown_.open, {});
        }
        const std::vector<std::string> names = gold_tables(lake);
        const bool same = std::ranges::equal(names, *tables, {}, {}, &PostgresTable::name);
        if (!same) *tables = TRY(postgres_tables(lake));
        const auto rows = sink->follow(*tables, position, open, stop);
        if (rows) return DeliveryThread::Passed{*rows};
        const std::lock_guard lock(shown_.mutex);
        if (shown_.open.empty()) shown_.open = std::move(open);  // for the next time
        return std::unexpected(rows.error());
      }));
}

void Deliveries::follow(const Job& job, int64_t boot_us, bool at_end) {
  if (threads_.empty()) return;
  const JobView view = job.view();
  std::optional<OpenRows> open;  // made before the lock: a thread that delivers need not wait for it
  if (open_limit_ > 0 && (at_end || boot_us - shown_us_ >= kShow_us)) {
    open = job.open_rows(size_t(open_limit_));
    if (!open->empty()) shown_us_ = boot_us;
  }
  {
    const std::lock_guard lock(shown_.mutex);
    shown_.position = {view.epoch, view.batch, view.watermark};
    if (open) shown_.open = *std::move(open);
  }
  for (const auto& thread : threads_) thread->wake(view.batch);
}

std::vector<std::string> Deliveries::finish(int64_t patience_us, const std::function<bool()>& stop) {
  std::vector<std::string> behind;
  SystemClock clock;
  const int64_t until = clock.boot_us() + patience_us;
  for (const auto& thread : threads_)
    if (!thread->finish(std::max<int64_t>(0, until - clock.boot_us()), stop)) behind.push_back(thread->name());
  return behind;
}

std::vector<std::string> Deliveries::messages() {
  std::vector<std::string> out;
  for (const auto& thread : threads_)
    for (std::string& text : thread->messages()) out.push_back(std::move(text));
  return out;
}

Json Deliveries::status() const {
  Json out = Json::array();
  for (const auto& thread : threads_) out.push(thread->status());
  return out;
}

}  // namespace pactolus
