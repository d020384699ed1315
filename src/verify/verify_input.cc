#include "verify/verify_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "lake/delta/log_files.h"
#include "query/lake_view.h"
#include "runtime/lake_lock.h"
#include "runtime/ledger.h"

namespace pactolus {
namespace {

constexpr const char* kTables = R"(
CREATE TABLE batches_told(teller VARCHAR, batch BIGINT, epoch BIGINT, commit_uuid VARCHAR, batch_time BIGINT,
                          watermark_before BIGINT, watermark_after BIGINT);
CREATE TABLE sources_told(teller VARCHAR, batch BIGINT, topic VARCHAR, topic_id VARCHAR, "partition" BIGINT,
                          history BOOLEAN, start_offset BIGINT, end_offset BIGINT, consumed BIGINT, skipped BIGINT,
                          silver BIGINT, duplicates BIGINT, quarantined BIGINT, lost BIGINT);
CREATE TABLE losses_told(teller VARCHAR, time BIGINT, batch BIGINT, kind VARCHAR, topic VARCHAR, topic_id VARCHAR,
                         "partition" BIGINT, start_offset BIGINT, end_offset BIGINT, reason VARCHAR);
CREATE TABLE reasons_told(teller VARCHAR, batch BIGINT, topic VARCHAR, "partition" BIGINT, reason VARCHAR,
                          records BIGINT);
CREATE TABLE erased_told(commit_uuid VARCHAR, time BIGINT, batch BIGINT, topic VARCHAR, "partition" BIGINT, silver BIGINT,
                         min_time BIGINT, max_time BIGINT);
CREATE TABLE erased_reasons_told(commit_uuid VARCHAR, time BIGINT, batch BIGINT, topic VARCHAR, "partition" BIGINT, reason VARCHAR,
                                 records BIGINT);
CREATE TABLE positions(topic VARCHAR, topic_id VARCHAR, "partition" BIGINT, next_offset BIGINT);
CREATE MACRO is_history(topic) AS starts_with(topic, '_ingest.') OR starts_with(topic, '_replay.');
CREATE MACRO minute_of(us) AS (us - ((us % 60000000) + 60000000) % 60000000) // 60000000;
)";

// Every batch once: as the log tells it, or else the ledger.
constexpr const char* kAccounts = R"(
CREATE TABLE log_batches AS SELECT DISTINCT batch FROM batches_told WHERE teller = 'log';
CREATE MACRO counts(teller, batch) AS teller = 'log' OR batch NOT IN (FROM log_batches);
CREATE TABLE batches AS
  SELECT DISTINCT ON (batch) * EXCLUDE (teller) FROM batches_told WHERE counts(teller, batch) ORDER BY batch;
CREATE TABLE sources AS SELECT DISTINCT * EXCLUDE (teller) FROM sources_told WHERE counts(teller, batch);
CREATE TABLE losses AS SELECT DISTINCT * EXCLUDE (teller) FROM losses_told WHERE counts(teller, batch);
CREATE TABLE reasons AS SELECT DISTINCT * EXCLUDE (teller) FROM reasons_told WHERE counts(teller, batch);
CREATE TABLE erased AS SELECT * EXCLUDE (commit_uuid) FROM (SELECT DISTINCT * FROM erased_told);
CREATE TABLE erased_reasons AS SELECT * EXCLUDE (commit_uuid) FROM (SELECT DISTINCT * FROM erased_reasons_told);
)";

