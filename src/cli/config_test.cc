#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/time_text.h"
#include "cli/config_alerts.h"
#include "cli/config_file.h"
#include "cli/config_keys.h"
#include "cli/config_toml.h"
#include "cli/config_views.h"

namespace pactolus {
namespace {

// A current folder and a home of its own; files are written by name.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = "/tmp/pactolus-config-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    fs::create_directories(root_ / "home/.config/pactolus");
    sources_.folder = root_;
    sources_.environment = {"HOME=" + (root_ / "home").string()};
  }
  ~ConfigTest() override { fs::remove_all(root_); }

  void project(std::string_view text) { std::ofstream(root_ / "pactolus.toml") << text; }
  void user(std::string_view text) { std::ofstream(root_ / "home/.config/pactolus/config.toml") << text; }
  void set(std::string variable) { sources_.environment.push_back(std::move(variable)); }
  void flag(std::string name, std::string key, std::string value) { sources_.flags.push_back({name, key, value}); }

  LoadedConfig load() { return load_config(sources_); }
  Config good() {
    LoadedConfig loaded = load();
    for (const Error& error : loaded.errors) ADD_FAILURE() << error.where << ": " << error.message;
    return loaded.config;
  }
  // The one error that there should be; its place without the folder.
  Error only_error() {
    LoadedConfig loaded = load();
    EXPECT_EQ(loaded.errors.size(), 1u);
    if (loaded.errors.empty()) return {ErrorCode::io, "no error at all", {}, {}};
    Error error = loaded.errors[0];
    if (error.where.starts_with(root_.string())) error.where = error.where.substr(root_.string().size() + 1);
    return error;
  }
  std::string origin(const std::string& key) {
    const LoadedConfig loaded = load();
    const auto found = loaded.origins.find(key);
    return found == loaded.origins.end() ? "default" : found->second;
  }

