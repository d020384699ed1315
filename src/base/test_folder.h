// For tests with files: a folder of each test's own, which is gone when the test has ended.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"

namespace pactolus {

class InAFolder : public ::testing::Test {
 protected:
  InAFolder() {
    char name[] = "/tmp/pactolus_test_XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~InAFolder() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  fs::path root_;
};

}  // namespace pactolus
