#include "sinks/postgres/pg_connection.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "base/clock.h"

namespace pactolus {
namespace {

constexpr const char* kLibrary = "libpq.so.5";
constexpr int kSlice_ms = 100;  // how often `stop` is asked

// The functions that are used, by name: the library is loaded, not linked.
struct Library {
  // clang-format off
#define PACTOLUS_PQ(name) decltype(&PQ##name) name = nullptr;
#define PACTOLUS_PQ_ALL(X)                                                                                          \
  X(connectStartParams)                                                                                             \
  X(connectPoll)                                                                                                    \
  X(conninfoParse)                                                                                                  \
  X(conninfoFree) X(freemem) X(status) X(errorMessage) X(finish) X(socket) X(setnonblocking) X(sendQueryParams)     \
      X(flush) X(consumeInput) X(isBusy) X(getResult) X(resultStatus) X(resultErrorField) X(nfields) X(ntuples)     \
          X(getisnull) X(getvalue) X(getlength) X(cmdTuples) X(clear) X(putCopyData) X(putCopyEnd) \
              X(setNoticeProcessor)
  PACTOLUS_PQ_ALL(PACTOLUS_PQ)
#undef PACTOLUS_PQ
  // clang-format on
  std::string missing;  // why it cannot be used; empty when it can