// Accounts of batches, one by one, into the tables `…_told`.
class Accounts {
 public:
  static Result<Accounts> open(SqlEngine& sql) {
    return Accounts(TRY(sql.append_to("batches_told")), TRY(sql.append_to("sources_told")),
                    TRY(sql.append_to("reasons_told")), TRY(sql.append_to("erased_told")),
                    TRY(sql.append_to("erased_reasons_told")), TRY(sql.append_to("losses_told")));
  }
  // Log and ledger may both tell: the commit's UUID says that it is one.
  void add(const ErasureAccount& a) {
    for (const ErasedSource& s : a.sources) {
      const auto begin = [&](SqlAppender& out) -> SqlAppender& {
        return out.add(std::string_view(a.commit_uuid))
            .add(a.time_us)
            .add(s.batch)
            .add(std::string_view(s.topic))
            .add(int64_t(s.partition));
      };
      if (s.silver > 0) {
        begin(erased_).add(s.silver);
        time(erased_, s.min_event_time);
        time(erased_, s.max_event_time);
        erased_.end_row();
      }
      for (const auto& [reason, n] : s.quarantined)
        begin(erased_reasons_).add(std::string_view(reason)).add(n).end_row();
    }
  }
  void add(const char* teller, const BatchAccount& a) {
    batches_.add(teller).add(a.batch).add(a.epoch).add(std::string_view(a.commit_uuid)).add(a.batch_time);
    time(batches_, a.watermark_before);
    time(batches_, a.watermark_after);
    batches_.end_row();
    for (const SourceAccount& s : a.sources) {
      sources_.add(teller)
          .add(a.batch)
          .add(std::string_view(s.topic))
          .add(std::string_view(s.topic_id))
          .add(int64_t(s.partition));
      sources_.add(s.history)
          .add(s.start)
          .add(s.end)
          .add(s.consumed)
          .add(s.skipped_total())
          .add(s.silver)
          .add(s.duplicates);
      const auto lost = s.skipped.find(kLost);
      sources_.add(s.quarantined_total()).add(lost == s.skipped.end() ? 0 : lost->second).end_row();
      for (const auto& [reason, n] : s.quarantined)
        reasons_.add(teller)
            .add(a.batch)
            .add(std::string_view(s.topic))
            .add(int64_t(s.partition))
            .add(std::string_view(reason))
            .add(n)
            .end_row();
    }
    for (const AcceptedLoss& l : a.losses)
      losses_.add(teller)
          .add(a.batch_time)
          .add(a.batch)
          .add(std::string_view(l.kind))
          .add(std::string_view(l.topic))
          .add(std::string_view(l.topic_id))
          .add(int64_t(l.partition))
          .add(l.start)
          .add(l.end)
          .add(std::string_view(l.reason))
          .end_row();
  }
  Result<> close() {
    TRY(batches_.close());
    TRY(sources_.close());
    TRY(erased_.close());
    TRY(erased_reasons_.close());
    TRY(losses_.close());
    return reasons_.close();
  }

 private:
  Accounts(SqlAppender batches, SqlAppender sources, SqlAppender reasons, SqlAppender erased,
           SqlAppender erased_reasons, SqlAppender losses)
      : batches_(std::move(batches)),
        sources_(std::move(sources)),
        reasons_(std::move(reasons)),
        erased_(std::move(erased)),
        erased_reasons_(std::move(erased_reasons)),
        losses_(std::move(losses)) {}
  static void time(SqlAppender& out, int64_t t) { t == kNoTime ? out.add_null() : out.add(t); }
  SqlAppender batches_, sources_, reasons_, erased_, erased_reasons_, losses_;
};

// What a reader finds wrong with a log is for the checks to tell; a disk that fails is an error.
bool is_finding(const Error& error) { return error.code == ErrorCode::corrupt || error.code == ErrorCode::not_found; }

Result<VerifiedTable> open_table(std::string name, const fs::path& folder) {
  VerifiedTable table{std::move(name), folder, std::nullopt, {}};
  auto snapshot = delta::Snapshot::load(folder);
  if (snapshot) {
    table.snapshot = std::move(*snapshot);
  } else if (is_finding(snapshot.error())) {
    table.problem = snapshot.error().message;
  } else {
    return std::unexpected(snapshot.error());
  }
  return table;
}

