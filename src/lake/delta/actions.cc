#include "lake/delta/actions.h"

#include <fmt/format.h>

#include <algorithm>

#include "lake/delta/path_encoding.h"

namespace pactolus::delta {
namespace {

Json to_json(const PartitionValues& values) {
  Json::Object out;
  for (const auto& [column, value] : values) out.emplace_back(column, value ? Json(*value) : Json());
  return Json(std::move(out));
}

Json to_json(const Protocol& p) {
  return Json(Json::Object{{"minReaderVersion", p.min_reader_version}, {"minWriterVersion", p.min_writer_version}});
}

Json to_json(const Metadata& m) {
  Json::Object configuration;
  for (const auto& [key, value] : m.configuration) configuration.emplace_back(key, value);
  Json::Array columns;
  for (const auto& column : m.partition_columns) columns.emplace_back(column);
  Json::Object out{{"id", m.id}};
  if (!m.name.empty()) out.emplace_back("name", m.name);
  out.emplace_back("format", Json::Object{{"provider", "parquet"}, {"options", Json::Object{}}});
  out.emplace_back("schemaString", m.schema_string);
  out.emplace_back("partitionColumns", std::move(columns));
  out.emplace_back("configuration", std::move(configuration));
  out.emplace_back("createdTime", m.created_time_ms);
  return Json(std::move(out));
}

Json to_json(const Txn& t) {
  Json::Object out{{"appId", t.app_id}, {"version", t.version}};
  if (t.last_updated_ms != 0) out.emplace_back("lastUpdated", t.last_updated_ms);
  return Json(std::move(out));
}

Json to_json(const AddFile& a) {
  Json::Object out{{"path", encode_path(a.path)},
                   {"partitionValues", to_json(a.partition_values)},
                   {"size", a.size},
                   {"modificationTime", a.modification_time_ms},
                   {"dataChange", a.data_change}};
  if (!a.stats.empty()) out.emplace_back("stats", a.stats);
  return Json(std::move(out));
}

Json to_json(const RemoveFile& r) {
  Json::Object out{{"path", encode_path(r.path)},
                   {"deletionTimestamp", r.deletion_time_ms},
                   {"dataChange", r.data_change},
                   {"extendedFileMetadata", r.size.has_value()}};
  if (r.size) {
    out.emplace_back("partitionValues", to_json(r.partition_values));
    out.emplace_back("size", *r.size);
  }
  return Json(std::move(out));
}

Json to_json(const CommitInfo& c) {
  Json::Object parameters;
  for (const auto& [key, value] : c.operation_parameters)
    parameters.emplace_back(key, value.is_string() ? value : Json(value.dump()));
  Json::Object out{{"timestamp", c.timestamp_ms},
                   {"operation", c.operation},
                   {"operationParameters", std::move(parameters)},
                   {"isBlindAppend", c.blind_append}};
  if (!c.engine.empty()) out.emplace_back("engineInfo", c.engine);
  if (!c.commit_uuid.empty()) out.emplace_back("txnId", c.commit_uuid);
  if (!c.info.is_null()) out.emplace_back("pactolus", c.info);
  return Json(std::move(out));
}

void append_line(std::string& out, std::string_view kind, const Json& body) {
  out += "{\"";
  out += kind;
  out += "\":";
  body.dump_to(out);
  out += "}\n";
}

Result<std::string> required_text(const Json& body, std::string_view field) {
  const Json& value = body[field];
  if (!value.is_string()) return fail(ErrorCode::corrupt, fmt::format("text field is missing: {}", field));
  return std::string(value.as_string());
}

Result<int64_t> required_int(const Json& body, std::string_view field) {
  const Json& value = body[field];
  if (!value.is_int()) return fail(ErrorCode::corrupt, fmt::format("whole number is missing: {}", field));
  return value.as_int();
}

Result<PartitionValues> partition_values_from(const Json& values) {
  PartitionValues out;
  for (const auto& [column, value] : values.as_object()) {
    if (!value.is_string() && !value.is_null())
      return fail(ErrorCode::corrupt, fmt::format("partition value is no text: {}", column));
    out.insert_or_assign(column, value.is_null() ? std::nullopt : std::optional(std::string(value.as_string())));
  }
  return out;
}

Result<std::string> path_from(const Json& body) {
  if (!body["deletionVector"].is_null())
    return fail(ErrorCode::unsupported, "the table uses deletion vectors, which need reader version 3");
  return decode_path(TRY(required_text(body, "path")));
}

Result<AddFile> add_from(const Json& body) {
  AddFile out;
  out.path = TRY(path_from(body));
  out.partition_values = TRY(partition_values_from(body["partitionValues"]));
  out.size = TRY(required_int(body, "size"));
  if (out.size < 0) return fail(ErrorCode::corrupt, fmt::format("size of a data file is below zero: {}", out.size));
  out.modification_time_ms = body["modificationTime"].as_int();
  out.data_change = body["dataChange"].as_bool(true);
  out.stats = body["stats"].as_string();
  return out;
}

Result<RemoveFile> remove_from(const Json& body) {
  RemoveFile out;
  out.path = TRY(path_from(body));
  out.deletion_time_ms = body["deletionTimestamp"].as_int();
  out.data_change = body["dataChange"].as_bool(true);
  if (body["size"].is_int()) {
    out.size = body["size"].as_int();
    out.partition_values = TRY(partition_values_from(body["partitionValues"]));
  }
  return out;
}

Result<Metadata> metadata_from(const Json& body) {
  Metadata out;
  out.id = TRY(required_text(body, "id"));
  out.name = body["name"].as_string();
  out.schema_string = TRY(required_text(body, "schemaString"));
  const std::string_view provider = body["format"]["provider"].as_string("parquet");
  if (provider != "parquet")
    return fail(ErrorCode::unsupported, fmt::format("data files of another format than Parquet: {}", provider));
  for (const Json& column : body["partitionColumns"].as_array()) out.partition_columns.emplace_back(column.as_string());
  for (const auto& [key, value] : body["configuration"].as_object())
    out.configuration.insert_or_assign(key, std::string(value.as_string()));
  out.created_time_ms = body["createdTime"].as_int();
  return out;
}

Result<Protocol> protocol_from(const Json& body) {
  const int64_t reader = TRY(required_int(body, "minReaderVersion"));
  const int64_t writer = TRY(required_int(body, "minWriterVersion"));
  if (reader < 1 || reader > INT32_MAX || writer < 1 || writer > INT32_MAX)
    return fail(ErrorCode::corrupt, fmt::format("protocol versions out of range: {}, {}", reader, writer));
  return Protocol{int32_t(reader), int32_t(writer)};
}

Result<Txn> txn_from(const Json& body) {
  return Txn{TRY(required_text(body, "appId")), TRY(required_int(body, "version")), body["lastUpdated"].as_int()};
}

CommitInfo commit_info_from(const Json& body) {
  CommitInfo out;
  out.timestamp_ms = body["timestamp"].as_int();
  out.operation = body["operation"].as_string();
  out.operation_parameters = body["operationParameters"].as_object();
  out.blind_append = body["isBlindAppend"].as_bool();
  out.engine = body["engineInfo"].as_string();
  out.commit_uuid = body["txnId"].as_string();
  if (body["pactolus"].is_object()) out.info = body["pactolus"];
  return out;
}

Result<> read_action(const Json& line, CommitActions& out) {
  if (!line.is_object()) return fail(ErrorCode::corrupt, "an action is no JSON object");
  for (const auto& [kind, body] : line.as_object()) {
    if (body.is_null()) continue;
    if (kind == "add")
      out.adds.push_back(TRY(add_from(body)));
    else if (kind == "remove")
      out.removes.push_back(TRY(remove_from(body)));
    else if (kind == "txn")
      out.txns.push_back(TRY(txn_from(body)));
    else if (kind == "metaData")
      out.metadata = TRY(metadata_from(body));
    else if (kind == "protocol")
      out.protocol = TRY(protocol_from(body));
    else if (kind == "commitInfo")
      out.commit_info = commit_info_from(body);
  }
  return {};
}

}  // namespace

std::string encode_commit(const CommitActions& actions) {
  std::string out;
  if (actions.commit_info) append_line(out, "commitInfo", to_json(*actions.commit_info));
  if (actions.protocol) append_line(out, "protocol", to_json(*actions.protocol));
  if (actions.metadata) append_line(out, "metaData", to_json(*actions.metadata));
  for (const auto& t : actions.txns) append_line(out, "txn", to_json(t));
  for (const auto& r : actions.removes) append_line(out, "remove", to_json(r));
  for (const auto& a : actions.adds) append_line(out, "add", to_json(a));
  return out;
}

Result<CommitActions> decode_commit(std::string_view text) {
  CommitActions out;
  int64_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto parsed = Json::parse(line);
    if (!parsed)
      return fail(ErrorCode::corrupt,
                  fmt::format("commit cannot be read, line {}: {}", number, parsed.error().message));
    if (auto read = read_action(*parsed, out); !read)
      return fail(read.error().code, fmt::format("commit cannot be read, line {}: {}", number, read.error().message));
  }
  return out;
}

Result<> check_readable(const Protocol& protocol) {
  if (protocol.min_reader_version > kReaderVersion)
    return fail(ErrorCode::unsupported,
                fmt::format("the table needs Delta reader version {}, this release reads version {}",
                            protocol.min_reader_version, kReaderVersion),
                "another program has upgraded the table; read it with that program");
  return {};
}

Result<> check_writable(const Protocol& protocol, const Metadata& metadata) {
  TRY(check_readable(protocol));
  if (protocol.min_writer_version > kWriterVersion)
    return fail(ErrorCode::unsupported,
                fmt::format("the table needs Delta writer version {}, this release writes version {}",
                            protocol.min_writer_version, kWriterVersion),
                "another program has upgraded the table; it can still be read");
  // Writer version 2 obliges a writer to check column invariants; we make none, so we refuse tables that have some.
  if (metadata.schema_string.find("\"delta.invariants\"") != std::string::npos)
    return fail(ErrorCode::unsupported, "the table has column invariants, which this release does not check");
  return {};
}

}  // namespace pactolus::delta