  fs::path root_;
  ConfigSources sources_;
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST_F(ConfigTest, WithoutAnySourceTheDefaultsHold) {
  const Config config = good();
  EXPECT_EQ(config.lake, "./lake");
  EXPECT_EQ(config.shop.currency, "USD");
  EXPECT_EQ(config.run.commit_interval_us, 1'000'000);
  EXPECT_EQ(config.time.allowed_lateness_us, 300'000'000);
  EXPECT_EQ(config.dedup.horizon_us, 86'400'000'000);
  EXPECT_EQ(config.silver.high_value, 5'000'000);
}

TEST_F(ConfigTest, EveryKeyReachesItsMember) {
  project(R"(lake = "/data/lake"
job = "shop-1"
[shop]
currency = "EUR"
time_zone = "Europe/Berlin"
[bronze]
from = "embedded"
partitions = 12
retention_age = "36h"
retention_bytes = "4GiB"
[kafka]
bootstrap = "a:9092, b:9093"
topic = "clicks.raw"
[kafka.properties]
"socket.timeout.ms" = 5_000
client.id = "pactolus"
"sasl.password_file" = "/etc/pactolus/kafka"
[run]
commit_interval = "20s"
batch_records = 100_000
threads = 2
[time]
allowed_lateness = "10m"
max_ahead = "0s"
idle_after = "1500ms"
max_skew = "2h"
[dedup]
horizon = "7d"
[silver]
high_value = 499.99
[events]
types = ["wishlist=view", "chat_opened"]
)");
  const Config c = good();
  EXPECT_EQ(c.lake, "/data/lake");
  EXPECT_EQ(c.job, "shop-1");
  EXPECT_EQ(c.shop.currency, "EUR");
  EXPECT_EQ(c.shop.time_zone, "Europe/Berlin");
  EXPECT_EQ(c.bronze.from, BronzeFrom::embedded);
  EXPECT_EQ(c.bronze.partitions, 12);
  EXPECT_EQ(c.bronze.retention_age_us, 36 * kMicrosPerHour);
  EXPECT_EQ(c.bronze.retention_bytes, int64_t{4} << 30);
  EXPECT_EQ(c.kafka.bootstrap, "a:9092, b:9093");
  EXPECT_EQ(c.kafka.topic, "clicks.raw");
  EXPECT_EQ(c.kafka.properties.at("socket.timeout.ms"), "5000");
  EXPECT_EQ(c.kafka.properties.at("client.id"), "pactolus");
  EXPECT_EQ(c.kafka.properties.at("sasl.password_file"), "/etc/pactolus/kafka");
  EXPECT_EQ(c.run.commit_interval_us, 20'000'000);
  EXPECT_EQ(c.run.batch_records, 100'000);
  EXPECT_EQ(c.run.threads, 2);
  EXPECT_EQ(c.time.allowed_lateness_us, 600'000'000);
  EXPECT_EQ(c.time.max_ahead_us, 0);
  EXPECT_EQ(c.time.idle_after_us, 1'500'000);
  EXPECT_EQ(c.time.max_skew_us, 2 * kMicrosPerHour);
  EXPECT_EQ(c.dedup.horizon_us, 7 * kMicrosPerDay);
  EXPECT_EQ(c.silver.high_value, 4'999'900);
  ASSERT_EQ(c.events.types.size(), 2u);
  EXPECT_EQ(c.events.types[0], (ExtraEventType{"wishlist", EventKind::view}));
  EXPECT_EQ(c.events.types[1], (ExtraEventType{"chat_opened", EventKind::page_view}));
}

TEST_F(ConfigTest, FiveMistakesGiveFiveErrorsWithTheirLines) {
  project(
      "lake = 5\n"
      "[run]\n"
      "commit_interval = \"1 parsec\"\n"
      "batch_record = 10\n"
      "[bronze]\n"
      "partitions = 0\n"
      "[shop]\n"
      "currency = \"eur\"\n");
  const LoadedConfig loaded = load();
  ASSERT_EQ(loaded.errors.size(), 5u);
  const std::string file = (root_ / "pactolus.toml").string();
  EXPECT_EQ(loaded.errors[0].where, file + ":1 lake");
  EXPECT_TRUE(has(loaded.errors[0].message, "expected a folder, got 5"));
  EXPECT_EQ(loaded.errors[1].where, file + ":3 run.commit_interval");
  EXPECT_TRUE(has(loaded.errors[1].message, "expected a duration such as \"5m\", got \"1 parsec\""));
  EXPECT_EQ(loaded.errors[2].where, file + ":4 run.batch_record");
  EXPECT_TRUE(has(loaded.errors[2].message, "did you mean \"run.batch_records\"?"));
  EXPECT_EQ(loaded.errors[3].where, file + ":6 bronze.partitions");
  EXPECT_TRUE(has(loaded.errors[3].message, "expected a whole number from 1 to 1024, got 0"));
  EXPECT_EQ(loaded.errors[4].where, file + ":8 shop.currency");
  EXPECT_TRUE(has(loaded.errors[4].message, "did you mean \"EUR\"?"));
  for (const Error& error : loaded.errors) EXPECT_EQ(error.code, ErrorCode::bad_config);
}

TEST_F(ConfigTest, MistakesOfAllSourcesComeAtOnce) {
  user("[run]\nthreads = -1\n");
  project("[run]\nthreads = \"two\"\n");
  set("PACTOLUS__RUN__THREADS=many");
  flag("--threads", "run.threads", "1.5");
  const LoadedConfig loaded = load();
  ASSERT_EQ(loaded.errors.size(), 4u);
  EXPECT_TRUE(has(loaded.errors[0].where, "config.toml:2"));
  EXPECT_TRUE(has(loaded.errors[1].where, "pactolus.toml:2"));
  EXPECT_EQ(loaded.errors[2].where, "environment PACTOLUS__RUN__THREADS run.threads");
  EXPECT_EQ(loaded.errors[3].where, "flag --threads");
  EXPECT_EQ(loaded.errors[3].code, ErrorCode::usage);
}

TEST_F(ConfigTest, AFlagBeatsTheEnvironmentBeatsTheProjectBeatsTheUser) {
  user("lake = \"user\"\n");
  EXPECT_EQ(good().lake, "user");
  project("lake = \"project\"\n");
  EXPECT_EQ(good().lake, "project");
  EXPECT_TRUE(has(origin("lake"), "pactolus.toml:1"));
  set("PACTOLUS_LAKE=environment");
  EXPECT_EQ(good().lake, "environment");
  EXPECT_EQ(origin("lake"), "environment PACTOLUS_LAKE");
  flag("--lake", "lake", "flag");
  EXPECT_EQ(good().lake, "flag");
  EXPECT_EQ(origin("lake"), "flag --lake");
}

TEST_F(ConfigTest, AStrongerSourceOverridesOnlyTheKeysThatItNames) {
  user("[run]\nthreads = 7\ncommit_interval = \"9s\"\n");
  project("[run]\nthreads = 3\n");
  EXPECT_EQ(good().run.threads, 3);
  EXPECT_EQ(good().run.commit_interval_us, 9'000'000);
}

TEST_F(ConfigTest, PropertiesAreMergedNameByName) {
  user("[kafka.properties]\n\"client.id\" = \"a\"\n\"linger.ms\" = 5\n");
  project("[kafka.properties]\n\"client.id\" = \"b\"\n");
  set("PACTOLUS__KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS=900");
  const Config c = good();
  EXPECT_EQ(c.kafka.properties.at("client.id"), "b");
  EXPECT_EQ(c.kafka.properties.at("linger.ms"), "5");
  EXPECT_EQ(c.kafka.properties.at("socket.timeout.ms"), "900");
  EXPECT_TRUE(has(origin("kafka.properties.client.id"), "pactolus.toml:2"));
  EXPECT_EQ(origin("kafka.properties.socket.timeout.ms"), "environment PACTOLUS__KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS");
}

TEST_F(ConfigTest, TheEnvironmentReachesNestedKeysAndLists) {
  set("PACTOLUS__TIME__ALLOWED_LATENESS=90s");
  set("PACTOLUS__EVENTS__TYPES=wishlist=view,chat");
  set("PACTOLUS__SILVER__HIGH_VALUE=12.3456");
  const Config c = good();
  EXPECT_EQ(c.time.allowed_lateness_us, 90'000'000);
  EXPECT_EQ(c.events.types.size(), 2u);
  EXPECT_EQ(c.silver.high_value, 123'456);
}

TEST_F(ConfigTest, AMistypedVariableIsNotPassedOver) {
  set("PACTOLUS__RUN__COMIT_INTERVAL=1s");
  EXPECT_TRUE(has(only_error().message, "did you mean \"run.commit_interval\"?"));
}

TEST_F(ConfigTest, AMistypedTopLevelVariableIsNotPassedOver) {
  set("PACTOLUS_LAEK=/data");
  EXPECT_TRUE(has(only_error().message, "did you mean \"PACTOLUS_LAKE\"?"));
}

TEST_F(ConfigTest, VariablesThatServeOtherEndsAreLeftAlone) {
  set("PACTOLUS_FAULT=silver.linked");
  set("PACTOLUS_DISK_JOURNAL=/tmp/journal");
  set("PACTOLUS_BIN=/usr/bin/pactolus");
  good();
}

TEST_F(ConfigTest, TheFileCanBeNamedByFlagOrEnvironment) {
  std::ofstream(root_ / "one.toml") << "job = \"one\"\n";
  std::ofstream(root_ / "two.toml") << "job = \"two\"\n";
  project("job = \"project\"\n");
  set("PACTOLUS_CONFIG=" + (root_ / "one.toml").string());
  EXPECT_EQ(good().job, "one");
  sources_.config_flag = (root_ / "two.toml").string();
  EXPECT_EQ(good().job, "two");
}

TEST_F(ConfigTest, ANamedFileThatIsMissingIsAnError) {
  sources_.config_flag = (root_ / "nowhere.toml").string();
  EXPECT_EQ(only_error().code, ErrorCode::bad_config);
}

TEST_F(ConfigTest, ATextThatIsNoTomlNamesItsLine) {
  project("lake = \"a\"\n[run\nthreads = 1\n");
  const Error error = only_error();
  EXPECT_EQ(error.where, "pactolus.toml:2");
  EXPECT_TRUE(has(error.message, "is no TOML"));
  EXPECT_EQ(error.hint, "");
  project("[run]\nthreads = two\n");
  EXPECT_TRUE(has(only_error().hint, "need quotes"));
}

TEST_F(ConfigTest, MoneyIsReadFromItsTextAndStaysExact) {
  project("[silver]\nhigh_value = 1_234_567_890.1234\n");
  EXPECT_EQ(good().silver.high_value, 12'345'678'901'234);
}

TEST_F(ConfigTest, MoneyBehindWideCharactersIsStillReadExactly) {
  project("silver = { \"hígh\" = 1, high_value = 7.25 }\n");
  const LoadedConfig loaded = load();
  EXPECT_EQ(loaded.config.silver.high_value, 72'500);
  EXPECT_EQ(loaded.errors.size(), 1u);
}

TEST_F(ConfigTest, MoneyFinerThanFourDecimalsIsRefused) {
  project("[silver]\nhigh_value = 0.00001\n");
  EXPECT_TRUE(has(only_error().message, "at most four decimals, such as 499.99, got 0.00001"));
}

TEST_F(ConfigTest, ADurationWithoutUnitIsNotGuessed) {
  project("[run]\ncommit_interval = 20\n");
  const Error error = only_error();
  EXPECT_TRUE(has(error.message, "expected a duration such as \"5m\", got 20"));
  EXPECT_TRUE(has(error.hint, "needs its unit"));
}

TEST_F(ConfigTest, ADurationInWordsIsUnderstoodButNotTaken) {
  project("[time]\nallowed_lateness = \"5 minutes\"\n");
  EXPECT_TRUE(has(only_error().message, "did you mean \"5m\"?"));
}

TEST_F(ConfigTest, ADurationOutOfRangeNamesTheRange) {
  project("[run]\ncommit_interval = \"0s\"\n");
  EXPECT_TRUE(has(only_error().message, "expected a duration from 1ms to 24h, got \"0s\""));
}

TEST_F(ConfigTest, ASizeInTheWrongLettersGetsASuggestion) {
  project("[bronze]\nretention_bytes = \"64mib\"\n");
  EXPECT_TRUE(has(only_error().message, "did you mean \"64MiB\"?"));
}

TEST_F(ConfigTest, RetentionCanBeUnlimited) {
  project("[bronze]\nretention_age = \"unlimited\"\nretention_bytes = \"unlimited\"\n");
  EXPECT_EQ(good().bronze.retention_age_us, 0);
  EXPECT_EQ(good().bronze.retention_bytes, 0);
}

TEST_F(ConfigTest, AKeyUnderTheWrongSectionIsFoundAgain) {
  project("horizon = \"24h\"\n");
  EXPECT_TRUE(has(only_error().message, "did you mean \"dedup.horizon\"?"));
}

TEST_F(ConfigTest, ASectionIsNoKey) {
  project("run = 5\n");
  EXPECT_TRUE(has(only_error().message, "run is a section, not a key"));
}

TEST_F(ConfigTest, AnEmptySectionIsNoMistake) {
  project("[run]\n[kafka.properties]\n");
  good();
}

TEST_F(ConfigTest, AnEmptyUnknownSectionIsOne) {
  project("[rnu]\n");
  EXPECT_EQ(only_error().where, "pactolus.toml:1 rnu");
}

TEST_F(ConfigTest, LaterReleasesAreNamedAsSuch) {
  project("[serve]\nlisten = \"0.0.0.0:80\"\ntls_cert = \"c\"\n");
  const LoadedConfig loaded = load();
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_TRUE(has(loaded.errors[0].message, "does not have it yet")) << loaded.errors[0].message;
  EXPECT_TRUE(has(loaded.errors[0].where, "serve.listen"));
}

TEST_F(ConfigTest, RulesOfAlertsJoinTheBuiltInOnesOrTakeTheirPlace) {
  project(
      "[[alert]]\nname = \"high_interest_low_conversion\"\nwhen = \"VIEWS >500 and purchases<10\"\n"
      "[[alert]]\nname = \"dear_and_left\"\nwhen = \"carts > 20 and revenue < 0.5\"\n"
      "[[alert]]\nname = \"low_conversion\"\nevidence = 1000\n");
  const Config config = good();
  ASSERT_EQ(config.alerts.rules.size(), 2u);
  EXPECT_EQ(config.alerts.rules[0].when.to_text(), "views > 500 and purchases < 10");
  EXPECT_EQ(config.alerts.rules[1].name, "dear_and_left");
  EXPECT_EQ(config.alerts.evidence, 1000);
  // What alert_lines says is what was read.
  std::string again;
  for (const auto& [name, lines] : alert_lines(config))
    for (const std::string& line : lines) again += line + "\n";
  project(again);
  EXPECT_EQ(alert_lines(good()), alert_lines(config));
  project(
      "[[alert]]\nname = \"high_interest_low_conversion\"\nenabled = false\n[[alert]]\nname = "
      "\"low_conversion\"\nenabled = false\n");
  EXPECT_TRUE(good().alerts.rules.empty());
  EXPECT_EQ(good().alerts.evidence, 0);
}

TEST_F(ConfigTest, SaysWhatIsWrongWithARule) {
  for (const auto& [text, message] : std::vector<std::pair<const char*, const char*>>{
           {"name = \"x\"", "expected a condition such as"},
           {"name = \"x\"\nwhen = \"vews > 5\"", "did you mean \"views\"?"},
           {"name = \"x\"\nwhen = 5", "expected a text in quotes, got 5"},
           {"name = \"x\"\nevidence = 100", "got evidence, which is low_conversion's"},
           {"name = \"low_conversion\"\nwhen = \"views > 5\"", "got a condition"},
           {"name = \"low_conversion\"\nevidence = 1", "expected a whole number from 2"},
           {"when = \"views > 5\"", "expected a name, got none"},
           {"name = \"x\"\nwen = \"views > 5\"", "did you mean \"when\"?"}}) {
    project(fmt::format("[[alert]]\n{}\n", text));
    const LoadedConfig loaded = load();
    ASSERT_FALSE(loaded.errors.empty()) << text;
    EXPECT_TRUE(has(loaded.errors[0].message, message)) << loaded.errors[0].message;
  }
}

TEST_F(ConfigTest, ViewsJoinTheBuiltInOnesOrTakeTheirPlace) {
  project(
      "[[gold.view]]\nname = \"device_hours\"\nkeys = [\"product_category\", \"device_type\"]\nsize = \"1h\"\n"
      "measures = [\"count(view) as views\", \"count(wishlist) as wishes\"]\n"
      "[[gold.view]]\nname = \"shop_activity\"\nsize = \"10m\"\nslide = \"5m\"\nmeasures = [\"count() as events\"]\n"
      "[events]\ntypes = [\"wishlist\"]\n");
  const LoadedConfig loaded = load();
  ASSERT_TRUE(loaded.errors.empty()) << loaded.errors[0].message;
  const auto& views = loaded.config.gold.views;
  ASSERT_EQ(views.size(), 6u);
  EXPECT_EQ(views[0], built_in_views()[0]);
  EXPECT_EQ(views[2].shape, (WindowShape{10 * kMicrosPerMinute, 5 * kMicrosPerMinute}));
  EXPECT_TRUE(views[2].keys.empty());
  EXPECT_EQ(views[3], built_in_views()[3]);
  EXPECT_EQ(views[4], built_in_views()[4]);
  EXPECT_EQ(views[5].shape, (WindowShape{kMicrosPerHour, kMicrosPerHour}));
  EXPECT_EQ(views[5].keys, (std::vector{EventColumn::product_category, EventColumn::device_type}));
  EXPECT_TRUE(has(loaded.origins.at("gold.view.device_hours"), "pactolus.toml:1"));
  // What view_lines says is what was read.
  std::string again = "[events]\ntypes = [\"wishlist\"]\n";
  for (const ViewDeclaration& view : views)
    for (const std::string& line : view_lines(view)) again += line + "\n";
  project(again);
  EXPECT_EQ(load().config.gold.views, views);
}

TEST_F(ConfigTest, AViewThatIsNotEnabledIsNotThere) {
  project(
      "[[gold.view]]\nname = \"shop_activity\"\nenabled = false\n"
      "[[gold.view]]\nname = \"mine\"\nenabled = false\nsize = \"1h\"\nmeasures = [\"count() as n\"]\n");
  const LoadedConfig loaded = load();
  ASSERT_TRUE(loaded.errors.empty()) << loaded.errors[0].message;
  ASSERT_EQ(loaded.config.gold.views.size(), 4u);
  EXPECT_EQ(loaded.config.gold.views[1].name, "category_conversion");
  project("[[gold.view]]\nname = \"product_interest\"\nenabled = false\n");
  EXPECT_TRUE(has(only_error().message, "alerts are made of product_interest"));
  project("[[gold.view]]\nname = \"session\"\nenabled = false\n");
  EXPECT_TRUE(has(only_error().message, "got session; did you mean \"sessions\"?"));
  project("[[gold.view]]\nname = \"mine\"\nenabled = \"no\"\nsize = \"1h\"\nmeasures = [\"count() as n\"]\n");
  EXPECT_TRUE(has(only_error().message, "expected true or false, got \"no\""));
}

TEST_F(ConfigTest, AllMistakesOfAViewAreToldWithTheirLines) {
  project(
      "[[gold.view]]\nname = \"Mine\"\nkeys = [\"device_typ\"]\nsize = 10\nsilde = \"1m\"\n"
      "measures = [\n  \"count(view) as views\",\n  \"cuont() as n\",\n  5,\n]\n");
  const LoadedConfig loaded = load();
  std::string told;
  for (const Error& e : loaded.errors) told += e.where + ": " + e.message.substr(e.message.find('\n') + 1) + "\n";
  EXPECT_TRUE(has(told, "pactolus.toml:2 gold.view: expected 1 to 64 letters")) << told;
  EXPECT_TRUE(has(told, "pactolus.toml:3 gold.view: expected a column")) << told;
  EXPECT_TRUE(has(told, "got \"device_typ\"; did you mean \"device_type\"?")) << told;
  EXPECT_TRUE(has(told, "pactolus.toml:4 gold.view: expected a duration such as \"5m\", got 10")) << told;
  EXPECT_TRUE(has(
      told,
      "pactolus.toml:5 gold.view: expected one of name, enabled, keys, size, slide, gap, measures, got silde; did you "
      "mean \"slide\"?"))
      << told;
  EXPECT_TRUE(has(told, "pactolus.toml:8 gold.view: \"cuont() as n\": expected a function")) << told;
  EXPECT_TRUE(has(told, "did you mean \"count\"?")) << told;
  EXPECT_TRUE(has(told, "pactolus.toml:9 gold.view: expected a text in quotes, got 5")) << told;
  EXPECT_EQ(loaded.errors.size(), 6u) << told;
}

// What only the whole view shows stands at the line of what is meant, too.
TEST_F(ConfigTest, FaultsOfAViewAreToldWithTheirLines) {
  project(
      "[[gold.view]]\nname = \"mine\"\nkeys = [\n  \"product_id\",\n  \"product_id\",\n]\nsize = \"1h\"\n"
      "slide = \"2h\"\nmeasures = [\n  \"count(view) as views\",\n  \"count(veiw) as n\",\n]\n"
      "[[gold.view]]\nname = \"none\"\nsize = \"1h\"\n");
  std::string told;
  for (const Error& e : load().errors)
    told += e.where.substr(e.where.rfind('/') + 1) + ": " + e.message.substr(e.message.find('\n') + 1) + "\n";
  EXPECT_EQ(told,
            "pactolus.toml:8 gold.view: expected a slide that is at most the window's size: events between two windows "
            "would count nowhere\n"
            "pactolus.toml:5 gold.view: expected columns of different names, got product_id twice\n"
            "pactolus.toml:11 gold.view: count(veiw) as n: expected an event type, got veiw; did you mean \"view\"?\n"
            "pactolus.toml:13 gold.view: expected at least one measure, got none\n");
}

TEST_F(ConfigTest, AViewThatCannotBeMadeIsRefused) {
  const auto message = [&](const std::string& text) {
    project(text);
    return only_error().message;
  };
  const std::string view = "[[gold.view]]\nname = \"mine\"\nsize = \"1h\"\n";
  EXPECT_TRUE(has(message(view + "slide = \"2h\"\nmeasures = [\"count() as n\"]\n"), "a slide that is at most"));
  EXPECT_TRUE(has(message(view + "measures = [\"count(veiw) as n\"]\n"), "did you mean \"view\"?"));
  EXPECT_TRUE(has(message(view), "expected at least one measure"));
  EXPECT_TRUE(
      has(message(view + "gap = \"1m\"\nslide = \"1m\"\nmeasures = [\"count() as n\"]\n"), "got a gap and a slide"));
  EXPECT_TRUE(
      has(message(view + "gap = \"1m\"\nmeasures = [\"count() as n\"]\n"), "expected step(), then() or maybe()"));
  const std::string sessions = "[[gold.view]]\nname = \"mine\"\nkeys = [\"user_id\"]\ngap = \"1h\"\n";
  EXPECT_TRUE(
      has(message(sessions + "measures = [\"any(buys) as n\", \"count() as buy\"]\n"), "did you mean \"buy\"?"));
  EXPECT_TRUE(has(message(sessions + "measures = [\"unless(buy, buy) as n\", \"count() as buy\"]\n"),
                  "expected the name of a sum() of money"));
  EXPECT_TRUE(has(message(view + "measures = [\"first(user_id) as n\"]\n"), "only a session has a first event"));
  EXPECT_TRUE(has(message("[[gold.view]]\nname = \"product_interest\"\nkeys = [\"product_id\"]\ngap = \"1h\"\n"
                          "measures = [\"count(view) as views\"]\n"),
                  "expected windows, which alerts are made of"));
  EXPECT_TRUE(has(message(view + "measures = [\"count() as n\"]\n" + view + "measures = [\"count() as n\"]\n"),
                  "mine is declared twice"));
  EXPECT_TRUE(has(message("[[gold.view]]\nname = \"events\"\nsize = \"1h\"\nmeasures = [\"count() as n\"]\n"),
                  "a name that no other table of Gold has"));
  EXPECT_TRUE(has(message("[[gold.view]]\nname = \"alerts\"\nsize = \"1h\"\nmeasures = [\"count() as n\"]\n"),
                  "a name that no other table of Gold has"));
  EXPECT_TRUE(has(message("[[gold.view]]\nname = \"product_interest\"\nsize = \"1h\"\nmeasures = [\"count() as n\"]\n"),
                  "the key and all measures of the built-in product_interest"));
  EXPECT_TRUE(has(message("[gold.view]\nname = \"mine\"\n"), "gold.view is a list of tables"));
  EXPECT_TRUE(has(message("[gold]\nviews = 5\n"), "unknown key gold.views; did you mean \"gold.view\"?"));
  set("PACTOLUS__GOLD__VIEW=mine");
  project("");
  EXPECT_TRUE(has(only_error().message, "expected tables [[gold.view]], got \"mine\""));
}

TEST_F(ConfigTest, ASecretIsRefusedAndNotRepeated) {
  project("[kafka.properties]\n\"sasl.password\" = \"hunter2\"\n[postgres]\npassword = \"hunter2\"\n");
  set("PACTOLUS__KAFKA__PROPERTIES__SSL_KEY_PASSWORD=hunter2");
  const LoadedConfig loaded = load();
  ASSERT_GE(loaded.errors.size(), 3u);
  EXPECT_TRUE(has(loaded.errors[0].where, "pactolus.toml:2 kafka.properties.sasl.password")) << loaded.errors[0].where;
  EXPECT_TRUE(has(loaded.errors[0].hint, "\"sasl.password_file\""));
  for (const Error& error : loaded.errors) {
    EXPECT_FALSE(has(error.message + error.hint + error.where, "hunter2"));
    EXPECT_TRUE(has(error.message, "looks like a secret")) << error.message;
  }
  EXPECT_TRUE(loaded.config.kafka.properties.empty());
}

TEST_F(ConfigTest, ASecretsFileIsNamedAsItsKeyIs) {
  for (const char* name : {"passwordfile", "password"}) {
    project(fmt::format("[postgres]\n{} = \"hunter2\"\n", name));
    EXPECT_TRUE(has(only_error().hint, "\"password_file\" = ")) << only_error().hint;
  }
}

TEST_F(ConfigTest, WhatLibpqDoesNotTakeIsNoServer) {
  for (const char* url : {"mysql://shop:geheim@db/analytics", "mysql://shop:ge/heim@db", "shop:geheim@db:5432/x", "db",
                          "db:5432/analytics"}) {
    project(fmt::format("[postgres]\nurl = \"{}\"\n", url));
    EXPECT_TRUE(has(only_error().message, "expected a URL")) << url;
    EXPECT_FALSE(has(only_error().message, "heim")) << only_error().message;
  }
  project("[postgres]\nurl = \"postgresql://db/x?connect_timeout=3&%70assword=geheim\"\n");
  EXPECT_TRUE(has(only_error().message, "expected a URL without a password"));
  EXPECT_FALSE(has(only_error().message, "heim")) << only_error().message;
  for (const char* url :
       {"", "postgres://db", "postgresql://shop@db:5432/analytics", "host=db user=shop",
        "postgresql://db/x?application_name=50%25&connect_timeout=3", "host=db application_name=a://b"}) {
    project(fmt::format("[postgres]\nurl = \"{}\"\n", url));
    EXPECT_EQ(good().postgres.url, url);
  }
}

TEST_F(ConfigTest, NamesThatOnlyMentionSecretsAreNone) {
  EXPECT_FALSE(looks_secret("sasl.password_file"));
  EXPECT_FALSE(looks_secret("sasl.oauthbearer.token.endpoint.url"));
  EXPECT_FALSE(looks_secret("ssl.key.location"));
  EXPECT_TRUE(looks_secret("ssl.keystore.password"));
  EXPECT_TRUE(looks_secret("ssl.key.pem"));
  EXPECT_TRUE(looks_secret("sasl.oauthbearer.client.secret"));
}

TEST_F(ConfigTest, ABuiltInEventTypeCannotBeAddedAgain) {
  project("[events]\ntypes = [\"purchase\"]\n");
  EXPECT_TRUE(has(only_error().message, "this type is built in"));
}

TEST_F(ConfigTest, AnEventTypeLikeAnUnknownOneGetsASuggestion) {
  project("[events]\ntypes = [\"wishlist=veiw\"]\n");
  EXPECT_TRUE(has(only_error().message, "did you mean \"view\"?"));
}

TEST_F(ConfigTest, KafkaAsASource) {
  project("[bronze]\nfrom = \"kafka\"\n");
  EXPECT_EQ(good().bronze.from, BronzeFrom::kafka);
  flag("--from", "bronze.from", "kafka://a:9092,b:9093/clicks");
  const Config c = good();
  EXPECT_EQ(c.bronze.from, BronzeFrom::kafka);
  EXPECT_EQ(c.kafka.bootstrap, "a:9092,b:9093");
  EXPECT_EQ(c.kafka.topic, "clicks");
  for (const char* wrong :
       {"kafka://a:9092", "kafka://a/clicks", "kafka://a:9092/", "kafka://a:9092/a/b", "http://a:1/b"}) {
    Config config;
    EXPECT_FALSE(assign(find_config_key("bronze.from")->slot(config), RawValue::untyped(wrong))) << wrong;
  }
}

TEST_F(ConfigTest, ATimeZoneIsCheckedWhereTheSystemKnowsZones) {
  if (!fs::exists("/usr/share/zoneinfo/tzdata.zi")) GTEST_SKIP() << "no zone database here";
  project("[shop]\ntime_zone = \"europe/Berlim\"\n");
  EXPECT_TRUE(has(only_error().message, "did you mean \"Europe/Berlin\"?"));
}

TEST_F(ConfigTest, ValuesThatNoKeyTakesAreShownAsWritten) {
  project("[run]\nthreads = true\n[dedup]\nhorizon = 2025-11-29\n");
  const LoadedConfig loaded = load();
  ASSERT_EQ(loaded.errors.size(), 2u);
  EXPECT_TRUE(has(loaded.errors[0].message, "got true"));
  EXPECT_TRUE(has(loaded.errors[1].message, "got 2025-11-29"));
}

TEST_F(ConfigTest, WhereATopicIsBegun) {
  EXPECT_EQ(good().run.start, StartFrom{});
  project("[run]\nstart = \"latest\"\n");
  EXPECT_EQ(good().run.start.kind, StartFrom::Kind::latest);
  flag("--start", "run.start", "2025-11-29T10:15:30+02:00");
  const Config c = good();
  EXPECT_EQ(c.run.start, (StartFrom{StartFrom::Kind::time, *parse_iso_time("2025-11-29T08:15:30Z")}));
  Config again;
  ASSERT_TRUE(assign(find_config_key("run.start")->slot(again),
                     RawValue::untyped(plain_value(*find_config_key("run.start"), c))));
  EXPECT_EQ(again.run.start, c.run.start);
  EXPECT_EQ(toml_value(*find_config_key("run.start"), Config{}), "\"earliest\"");
}

TEST_F(ConfigTest, WhichLogAndWhereInItAreTwoQuestions) {
  project("[run]\nstart = \"embedded\"\n");
  EXPECT_EQ(only_error().hint, "which log is read is bronze.from");
  project("[bronze]\nfrom = \"latest\"\n");
  EXPECT_EQ(only_error().hint, "where a topic is begun is run.start");
  project("[run]\nstart = \"lastest\"\n");
  EXPECT_EQ(only_error().message.substr(only_error().message.find("expected")),
            "expected \"earliest\", \"latest\" or a time such as \"2025-11-29T10:15:30Z\", got \"lastest\"; did you "
            "mean \"latest\"?");
  project("[run]\nstart = 2025-11-29T10:15:30Z\n");
  EXPECT_EQ(only_error().hint, "a time stands in quotes");
}

TEST_F(ConfigTest, AnUnreadableFileIsAnErrorAndNotTheDefaults) {
  fs::create_directory(root_ / "pactolus.toml");
  EXPECT_TRUE(has(only_error().message, "cannot read the configuration"));
}

TEST_F(ConfigTest, TheTemplateChangesNothing) {
  project(config_template());
  const LoadedConfig loaded = load();
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_TRUE(loaded.origins.empty());
}

TEST_F(ConfigTest, TheTemplateSwitchedOnSaysTheDefaults) {
  std::istringstream lines(config_template());
  std::string text;
  int keys = 0;
  for (std::string line; std::getline(lines, line) && !has(line, "[[gold.view]]");) {
    const bool is_key = line.starts_with("# ") && line.find(" = ") != std::string::npos && !has(line, "\"#\"");
    keys += is_key;
    text += (is_key ? line.substr(2) : line) + "\n";
  }
  // The example property stands below a section that stays switched off.
  const size_t property = text.find("\"socket.timeout.ms\"");
  ASSERT_NE(property, std::string::npos);
  text.insert(property, "properties.");
  EXPECT_EQ(size_t(keys), config_keys().size());
  project(text);
  const Config config = good(), defaults;
  for (const ConfigKey& key : config_keys()) {
    if (is_table_key(key.name)) continue;
    EXPECT_EQ(toml_value(key, config), toml_value(key, defaults)) << key.name;
  }
  // The example of a view behind them is one.
  std::string view;
  for (std::string line = "# [[gold.view]]"; line.starts_with("# "); std::getline(lines, line))
    view += line.substr(2) + "\n";
  project(view);
  EXPECT_EQ(good().gold.views.size(), built_in_views().size() + 1);
}

TEST(ConfigValues, AreWrittenAsTheyAreRead) {
  for (const char* text : {"0s", "1us", "1500us", "250ms", "90s", "5m", "24h", "7d", "36h"}) {
    Config config;
    const ConfigKey& key = *find_config_key("time.allowed_lateness");
    ASSERT_TRUE(assign(key.slot(config), RawValue::untyped(text))) << text;
    EXPECT_EQ(plain_value(key, config), text);
  }
  EXPECT_EQ(size_value(64 << 20), "64MiB");
  EXPECT_EQ(size_value(1000), "1000");
  EXPECT_EQ(toml_key("a.b"), "\"a.b\"");
  EXPECT_EQ(toml_quoted("a\"b\\\x7f"), "\"a\\\"b\\\\\\u007F\"");
}

TEST(ConfigValues, AFailedAssignmentLeavesTheValue) {
  Config config;
  config.run.threads = 4;
  EXPECT_FALSE(assign(find_config_key("run.threads")->slot(config), RawValue::untyped("5000")));
  EXPECT_EQ(config.run.threads, 4);
}

}  // namespace
}  // namespace pactolus
