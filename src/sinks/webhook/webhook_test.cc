#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/json.h"
#include "base/test_folder.h"
#include "sinks/webhook/webhook_sink.h"

namespace pactolus {
namespace {

TEST(HttpUrl, IsTakenApart) {
  const HttpUrl plain = *parse_http_url("http://shop.example:8080/hooks/a?b=c#d");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "shop.example");
  EXPECT_EQ(plain.port, "8080");
  EXPECT_EQ(plain.target, "/hooks/a?b=c");
  EXPECT_EQ(plain.authority, "shop.example:8080");
  const HttpUrl tls = *parse_http_url("https://[::1]");
  EXPECT_TRUE(tls.tls);
  EXPECT_EQ(tls.host, "::1");
  EXPECT_EQ(tls.port, "443");
  EXPECT_EQ(tls.target, "/");
  EXPECT_EQ(tls.authority, "[::1]");
  EXPECT_EQ(parse_http_url("https://[::1]:9/x")->port, "9");
  EXPECT_EQ(parse_http_url("https://h?q")->target, "/?q");
  for (const char* wrong : {"ftp://x", "x", "http://", "http://u:p@h/", "http://h:0/", "http://h:99999/", "http://h:x/",
                            "http://h/a b", "http://h/a\r\nX: y", "https:///x"})
    EXPECT_EQ(parse_http_url(wrong).error().code, ErrorCode::invalid) << wrong;
}

TEST(RetryAfter, IsSecondsOrADateByTheReceiversClock) {
  const char* now = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(parse_retry_after("120", ""), 120'000'000);
  EXPECT_EQ(parse_retry_after("0", now), 0);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), 60'000'000);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now), 0);
  EXPECT_EQ(parse_retry_after("Mon, 07 Nov 1994 08:49:37 GMT", now), 3600'000'000);  // an hour at most
  EXPECT_EQ(parse_retry_after("99999999999999999999999", now), 3600'000'000);
  for (const char* wrong : {"", "5 minutes", "-3", "-99999999999999999999999", "soon", "Sun, 06 Nob 1994 08:50:37 GMT",
                            "Sun, 36 Nov 1994 08:50:37 GMT"})
    EXPECT_EQ(parse_retry_after(wrong, now), std::nullopt) << wrong;
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", ""), std::nullopt);
}

// Of another implementation: openssl dgst -sha256 -hmac, and the example of standardwebhooks.com.
TEST(Webhook, SignsAsOthersDo) {
  EXPECT_EQ(webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                              R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(BackOff, DoublesUpToAQuarterOfAnHour) {
  for (const auto& [attempts, seconds] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 2}, {5, 16}, {11, 900}, {90, 900}}) {
    std::set<int64_t> waits;
    for (const char* id : {"a", "b", "c", "d"}) {
      const int64_t wait = back_off_us(attempts, id);
      EXPECT_GE(wait, seconds * 800'000);
      EXPECT_LE(wait, seconds * 1'200'000);
      waits.insert(wait);
    }
    EXPECT_GT(waits.size(), 2u);
  }
}

class Queue : public InAFolder {
 protected:
  WebhookQueue open(WebhookQueue::Position first = {4, 9}) {
    auto queue = WebhookQueue::open(root_ / "webhooks", "shop", first);
    if (!queue) ADD_FAILURE() << queue.error().message;
    return std::move(*queue);
  }
  std::vector<std::string> dead() {
    std::vector<std::string> out;
    std::ifstream file(root_ / "webhooks/shop.dead.ndjson");
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }
};

TEST_F(Queue, BeginsWhereItIsToldAndGoesOnWhereItWas) {
  EXPECT_EQ(open().position(), (WebhookQueue::Position{4, 9}));
  EXPECT_TRUE(open({7, 70}).add({{"a", "{}"}, {"b", "{}"}}, {5, 10}));
  WebhookQueue again = open({8, 80});
  EXPECT_EQ(again.position(), (WebhookQueue::Position{5, 10}));
  ASSERT_EQ(again.pending(), 2u);
  EXPECT_EQ(again.due(0)->id, "a");
  EXPECT_TRUE(again.taken());
  EXPECT_EQ(open().due(0)->id, "b");
}

TEST_F(Queue, KeepsTheOrderWhenTheFirstFails) {
  WebhookQueue queue = open();
  EXPECT_TRUE(queue.add({{"a", "{}"}, {"b", "{}"}}, {5, 10}));
  EXPECT_TRUE(queue.failed(1'000'000, "busy", 3, 0, false));
  EXPECT_EQ(queue.due(1'000'000), nullptr);
  const int64_t next = *queue.next_due();
  EXPECT_EQ(next, 1'000'000 + back_off_us(1, "a"));
  EXPECT_EQ(queue.due(next)->id, "a");
  EXPECT_TRUE(queue.failed(next, "busy", 3, 60'000'000, false));  // it has asked for a minute
  EXPECT_EQ(*queue.next_due(), next + 60'000'000);
  EXPECT_EQ(open().due(*queue.next_due())->attempts, 2);
}

TEST_F(Queue, PutsAsideWhatWasRefusedTooOftenOrForGood) {
  WebhookQueue queue = open();
  EXPECT_TRUE(queue.add({{"a", R"({"x":1})"}, {"b", "{}"}, {"c", "{}"}}, {5, 10}));
  EXPECT_TRUE(queue.failed(0, "busy", 2, 0, false));
  EXPECT_TRUE(dead().empty());
  EXPECT_TRUE(queue.failed(0, "busy", 2, 0, false));
  EXPECT_TRUE(queue.failed(0, "no", 2, 0, true));
  EXPECT_EQ(queue.due(0)->id, "c");
  EXPECT_EQ(open().dead(), 2);
  ASSERT_EQ(dead().size(), 2u);
  EXPECT_EQ(dead()[0],
            R"({"id":"a","time":"1970-01-01T00:00:00.000000Z","attempts":2,"error":"busy","message":{"x":1}})");
}

TEST_F(Queue, OfAnotherFormatIsNotTouched) {
  open();
  std::ofstream(root_ / "webhooks/shop.json") << "{\"format\":2}";
  EXPECT_EQ(WebhookQueue::open(root_ / "webhooks", "shop", {}).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace pactolus