// All that is left of Silver's log. A commit that cannot be read is a finding of the check of the logs.
Result<> tell_log(VerifyInput& in, Accounts& accounts) {
  const auto tell = [&](delta::CommitRecord&& commit) -> Result<> {
    if (commit.version > in.table("silver").snapshot->version()) return {};
    const auto erasure = erasure_account(commit.info, in.job());
    if (erasure && *erasure) accounts.add(**erasure);
    if (!erasure && in.accounts_problem.empty())
      in.accounts_problem = fmt::format("commit {}: {}", commit.version, erasure.error().message);
    if (!is_batch_account(commit.info, in.job())) return {};
    auto account = batch_account(commit.info);
    if (account) {
      accounts.add("log", *account);
    } else if (in.accounts_problem.empty()) {
      in.accounts_problem = fmt::format("commit {}: {}", commit.version, account.error().message);
    }
    return {};
  };
  // The job may clean the log's old end away while it is read here; then it is listed again. What is told twice counts
  // once.
  for (int attempt = 0; attempt < 3; ++attempt) {
    const delta::LogListing listing = TRY(delta::list_log(in.lake.silver()));
    if (listing.commits.empty()) return {};
    auto read = delta::commits_since(in.lake.silver(), Version(listing.commits.front().value - 1), tell);
    if (read) return {};
    if (!is_finding(read.error())) return std::unexpected(read.error());
  }
  return {};
}

// Erasures in the quarantine that the ledger does not have yet.
Result<> tell_quarantine(VerifyInput& in, Accounts& accounts) {
  const auto& quarantine = in.table("quarantine").snapshot;
  if (!quarantine || quarantine->txn_version(app_id(in.job(), kErasure)).value_or(0) == 0) return {};
  const auto commits = delta::history(in.lake.quarantine());
  if (!commits && !is_finding(commits.error())) return std::unexpected(commits.error());
  if (!commits) return {};  // the check of the logs says why
  for (const delta::CommitRecord& commit : *commits) {
    const auto erasure = erasure_account(commit.info, in.job());
    if (erasure && *erasure && commit.version <= quarantine->version()) accounts.add(**erasure);
  }
  return {};
}

Result<> tell_ledger(VerifyInput& in, Accounts& accounts) {
  VerifiedTable& ledger = in.table("ledger");
  if (!ledger.snapshot) return {};
  for (const auto& [path, file] : ledger.snapshot->files()) {
    const auto rows = read_parquet(ledger.folder / path);
    auto told = rows ? accounts_of(*rows) : Result<std::vector<BatchAccount>>(std::unexpected(rows.error()));
    if (!told) {
      ledger.problem = told.error().message;
      continue;
    }
    for (const BatchAccount& a : *told)
      if (a.batch <= in.last_batch) accounts.add("ledger", a);  // it was folded after Silver had been looked at
    for (const ErasureAccount& a : TRY(erasures_of(*rows))) accounts.add(a);
  }
  return {};
}

// How far Silver has read each partition.
Result<> fill_positions(VerifyInput& in) {
  SqlAppender out = TRY(in.sql.append_to("positions"));
  for (const auto& [app, txn] : in.table("silver").snapshot->txns())
    if (const auto offset = parse_offset_app_id(app, in.job()))
      out.add(std::string_view(offset->topic))
          .add(std::string_view(offset->topic_id))
          .add(int64_t(offset->partition))
          .add(txn.version)
          .end_row();
  return out.close();
}

}  // namespace

VerifiedTable& VerifyInput::table(std::string_view name) {
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const VerifiedTable& t) { return t.name == name; });
  PACTOLUS_CHECK(found != tables.end(), std::string(name));
  return *found;
}