  Library() {
    void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char* why = ::dlerror();
      missing = why ? why : kLibrary;
      return;
    }
#define PACTOLUS_PQ(name)                         \
  if (void* found = ::dlsym(library, "PQ" #name)) \
    name = decltype(name)(found);                 \
  else                                            \
    missing = fmt::format("{} has no PQ" #name, kLibrary);
    PACTOLUS_PQ_ALL(PACTOLUS_PQ)
#undef PACTOLUS_PQ
  }
};

const Library& pq() {
  static const Library library;
  return library;
}

PGconn* of(void* connection) { return static_cast<PGconn*>(connection); }

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '\t', ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

struct Cleared {
  void operator()(PGresult* result) const { pq().clear(result); }
};
using ResultOwner = std::unique_ptr<PGresult, Cleared>;

Error refused(const PGresult* result) {
  const char* const state = pq().resultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const text = pq().resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* const hint = pq().resultErrorField(result, PG_DIAG_MESSAGE_HINT);
  const char* const detail = pq().resultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
  std::string message = fmt::format("PostgreSQL: {}", text ? text : "no reason given");
  if (detail) message += fmt::format(": {}", detail);
  if (state) message += fmt::format(" ({})", state);
  return {ErrorCode::invalid, one_line(std::move(message)), hint ? one_line(hint) : ""};
}

// Names and values of the parameters of a connection, from its URL and what is always wanted.
struct Parameters {
  std::vector<std::string> texts;
  std::vector<const char*> names, values;
};

Result<Parameters> parameters_of(const PgTarget& target) {
  char* why = nullptr;
  PQconninfoOption* const options = pq().conninfoParse(target.url.c_str(), &why);
  if (!options) {
    const std::string text = why ? one_line(why) : "it cannot be read";
    if (why) pq().freemem(why);
    return fail(ErrorCode::bad_config, fmt::format("postgres.url: {}", text),
                "it looks like \"postgresql://user@host:5432/database\"");
  }
  std::vector<std::pair<std::string, std::string>> wanted = {{"fallback_application_name", "pactolus"},
                                                             {"client_encoding", "UTF8"},
                                                             {"keepalives_idle", "10"},
                                                             {"keepalives_interval", "5"},
                                                             {"keepalives_count", "3"},
                                                             {"tcp_user_timeout", "30000"},
                                                             {"options", "-c TimeZone=UTC -c DateStyle=ISO"}};
  for (const PQconninfoOption* o = options; o->keyword; ++o) {
    if (!o->val) continue;
    if (std::string_view(o->keyword) == "password") {
      pq().conninfoFree(options);
      return fail(ErrorCode::bad_config, "postgres.url: the password stands in it",
                  "name a file that holds it by postgres.password_file");
    }
    const auto at =
        std::ranges::find(wanted, std::string_view(o->keyword), &std::pair<std::string, std::string>::first);
    if (at == wanted.end())
      wanted.emplace_back(o->keyword, o->val);
    else if (at->first == "options")
      at->second = fmt::format("{} {}", o->val, at->second);
    else if (at->first != "client_encoding")
      at->second = o->val;
  }
  pq().conninfoFree(options);
  if (!target.password.empty()) wanted.emplace_back("password", target.password);
  Parameters out;
  out.texts.reserve(wanted.size() * 2);
  for (auto& [name, value] : wanted) {
    out.names.push_back(out.texts.emplace_back(std::move(name)).c_str());
    out.values.push_back(out.texts.emplace_back(std::move(value)).c_str());
  }
  out.names.push_back(nullptr), out.values.push_back(nullptr);
  return out;
}

enum class Woken { ready, stopped, silent };

Woken wait_on(int socket, bool for_writing, const PgTarget& target, int64_t patience_us) {
  SystemClock clock;
  const int64_t until = clock.boot_us() + patience_us;
  while (true) {
    if (target.stop && target.stop()) return Woken::stopped;
    pollfd on{socket, short(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
    if (::poll(&on, 1, kSlice_ms) != 0) return Woken::ready;  // an error is seen by whoever reads
    if (clock.boot_us() >= until) return Woken::silent;
  }
}

}  // namespace

void PgConnection::Closed::operator()(void* connection) const { pq().finish(of(connection)); }

std::unexpected<Error> PgConnection::lost(std::string what) const {
  return fail(ErrorCode::io, fmt::format("PostgreSQL: {}", one_line(std::move(what))));
}

Result<PgConnection> PgConnection::open(const PgTarget& target) {
  if (!pq().missing.empty())
    return fail(ErrorCode::unsupported, fmt::format("PostgreSQL's client library cannot be loaded: {}", pq().missing),
                "it is Debian's package libpq5");
  const Parameters parameters = TRY(parameters_of(target));
  PgConnection out(pq().connectStartParams(parameters.names.data(), parameters.values.data(), 0), target);
  PGconn* const c = of(out.connection_.get());
  if (!c) return fail(ErrorCode::io, "PostgreSQL: no memory for a connection");
  for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK; next = pq().connectPoll(c)) {
    if (pq().status(c) == CONNECTION_BAD || next == PGRES_POLLING_FAILED) return out.lost(pq().errorMessage(c));
    TRY(out.wait(next == PGRES_POLLING_WRITING));
  }
  out.patience_us_ = target.patience_us;
  pq().setnonblocking(c, 1);
  pq().setNoticeProcessor(c, [](void*, const char*) {}, nullptr);  // "already exists, skipping" is for nobody
  return out;
}

Result<> PgConnection::wait(bool for_writing) {
  switch (wait_on(pq().socket(of(connection_.get())), for_writing, *target_, patience_us_)) {
    case Woken::ready: return {};
    case Woken::stopped: break;
    case Woken::silent:
      connection_.reset();
      return lost(fmt::format("the server has not answered for {} s", patience_us_ / 1'000'000));
  }
  connection_.reset();
  return lost("given up, since this process ends");
}

bool PgConnection::usable() const { return connection_ && pq().status(of(connection_.get())) == CONNECTION_OK; }

Result<> PgConnection::flush() {
  while (true) {
    const int left = pq().flush(of(connection_.get()));
    if (left < 0) return lost(pq().errorMessage(of(connection_.get())));
    if (left == 0) return {};
    TRY(wait(true));
    // What the server sends meanwhile must be taken, or both wait for each other.
    if (!pq().consumeInput(of(connection_.get()))) return lost(pq().errorMessage(of(connection_.get())));
  }
}

// All results of a statement; the first refusal is the answer.
Result<PgRows> PgConnection::results() {
  TRY(flush());
  PGconn* const c = of(connection_.get());
  PgRows out;
  std::optional<Error> first;
  while (true) {
    while (pq().isBusy(c)) {
      TRY(wait(false));
      if (!pq().consumeInput(c)) return lost(pq().errorMessage(c));
    }
    const ResultOwner result(pq().getResult(c));
    if (!result) break;
    switch (pq().resultStatus(result.get())) {
      case PGRES_TUPLES_OK: {
        out.columns = size_t(pq().nfields(result.get()));
        for (int r = 0; r < pq().ntuples(result.get()); ++r)
          for (int f = 0; f < int(out.columns); ++f)
            if (pq().getisnull(result.get(), r, f))
              out.values.emplace_back();
            else
              out.values.emplace_back(
                  std::string(pq().getvalue(result.get(), r, f), size_t(pq().getlength(result.get(), r, f))));
        [[fallthrough]];
      }
      case PGRES_COMMAND_OK: out.affected = std::atoll(pq().cmdTuples(result.get())); break;
      case PGRES_COPY_IN: return out;  // the caller sends now
      default:
        if (!first) first = refused(result.get());
    }
    if (pq().status(c) != CONNECTION_OK) return lost(pq().errorMessage(c));
  }
  if (first) return std::unexpected(std::move(*first));
  return out;
}

Result<PgRows> PgConnection::run(const std::string& sql, std::span<const std::optional<std::string>> parameters) {
  if (!usable()) return lost("the connection is closed");
  std::vector<const char*> values;
  for (const auto& p : parameters) values.push_back(p ? p->c_str() : nullptr);
  if (!pq().sendQueryParams(of(connection_.get()), sql.c_str(), int(values.size()), nullptr, values.data(), nullptr,
                            nullptr, 0))
    return lost(pq().errorMessage(of(connection_.get())));
  return results();
}

Result<int64_t> PgConnection::copy_in(const std::string& sql, const std::function<Result<>(std::string&)>& next) {
  TRY(run(sql));
  PGconn* const c = of(connection_.get());
  std::string lines;
  std::optional<Error> ours;
  while (true) {
    lines.clear();
    if (const auto made = next(lines); !made) ours = made.error();
    if (ours || lines.empty()) break;
    int sent;
    while ((sent = pq().putCopyData(c, lines.data(), int(lines.size()))) == 0) TRY(wait(true));
    if (sent < 0) return lost(pq().errorMessage(c));
    TRY(flush());
  }
  int ended;
  while ((ended = pq().putCopyEnd(c, ours ? "the rows cannot be read" : nullptr)) == 0) TRY(wait(true));
  if (ended < 0) return lost(pq().errorMessage(c));
  auto done = results();
  if (ours) return std::unexpected(std::move(*ours));
  if (!done) return std::unexpected(std::move(done).error());
  return done->affected;
}

std::string pg_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string pg_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

}  // namespace pactolus
