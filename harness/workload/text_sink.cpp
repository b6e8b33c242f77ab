// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/text_sink.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

namespace tlblab {

namespace {
gzFile file_of(void* file) noexcept { return static_cast<gzFile>(file); }
}  // namespace

TextSink::TextSink(std::string path)
    : path_(std::move(path)), part_(fmt::format("{}.part-{}", path_, getpid())) {
  // T: zlib passes the text on as it is.
  file_ = gzopen(part_.c_str(), path_.ends_with(".gz") ? "wb" : "wbT");
  if (file_ == nullptr) throw std::system_error(errno, std::generic_category(), path_);
}

TextSink::~TextSink() {
  if (file_ == nullptr) return;
  gzclose(file_of(file_));
  unlink(part_.c_str());
}

void TextSink::add(std::string_view text) {
  lines_ += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  if (text.empty() || error_ != 0) return;
  if (gzwrite(file_of(file_), text.data(), static_cast<unsigned>(text.size())) <= 0)
    error_ = errno != 0 ? errno : EIO;
}

void TextSink::commit() {
  if (gzclose(file_of(std::exchange(file_, nullptr))) != Z_OK && error_ == 0)
    error_ = errno != 0 ? errno : EIO;
  if (error_ == 0 && std::rename(part_.c_str(), path_.c_str()) != 0) error_ = errno;
  if (error_ == 0) return;
  unlink(part_.c_str());
  throw std::system_error(error_, std::generic_category(), path_);
}

}  // namespace tlblab