Result<std::unique_ptr<VerifyInput>> VerifyInput::load(const VerifyOptions& options) {
  const LakePaths lake{options.config.lake};
  TRY(check_lake(lake));
  std::error_code ignored;
  if (!fs::is_directory(delta::log_folder(lake.silver()), ignored))
    return fail(ErrorCode::not_found, fmt::format("the lake in {} has no Silver table", lake.root.native()));

  // A lake that may not be written to is verified without spilling.
  const bool writable = ::access(lake.own().c_str(), W_OK) == 0;
  SqlOptions sql{.folder = lake.root, .threads = options.config.run.threads};
  if (writable) sql.temporary = lake.temporary() / fmt::format("verify-{}", ::getpid());
  // No erasure meanwhile: it takes away what is being looked at.
  std::optional<FileLock> care;
  SystemClock clock;
  if (writable) care = TRY(lock_table_care(lake.care_lock(), false, kCareWait_us, clock));
  auto in = std::make_unique<VerifyInput>(VerifyInput{options, lake, TRY(SqlEngine::open(sql)), {}});
  in->care = std::move(care);
  const std::vector<std::string> views = gold_tables(lake);
  in->tables.reserve(views.size() + 3);  // tables are referred to below while the last one comes
  for (const std::string& view : views) in->tables.push_back(TRY(open_table("gold/" + view, lake.gold(view))));
  in->tables.push_back(TRY(open_table("quarantine", lake.quarantine())));
  in->tables.push_back(TRY(open_table("silver", lake.silver())));

  TRY(in->sql.execute(kTables));
  const auto& silver = in->table("silver").snapshot;
  const std::string batch_id = app_id(options.config.job, "batch");
  if (silver) {
    in->last_batch = silver->txn_version(batch_id).value_or(0);
    if (in->last_batch == 0)
      return fail(ErrorCode::not_found, fmt::format("the lake in {} has no committed batch of the job {}",
                                                    lake.root.native(), options.config.job));
    Accounts accounts = TRY(Accounts::open(in->sql));
    TRY(tell_log(*in, accounts));
    TRY(tell_quarantine(*in, accounts));
    int64_t erasures_done = 0;
    if (fs::is_directory(delta::log_folder(lake.ledger()), ignored)) {
      in->tables.push_back(TRY(open_table("ledger", lake.ledger())));
      TRY(tell_ledger(*in, accounts));
      if (const auto& ledger = in->tables.back().snapshot)
        erasures_done = ledger->txn_version(app_id(options.config.job, kErasuresDone)).value_or(0);
    }
    in->unfinished_erasure = silver->txn_version(app_id(options.config.job, kErasure)).value_or(0) > erasures_done ||
                             fs::exists(lake.unfinished_erasure(), ignored);
    TRY(accounts.close());
    TRY(fill_positions(*in));
  }
  TRY(in->sql.execute(kAccounts));

  // Batches without rejects need no commit of quarantine: it has reached them when it has all before.
  const auto& quarantine = in->table("quarantine").snapshot;
  const int64_t told = quarantine ? quarantine->txn_version(batch_id).value_or(0) : 0;
  const SqlTable missing = TRY(in->sql.query(
      fmt::format("SELECT coalesce(min(batch), {}) - 1 AS reached FROM sources WHERE quarantined > 0 AND batch > {}",
                  in->last_batch + 1, told)));
  in->quarantine_reached = std::max(told, missing.int_at(0, "reached"));
  for (VerifiedTable& t : in->tables)
    if (t.snapshot) t.reached = t.snapshot->txn_version(batch_id).value_or(0);
  in->gold_reached = in->last_batch;
  for (const ViewDeclaration& view : options.config.gold.views) {
    const auto table = std::ranges::find(in->tables, "gold/" + view.name, &VerifiedTable::name);
    in->gold_reached = std::min(in->gold_reached, table == in->tables.end() ? 0 : table->reached);
  }
  return in;
}

Result<> VerifyInput::create_views() {
  for (VerifiedTable& t : tables) {
    if (!t.readable()) continue;
    const auto made = create_delta_view(sql, t.name, *t.snapshot);
    if (!made) t.problem = made.error().message;
  }
  return {};
}

}  // namespace pactolus
